// Steps that are sums of products: matrices and convolutions.
#include "decode_steps.h"

namespace nabla {

void StepDecoder::gemm(Step& s) {
  GemmTask& t = s.gemm;
  t = GemmTask();
  t.bf16 = in_.flag("a precision");
  t.batchRank = in_.below(MAX_BATCH + 1, "the number of batch axes");
  idx batch = 1;
  for (int i = 0; i < t.batchRank; i++) batch = product(in_, batch, t.batch[i] = in_.size("a size"), "a batch");
  t.m = in_.size("a size");
  t.n = in_.size("a size");
  t.k = in_.size("a size");
  s.nothing = batch == 0 || t.m == 0 || t.n == 0;
  matrix(s, 0, t.batchRank, t.batch, t.aBatch, t.m, t.k, t.aRow, t.aCol, false);
  matrix(s, 1, t.batchRank, t.batch, t.bBatch, t.k, t.n, t.bRow, t.bCol, false);
  s.plain = in_.flag("a plain store");
  if (s.plain) matrix(s, 2, t.batchRank, t.batch, t.outBatch, t.m, t.n, t.outRow, t.outCol, true);
  else epilogue(s, batch, t.m, t.n, t.epilogue);
  const idx results = product(in_, product(in_, batch, t.m, "a result"), t.n, "a result");
  // Short rows fill a vector nonetheless.
  const double width = (double)((t.n + 15) / 16 * 16);
  s.nanoseconds += t.n == 0 ? 0 : (double)results / (double)t.n * width * (double)(t.k + 8) / (1.7 * kernels_.vectorBytes);
  s.tiles = times(times(batch, (t.m + 15) / 16), (t.n + 31) / 32);
  if (in_.ok() && !s.nothing) s.scratch = kernels_.gemmScratch(t);
}

void StepDecoder::matrix(Step& s, int which, int32_t rank, const idx* batch, idx* strides, idx rows, idx cols, idx& row, idx& col, bool write) {
  Operand& o = s.operand[which];
  o.buffer = guard_.buffer();
  o.offset = in_.number("an offset");
  Extent e{o.offset, o.offset, !s.nothing};
  for (int i = 0; i < rank; i++) e.axis(batch[i], strides[i] = in_.number("a stride"));
  e.axis(rows, row = in_.number("a stride"));
  e.axis(cols, col = in_.number("a stride"));
  touch(o, e, write);
}

void StepDecoder::conv(Step& s) {
  ConvTask& t = s.conv;
  t = ConvTask();
  s.form = in_.below(3, "a convolution's form");
  t.n = in_.size("a size");
  t.c = in_.size("a size");
  t.o = in_.size("a size");
  t.groups = in_.size("a size");
  in_.require(t.groups > 0 && t.c % t.groups == 0 && t.o % t.groups == 0, "groups do not divide the channels");
  idx pixels = t.n, taps = 1, points = t.n;
  for (int i = 0; i < SPATIAL; i++) {
    pixels = times(pixels, t.in[i] = in_.size("a size"));
    taps = times(taps, t.kernel[i] = in_.size("a size"));
    points = times(points, t.size[i] = in_.size("a size"));
    t.stride[i] = in_.size("a stride");
    t.padLo[i] = in_.number("a padding");
    t.dilation[i] = in_.size("a dilation");
    in_.require(t.stride[i] > 0 && t.dilation[i] > 0, "a stride or dilation is not positive");
    times(t.size[i] + 1, t.stride[i]);
    times(t.kernel[i] + 1, t.dilation[i]);
  }
  if (!in_.ok()) return;
  const idx x = times(pixels, t.c), y = times(points, t.o), w = times(times(taps, t.c / t.groups), t.o);
  const idx sizes[3][3] = {{x, w, y}, {y, w, x}, {x, y, w}};
  const idx cols[3] = {t.o, t.c, t.o};
  whole(s, 0, F32, sizes[s.form][0], false);
  whole(s, 1, F32, sizes[s.form][1], false);
  const idx results = sizes[s.form][2], width = cols[s.form];
  s.nothing = results == 0;
  s.plain = in_.flag("a plain store");
  if (s.plain) whole(s, 2, F32, results, true);
  else epilogue(s, 1, width > 0 ? results / width : 0, width, t.epilogue);
  s.nanoseconds += (double)y * (double)taps * (double)(t.c / t.groups) / 25;
  if (in_.ok() && !s.nothing) s.scratch = kernels_.convScratch(t);
}

}  // namespace nabla
