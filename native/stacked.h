// The filter's gradient of few channels, as a first layer has them. The source lines under a line of pixels are stacked with zeros around
// them, [position][line][channel], so that a pixel's whole patch is one run of memory: every tile reads it there, as long as it likes.
#pragma once
#include "filter.h"

namespace KNS {

constexpr idx STACK_FLOATS = 1 << 15;  // of the stacked lines of one pass

// Rows of the result in the order of a patch: taps along w, then planes (taps along the other axes), then channels.
struct Stacked {
  idx planes, step;     // floats of a position
  idx reach;            // positions under a line's chunk
  idx rows;
  FilterBlock block;
};
NABLA_INLINE Stacked stackedOf(const ConvTask& t) {
  Stacked s;
  s.planes = t.kernel[0] * t.kernel[1];
  s.step = s.planes * (t.c / t.groups);
  s.rows = s.step * t.kernel[2];
  s.block = filterBlock(t);
  s.reach = most(0, s.block.chunk - 1) * t.stride[2] + t.kernel[2];
  return s;
}
NABLA_INLINE bool filterStacked(const ConvTask& t) {
  const idx channels = t.c / t.groups;
  if (channels == 0 || channels >= FILTER_CHANNELS || t.size[2] < FILTER_LINE || t.dilation[2] != 1 || tapsOf(t.kernel) == 0) return false;
  const Stacked s = stackedOf(t);
  return s.reach <= STACK_FLOATS && s.block.lines * s.reach <= STACK_FLOATS && s.block.lines * s.reach * s.step <= STACK_FLOATS;
}

struct StackedParts {
  idx packed, stack, sums, results, lists, total;
};
NABLA_INLINE StackedParts stackedParts(const ConvTask& t) {
  const Stacked s = stackedOf(t);
  const idx number = (idx)sizeof(float), results = roundUp(s.rows * (t.o / t.groups) * number, 64);
  StackedParts p;
  p.packed = 0;
  p.stack = p.packed + roundUp(s.block.lines * s.block.chunk * NR * number, 64);
  p.sums = p.stack + roundUp(s.block.lines * s.reach * s.step * number, 64);
  p.results = p.sums + results;
  p.lists = p.results + (t.out ? 0 : results);
  p.total = p.lists + s.block.lines * (idx)sizeof(Line);
  return p;
}

// to[x * step + c] = from[x * channels + c] for c < run, x < n; zeros where `from` is null.
NABLA_INLINE void stackLine(float* to, idx step, const float* from, idx channels, idx run, idx n) {
  if (run == 1) {
    for (idx x = 0; x < n; x++) to[x * step] = from ? from[x * channels] : 0;
    return;
  }
  const Tail tail = tailOf(least(run, VN));
  for (idx x = 0; x < n; x++)
    for (idx c = 0; c < run; c += VN) {
      const Tail t = run <= VN ? tail : tailOf(least(VN, run - c));
      stTail(to + x * step + c, from ? ldTail(from + x * channels + c, t) : VF{}, t);
    }
}

NABLA_FUNCTION void filterStacks(const ConvTask& t, Worker& w) {
  const Lattice l = forwardLattice(t);
  const Stacked s = stackedOf(t);
  const StackedParts parts = stackedParts(t);
  const idx inC = t.c / t.groups, outC = t.o / t.groups, line = l.pixels[2], linesOut = l.images * l.pixels[0] * l.pixels[1];
  float *packed = (float*)(w.scratch + parts.packed), *stack = (float*)(w.scratch + parts.stack);
  float *sums = (float*)(w.scratch + parts.sums), *results = (float*)(w.scratch + parts.results);
  Line* lists = (Line*)(w.scratch + parts.lists);
  const idx strips = (s.rows + MR - 1) / MR, begin = l.shift[2];
  const AbreastShare mine = abreastShare(w, t.groups * strips, outC);
  if (mine.cols.end <= mine.cols.begin) return;
  for (idx u = mine.units.begin; u < mine.units.end;) {
    const idx g = u / strips, u0 = u - g * strips, u1 = least(mine.units.end - g * strips, strips);
    bool first = true;
    // Also where there is no pixel: then the sums are 0.
    for (idx p = 0; p == 0 || p < linesOut; p += s.block.lines)
      for (idx w0 = 0; w0 == 0 || w0 < line; w0 += s.block.chunk) {
        const idx rows = least(s.block.lines, linesOut - p), width = least(s.block.chunk, line - w0);
        const idx from = w0 * l.scale[2] + begin, reach = (width - 1) * l.scale[2] + l.kernel[2];
        const idx before = least(reach, most(0, -from)), after = least(reach - before, most(0, from + reach - l.source[2]));
        for (idx r = 0; r < rows; r++) {
          const idx image = (p + r) / l.pixels[1] / l.pixels[0];
          for (idx plane = 0; plane < s.planes; plane++) {
            const idx h = sourceAt(l, 1, (p + r) % l.pixels[1], plane % l.kernel[1]);
            const idx d = sourceAt(l, 0, (p + r) / l.pixels[1] % l.pixels[0], plane / l.kernel[1]);
            float* to = stack + r * reach * s.step + plane * inC;
            if (d < 0 || h < 0) {
              stackLine(to, s.step, nullptr, 0, inC, reach);
              continue;
            }
            const float* x = t.a + (((image * l.source[0] + d) * l.source[1] + h) * l.source[2] + from + before) * l.channels + g * inC;
            stackLine(to, s.step, nullptr, 0, inC, before);
            stackLine(to + before * s.step, s.step, x, l.channels, inC, reach - before - after);
            stackLine(to + (reach - after) * s.step, s.step, nullptr, 0, inC, after);
          }
          lists[r] = Line{r * reach * s.step, r * width};
        }
        const Run run = {0, 0, width};
        for (idx j = mine.cols.begin; j < mine.cols.end; j += NR) {
          const idx cols = least(NR, mine.cols.end - j);
          const float* y = t.b + (p * line + w0) * t.o + g * outC + j;
          const bool pack = t.o > DIRECT_COLS;
          if (pack) packRows(packed, wholeVectors(cols), y, t.o, cols, rows * width);
          RunTile tile;
          tile.b = pack ? packed : y;
          tile.ldb = pack ? wholeVectors(cols) : t.o;
          tile.stepA = 1;
          tile.lda = s.step * l.scale[2];
          tile.ldc = outC;
          tile.first = first;
          tile.tail = tailOf((cols - 1) % VN + 1);
          tile.runs = &run;
          tile.runCount = 1;
          tile.lines = lists;
          tile.lineCount = rows;
          for (idx v = u0; v < u1; v++) {
            const idx r0 = cutRows(s.rows, v, strips), r1 = cutRows(s.rows, v + 1, strips);
            tile.a = stack + r0;
            tile.c = sums + r0 * outC + j;
            pickRunTile(r1 - r0, cols)(tile);
          }
        }
        first = false;
      }
    // The rows where the result has them.
    float* out = t.out ? t.out + g * outC : results;
    const idx ld = t.out ? t.o : outC, c = mine.cols.begin, cols = mine.cols.end - c;
    for (idx r = cutRows(s.rows, u0, strips), end = cutRows(s.rows, u1, strips); r < end;) {
      const idx tap = r / inC % s.planes * l.kernel[2] + r / s.step, channel = r % inC, n = least(inC - channel, end - r);
      const idx row = tap * inC + channel;
      for (idx i = 0; i < n; i++) copyFloats(out + (row + i) * ld + c, sums + (r + i) * outC + c, cols);
      if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, out + row * ld + c, ld, 0, row, n, g * outC + c, cols, w);
      r += n;
    }
    u += u1 - u0;
  }
}

}  // namespace KNS
