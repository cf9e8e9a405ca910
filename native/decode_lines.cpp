// Steps along one axis and steps that move elements: windows, scans, gather, scatter, sort and copy.
#include "decode_steps.h"

#include <math.h>

namespace nabla {

void StepDecoder::window(Step& s) {
  WindowTask& t = s.window;
  t = WindowTask();
  s.form = in_.flag("a window's form");
  t.dtype = (DType)in_.below(3, "a window's dtype");
  t.kind = (ReduceKind)in_.below(2, "a window's kind");
  in_.require(!s.form || t.kind == REDUCE_MAX, "an argWindow has no such kind");
  t.rank = in_.below(MAX_AXES + 1, "the number of axes");
  idx elements = 1, results = 1, taps = 1;
  for (int i = 0; i < t.rank; i++) {
    elements = times(elements, t.in[i] = in_.size("a size"));
    results = times(results, t.size[i] = in_.size("a size"));
    taps = times(taps, t.window[i] = in_.size("a size"));
    t.stride[i] = in_.size("a stride");
    t.padLo[i] = in_.number("a padding");
    t.dilation[i] = in_.size("a dilation");
    in_.require(t.stride[i] > 0 && t.dilation[i] > 0 && t.window[i] > 0, "a window, stride or dilation is not positive");
    times(t.size[i] + 1, t.stride[i]);
    times(t.window[i] + 1, t.dilation[i]);
  }
  whole(s, 0, t.dtype, elements, false);
  whole(s, 1, s.form ? I32 : t.dtype, results, true);
  s.nothing = results == 0;
  s.nanoseconds = (double)results * (1 + (double)taps);
}

StepDecoder::Box StepDecoder::box() {
  Box b;
  b.outer = in_.size("a size");
  b.length = in_.size("a size");
  b.inner = in_.size("a size");
  times(b.outer, b.inner);
  return b;
}

void StepDecoder::cumulate(Step& s) {
  CumulateTask& t = s.cumulate;
  t = CumulateTask();
  t.dtype = (DType)in_.below(3, "a scan's dtype");
  t.kind = (ReduceKind)in_.below(3, "a scan's kind");
  t.reverse = in_.flag("a direction");
  const Box b = box();
  t.outer = b.outer, t.length = b.length, t.inner = b.inner;
  const idx total = times(b.lines(), b.length);
  whole(s, 0, t.dtype, total, false);
  whole(s, 1, t.dtype, total, true);
  s.nothing = total == 0;
  s.nanoseconds = (double)total;
}

void StepDecoder::gather(Step& s) {
  GatherTask& t = s.gather;
  t = GatherTask();
  const DType dtype = (DType)in_.below(DTYPES, "a dtype");
  t.along = in_.flag("a gather's form");
  t.elementBytes = (int32_t)widthOf(dtype);
  t.fill = (uint32_t)in_.word();
  const Box b = box();
  t.outer = b.outer, t.length = b.length, t.inner = b.inner;
  t.count = in_.size("a size");
  const idx results = times(b.lines(), t.count);
  whole(s, 0, dtype, times(b.lines(), b.length), false);
  whole(s, 1, I32, t.along ? results : t.count, false);
  whole(s, 2, dtype, results, true);
  s.nothing = results == 0;
  s.nanoseconds = (double)results * (t.along || b.inner < 8 ? 1.5 : 0.3);
}

void StepDecoder::scatter(Step& s) {
  ScatterTask& t = s.scatter;
  t = ScatterTask();
  t.dtype = (DType)in_.below(DTYPES, "a dtype");
  t.along = in_.flag("a scatter's form");
  t.add = in_.flag("a scatter's mode");
  in_.require(!t.add || t.dtype <= U32, "a scatter cannot add this dtype");
  const Box b = box();
  t.outer = b.outer, t.length = b.length, t.inner = b.inner;
  t.count = in_.size("a size");
  const idx updates = times(b.lines(), t.count), total = times(b.lines(), b.length);
  whole(s, 0, t.dtype, total, false);
  whole(s, 1, I32, t.along ? updates : t.count, false);
  whole(s, 2, t.dtype, updates, false);
  whole(s, 3, t.dtype, total, true);
  s.nothing = total == 0;
  s.nanoseconds = (double)updates * 1.5 + (double)total * 0.1;
}

void StepDecoder::sort(Step& s) {
  SortTask& t = s.sort;
  t = SortTask();
  t.dtype = (DType)in_.below(DTYPES, "a dtype");
  t.descending = in_.flag("a direction");
  const Box b = box();
  t.outer = b.outer, t.length = b.length, t.inner = b.inner;
  t.k = in_.size("a size");
  in_.require(t.k <= t.length && t.length <= INT32_MAX, "a sort's length is out of range");
  const idx total = times(b.lines(), b.length);
  whole(s, 0, t.dtype, total, false);
  whole(s, 1, I32, times(b.lines(), t.k), true);
  s.nothing = b.lines() == 0 || t.k == 0;
  s.nanoseconds = (double)total * (1 + log2((double)t.length + 1)) * 2;
  if (in_.ok() && !s.nothing) s.scratch = kernels_.sortScratch(t);
}

void StepDecoder::copy(Step& s) {
  const DType dtype = (DType)in_.below(DTYPES, "a dtype");
  const idx total = in_.size("a size");
  whole(s, 0, dtype, total, false);
  whole(s, 1, dtype, total, true);
  s.copy = CopyTask{nullptr, nullptr, total * widthOf(dtype)};
  s.nothing = total == 0;
}

}  // namespace nabla
