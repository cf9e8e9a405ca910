// Segments of a bound program: how their rows and lines are handed to the catalogue's kernel.
#pragma once
#include "interp.h"

namespace KNS {

using namespace nabla;

NABLA_FUNCTION void callUniforms(const Frame& f, KernelCall& c) {
  const Binding& b = *f.program->binding;
  for (int32_t k = 0; k < b.uniforms; k++) c.uniform[k] = f.reg[b.uniform[k]][0];
}

// Past the caches only what this step does not read, in whole lines of memory.
NABLA_INLINE bool streams(const Frame& f, const TileAccess& x, const char* at, idx rowBytes) {
  if (!f.segment->stream || widthOf(x.dtype) != 4 || ((uintptr_t)at | (uintptr_t)rowBytes) % VB != 0) return false;
  for (int32_t i = 0; i < f.program->loads; i++)
    if (f.segment->loads[i].buffer == x.buffer) return false;
  return true;
}

// One call: c.rows x c.length elements, the first at what `at` adds to an access's offset, rows apart by what `apart` says.
template <class At, class Apart> NABLA_INLINE void callKernel(const Frame& f, KernelCall& c, const At& at, const Apart& apart, int last) {
  const Binding& b = *f.program->binding;
  const Segment& s = *f.segment;
  for (int32_t k = 0; k < b.loads; k++) {
    const TileAccess& x = s.loads[b.load[k]];
    const idx width = widthOf(x.dtype);
    if (x.buffer == ACCUMULATOR) c.in[k] = KernelCall::In{(const char*)f.acc, f.accLd * 4, 4, -1};
    else
      c.in[k] = KernelCall::In{f.buffers[x.buffer] + (x.offset + at(x)) * width, apart(x) * width, width,
                               last >= 0 && x.stride[last] == 0 && !x.linear ? 0 : (idx)-1};
  }
  for (int32_t k = 0; k < b.indices; k++) {
    const TileAccess& x = s.indices[b.index[k]];
    c.index[k] = KernelCall::Index{(uint32_t)(x.offset + at(x)), (uint32_t)apart(x), last >= 0 ? (uint32_t)x.stride[last] : 0u};
  }
  for (int32_t k = 0; k < b.stores; k++) {
    const TileAccess& x = s.stores[b.store[k]];
    const idx width = widthOf(x.dtype), rowBytes = apart(x) * width;
    char* to = f.buffers[x.buffer] + (x.offset + at(x)) * width;
    c.out[k] = KernelCall::Out{to, rowBytes, streams(f, x, to, rowBytes)};
  }
  b.kernel(c);
}

// Whether every operand of a map lies as its elements are counted.
NABLA_FUNCTION bool isStraight(const Frame& f) {
  const Binding& b = *f.program->binding;
  const Segment& s = *f.segment;
  bool all = true;
  for (int32_t k = 0; k < b.loads; k++) all &= s.loads[b.load[k]].linear || s.loads[b.load[k]].buffer == ACCUMULATOR;
  for (int32_t k = 0; k < b.indices; k++) all &= s.indices[b.index[k]].linear;
  for (int32_t k = 0; k < b.stores; k++) all &= s.stores[b.store[k]].linear;
  return all;
}

// What position `pos` of all axes adds to an access's offset.
NABLA_INLINE idx offsetOf(const TileAccess& x, const Segment& s, idx pos) {
  idx at = 0;
  for (int a = s.axes - 1; a >= 0; a--) {
    const idx q = a == 0 ? 0 : pos / s.size[a];
    at += (pos - q * s.size[a]) * x.stride[a];
    pos = q;
  }
  return at;
}

// Elements [from, to) of a map.
NABLA_FUNCTION void boundMap(Frame& f, idx from, idx to) {
  const Segment& s = *f.segment;
  if (from >= to) return;
  KernelCall c;
  callUniforms(f, c);
  c.together = VN;
  if (isStraight(f)) {
    c.rows = 1;
    c.length = to - from;
    return callKernel(f, c, [from](const TileAccess&) { return from; }, [](const TileAccess&) { return (idx)0; }, s.axes - 1);
  }
  const int last = s.axes - 1, above = s.axes - 2;
  const idx line = s.size[last], lines = above >= 0 ? s.size[above] : 1;
  for (idx p = from; p < to; p += c.rows * c.length) {
    const bool whole = p % line == 0 && to - p >= line;
    c.length = whole ? line : least(line - p % line, to - p);
    c.rows = whole ? least((to - p) / line, lines - p / line % lines) : 1;
    callKernel(
        f, c, [&](const TileAccess& x) { return offsetOf(x, s, p); },
        [&](const TileAccess& x) { return above >= 0 ? x.stride[above] : 0; }, last);
  }
}

// Rows [from, to) of a segment with reductions.
NABLA_FUNCTION void boundRows(Frame& f, idx from, idx to) {
  const Segment& s = *f.segment;
  KernelCall c;
  callUniforms(f, c);
  c.rows = to - from;
  c.length = s.length;
  c.kept = (uint32_t*)f.rows;
  c.keptStride = placeStride(s.length);
  c.keptRow = most(roundUp(s.length, LANES), LANES);
  c.together = least(VN, most(BLOCK_WORDS / c.keptRow, 1));
  callKernel(
      f, c, [&](const TileAccess& x) { return s.outer > 0 ? from * x.stride[0] : 0; },
      [&](const TileAccess& x) { return s.outer > 0 ? x.stride[0] : 0; }, s.axes > s.outer ? s.outer : -1);
}

// Part of a contraction's result, or false where its lines are not the kernel's.
NABLA_FUNCTION bool boundPart(Frame& f, const EpilogueContext& e, idx first, idx rows, idx cols) {
  const Segment& s = *f.segment;
  const bool straight = isStraight(f), contiguous = cols == e.cols && f.accLd == cols;
  if (!straight && !(s.axes >= 2 && s.size[s.axes - 1] == e.cols)) return false;
  KernelCall c;
  callUniforms(f, c);
  c.together = VN;
  c.length = cols;
  if (straight) {
    c.rows = contiguous ? 1 : rows;
    if (contiguous) c.length = rows * cols;
    callKernel(f, c, [&](const TileAccess&) { return first; }, [&](const TileAccess&) { return e.cols; }, s.axes - 1);
    return true;
  }
  // Lines lie equally far apart only within one run of the axis above them.
  const int above = s.axes - 2;
  for (idx done = 0; done < rows; done += c.rows, f.acc += c.rows * f.accLd) {
    const idx p = first + done * e.cols;
    c.rows = least(rows - done, s.size[above] - p / e.cols % s.size[above]);
    callKernel(
        f, c, [&](const TileAccess& x) { return offsetOf(x, s, p); }, [&](const TileAccess& x) { return x.stride[above]; }, s.axes - 1);
  }
  return true;
}

}  // namespace KNS
