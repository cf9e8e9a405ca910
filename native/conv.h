// The convolution trio as matrix products over blocks of patches, channels last. Sums run over taps, then channels (or over pixels, for
// the filter's gradient) in one fixed order. Depthwise shapes have their own loops (depthwise.h).
#pragma once
#include "depthwise.h"
#include "stacked.h"

namespace KNS {

constexpr idx SMALL = 1 << 16;         // multiply-adds below which one thread does all
constexpr idx PATCH_FLOATS = 1 << 17;  // of a block of patches
constexpr idx FILTER_ROWS = 512;       // rows of the filter's gradient made at once
constexpr idx FILTER_DEPTH = 256;      // pixels summed per pass over them

struct ConvScratch {
  idx patch, weights, panel;
};
// Enough for each of the trio.
NABLA_INLINE idx patchBlock(idx depth) {
  idx rows = PATCH_FLOATS / most(depth, 1) / MR * MR;
  return most(MR, least(rows, MC));
}
NABLA_INLINE ConvScratch convParts(const ConvTask& t) {
  const idx taps = tapsOf(t.kernel);
  const idx forward = taps * (t.c / t.groups), backward = taps * (t.o / t.groups);
  ConvScratch s;
  s.patch = most(most(patchBlock(forward) * forward, patchBlock(backward) * backward), FILTER_ROWS * FILTER_DEPTH);
  s.weights = most(most(forward, backward), FILTER_DEPTH) * (PART + NR);
  s.panel = most(MC, FILTER_ROWS) * PART;
  s.patch = roundUp(s.patch, LANES);
  return s;
}
NABLA_FUNCTION idx convScratch(const ConvTask& t) {
  ConvScratch s = convParts(t);
  idx bytes = most((s.patch + s.weights + s.panel) * (idx)sizeof(float), depthwiseScratch(t));
  if (t.n >= LEAST_ABREAST) bytes = most(bytes, most(abreastParts(t, abreastOf(t, false)).total, abreastParts(t, abreastOf(t, true)).total));
  if (filterInPlace(t)) bytes = most(bytes, filterParts(t).total);
  if (filterStacked(t)) bytes = most(bytes, stackedParts(t).total);
  return bytes;
}

// This thread's groups, rows and columns of a result of `groups` blocks of rows x cols.
struct ConvShare {
  Range groups, rows, cols;
};
NABLA_INLINE ConvShare convShare(const Worker& w, idx groups, idx rows, idx cols, idx depth) {
  Grid grid = {1, 1, 1};
  if (w.count > 1 && groups * rows * cols * most(depth, 1) >= SMALL) grid = chooseGrid(groups, rows, cols, w.count);
  const ConvShare none = {{0, 0}, {0, 0}, {0, 0}};
  if (w.index >= grid.batches * grid.rows * grid.cols) return none;
  const idx tile = w.index % (grid.rows * grid.cols);
  ConvShare s;
  s.groups = share(groups, 1, w.index / (grid.rows * grid.cols), grid.batches);
  s.rows = share(rows, 1, tile / grid.cols, grid.rows);
  s.cols = share(cols, VN, tile % grid.cols, grid.cols);
  return s;
}

// result[pixel, g * cols + j] = patches of group g times that group's weights: forward, or the input's gradient with the weights turned.
template <bool BACKWARD> NABLA_INLINE void convPixels(const ConvTask& t, Worker& w) {
  const Lattice l = BACKWARD ? backwardLattice(t) : forwardLattice(t);
  const idx taps = tapsOf(t.kernel), inC = t.c / t.groups, outC = t.o / t.groups;
  const idx channels = BACKWARD ? outC : inC;  // of the source, per group
  const idx cols = BACKWARD ? inC : outC;      // of the result, per group
  const idx total = BACKWARD ? t.c : t.o;
  const idx depth = taps * channels;
  const float *source = t.a, *weights = t.b;
  const ConvScratch parts = convParts(t);
  float* patch = (float*)w.scratch;
  float* packed = patch + parts.patch;
  float* panel = packed + parts.weights;
  const ConvShare mine = convShare(w, t.groups, pixelRows(l), cols, depth);
  const idx step = patchBlock(depth);
  const idx rows = mine.rows.end - mine.rows.begin;
  for (idx g = mine.groups.begin; g < mine.groups.end; g++)
    for (idx c = mine.cols.begin; c < mine.cols.end; c += PART) {
      Block block;
      block.cols = least(PART, mine.cols.end - c);
      block.k = depth;
      block.lda = depth;
      block.unit = Unit::Cols;
      block.packedA = false;
      block.first = true;
      block.far = false;
      block.packedB = BACKWARD || rows > 6 * MR;
      block.b = block.packedB ? packed : weights + g * outC + c;
      block.ldb = t.o;
      if (BACKWARD) {
        for (idx j = 0; j < block.cols; j += NR) {
          const idx n = least(NR, block.cols - j), width = wholeVectors(n);
          for (idx tap = 0; tap < taps && channels > 0; tap++)
            packTransposed(packed + j * depth + tap * channels * width, width, weights + ((taps - 1 - tap) * inC + c + j) * t.o + g * outC, t.o, n, channels);
        }
      } else if (block.packedB) {
        packB(packed, weights + g * outC + c, t.o, 1, block.cols, depth);
      }
      for (idx r = mine.rows.begin; r < mine.rows.end; r += step) {
        block.rows = least(step, mine.rows.end - r);
        patchRows(patch, depth, l, source, r, block.rows, 0, taps, g * channels, (g + 1) * channels);
        block.a = patch;
        block.c = t.out ? t.out + r * total + g * cols + c : panel;
        block.ldc = t.out ? total : PART;
        blockTimes(block);
        if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, block.c, block.ldc, 0, r, block.rows, g * cols + c, block.cols, w);
      }
    }
}

NABLA_FUNCTION void conv(const ConvTask& t, Worker& w) {
  if (isDepthwise(t)) depthwisePixels<false>(t, w);
  else if (t.n >= LEAST_ABREAST) abreastPixels<false>(t, w);
  else convPixels<false>(t, w);
}

NABLA_FUNCTION void convInputGrad(const ConvTask& t, Worker& w) {
  if (isDepthwise(t)) depthwisePixels<true>(t, w);
  else if (t.n >= LEAST_ABREAST) abreastPixels<true>(t, w);
  else convPixels<true>(t, w);
}

// w[tap, c, o] = sum over pixels of x's patch [pixel, (tap, c)] * y[pixel, o].
NABLA_FUNCTION void convFilterGrad(const ConvTask& t, Worker& w) {
  if (isDepthwise(t)) return depthwiseFilter(t, w);
  if (filterInPlace(t)) return filterLines(t, w);
  if (filterStacked(t)) return filterStacks(t, w);
  const Lattice l = forwardLattice(t);
  const idx inC = t.c / t.groups, outC = t.o / t.groups, pixels = pixelRows(l);
  const ConvScratch parts = convParts(t);
  float* patch = (float*)w.scratch;
  float* packed = patch + parts.patch;
  float* panel = packed + parts.weights;
  const ConvShare mine = convShare(w, t.groups, tapsOf(t.kernel) * inC, outC, pixels);
  for (idx g = mine.groups.begin; g < mine.groups.end; g++)
    for (idx c = mine.cols.begin; c < mine.cols.end; c += PART)
      for (idx r = mine.rows.begin; r < mine.rows.end;) {
        // Whole taps where they fit, else part of one.
        const idx left = mine.rows.end - r, tap = r / inC, channel = r % inC;
        const bool whole = channel == 0 && left >= inC && inC <= FILTER_ROWS;
        const idx taps = whole ? least(left / inC, FILTER_ROWS / inC) : 1;
        const idx run = whole ? inC : least(least(left, inC - channel), FILTER_ROWS);
        Block block;
        block.rows = taps * run;
        block.cols = least(PART, mine.cols.end - c);
        block.a = patch;
        block.lda = block.rows;
        block.unit = Unit::Rows;
        block.packedA = false;
        block.far = false;
        block.packedB = block.rows > 6 * MR;
        block.ldb = t.o;
        block.c = t.out ? t.out + r * t.o + g * outC + c : panel;
        block.ldc = t.out ? t.o : PART;
        for (idx p = 0; p == 0 || p < pixels; p += FILTER_DEPTH) {
          block.k = least(FILTER_DEPTH, pixels - p);
          block.first = p == 0;
          patchRows(patch, block.rows, l, t.a, p, block.k, tap, tap + taps, g * inC + channel, g * inC + channel + run);
          const float* y = t.b + p * t.o + g * outC + c;
          if (block.packedB) packB(packed, y, t.o, 1, block.cols, block.k);
          block.b = block.packedB ? packed : y;
          blockTimes(block);
        }
        if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, block.c, block.ldc, 0, r, block.rows, g * outC + c, block.cols, w);
        r += block.rows;
      }
}

// The way each of the trio takes, in words, in the order of the forms.
NABLA_FUNCTION const char* convPath(const ConvTask& t, int form) {
  if (isDepthwise(t)) return "depthwise";
  if (form == 2) return filterInPlace(t) ? "lines in place" : filterStacked(t) ? "stacked lines" : "patches";
  if (t.n < LEAST_ABREAST) return "patches";
  return abreastOf(t, form == 1).turned ? "images abreast in the columns" : "images abreast";
}

}  // namespace KNS
