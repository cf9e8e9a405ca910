// Depthwise convolution and its gradients: one filter per channel, so nothing to multiply as matrices. Vectors run along channels, each
// lane adding its taps (or pixels) in increasing order.
#pragma once
#include "gemm.h"
#include "patch.h"

namespace KNS {

NABLA_INLINE bool isDepthwise(const ConvTask& t) { return t.groups > 1 && t.groups == t.c && t.groups == t.o; }

constexpr idx DEPTHWISE_ROWS = 64;  // pixels handed to an epilogue at once

NABLA_FUNCTION idx depthwiseScratch(const ConvTask& t) {
  if (!isDepthwise(t)) return 0;
  const idx taps = tapsOf(t.kernel);
  return roundUp(taps * 2 * (idx)sizeof(idx), 64) + most(DEPTHWISE_ROWS * PART, taps) * (idx)sizeof(float);
}

// The taps of one pixel that meet a source pixel: pairs (offset of that pixel's channels, tap).
NABLA_INLINE idx listTaps(idx* list, const Lattice& l, const Pixel& p) {
  idx n = 0, tap = 0;
  for (idx td = 0; td < l.kernel[0]; td++)
    for (idx th = 0; th < l.kernel[1]; th++) {
      const idx d = sourceAt(l, 0, p.at[0], td), h = sourceAt(l, 1, p.at[1], th);
      if (d < 0 || h < 0) {
        tap += l.kernel[2];
        continue;
      }
      const idx line = ((p.image * l.source[0] + d) * l.source[1] + h) * l.source[2];
      for (idx tw = 0; tw < l.kernel[2]; tw++, tap++) {
        const idx w = sourceAt(l, 2, p.at[2], tw);
        if (w < 0) continue;
        list[2 * n] = (line + w) * l.channels;
        list[2 * n + 1] = tap;
        n++;
      }
    }
  return n;
}

template <bool BACKWARD> NABLA_FUNCTION void depthwisePixels(const ConvTask& t, Worker& w) {
  const Lattice l = BACKWARD ? backwardLattice(t) : forwardLattice(t);
  const idx channels = t.c, taps = tapsOf(t.kernel);
  idx* list = (idx*)w.scratch;
  float* panel = (float*)(w.scratch + roundUp(taps * 2 * (idx)sizeof(idx), 64));
  const Range mine = share(pixelRows(l), 1, w.index, w.count);
  for (idx r = mine.begin; r < mine.end; r += DEPTHWISE_ROWS) {
    const idx rows = least(DEPTHWISE_ROWS, mine.end - r);
    for (idx c = 0; c < channels; c += PART) {
      const idx cols = least(PART, channels - c);
      float* out = t.out ? t.out + r * channels + c : panel;
      const idx ld = t.out ? channels : PART;
      Pixel p = pixelOf(l, r);
      for (idx i = 0; i < rows; i++) {
        const idx n = listTaps(list, l, p);
        for (idx j = 0; j < cols; j += VN) {
          const Tail tail = tailOf(least(VN, cols - j));
          VF acc{};
          for (idx q = 0; q < n; q++)
            acc = vfma(ldTail(t.a + list[2 * q] + c + j, tail), ldTail(t.b + list[2 * q + 1] * channels + c + j, tail), acc);
          stTail(out + i * ld + j, acc, tail);
        }
        nextPixel(l, p);
      }
      if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, out, ld, 0, r, rows, c, cols, w);
    }
  }
}

// w[tap, c] = sum over pixels of x[where the tap meets, c] * y[pixel, c]; threads own channels.
NABLA_FUNCTION void depthwiseFilter(const ConvTask& t, Worker& w) {
  const Lattice l = forwardLattice(t);
  const idx channels = t.c, taps = tapsOf(t.kernel), rows = pixelRows(l);
  idx* list = (idx*)w.scratch;
  float* panel = (float*)(w.scratch + roundUp(taps * 2 * (idx)sizeof(idx), 64));
  const Range mine = share(channels, LANES, w.index, w.count);
  // As many channels at once as let every tap's sum stay in the panel.
  const idx step = t.out ? PART : most(1, least(PART, DEPTHWISE_ROWS * PART / taps));
  for (idx c = mine.begin; c < mine.end; c += step) {
    const idx cols = least(step, mine.end - c);
    float* out = t.out ? t.out + c : panel;
    const idx ld = t.out ? channels : step;
    for (idx tap = 0; tap < taps; tap++) zeroFloats(out + tap * ld, cols);
    Pixel p = rows > 0 ? pixelOf(l, 0) : Pixel();
    for (idx r = 0; r < rows; r++) {
      const idx n = listTaps(list, l, p);
      for (idx q = 0; q < n; q++) {
        const float *x = t.a + list[2 * q] + c, *y = t.b + r * channels + c;
        float* sum = out + list[2 * q + 1] * ld;
        for (idx j = 0; j < cols; j += VN) {
          const Tail tail = tailOf(least(VN, cols - j));
          stTail(sum + j, vfma(ldTail(x + j, tail), ldTail(y + j, tail), ldTail(sum + j, tail)), tail);
        }
      }
      nextPixel(l, p);
    }
    if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, out, ld, 0, 0, taps, c, cols, w);
  }
}

}  // namespace KNS
