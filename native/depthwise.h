// Depthwise convolution and its gradients: one filter per channel, so nothing to multiply as matrices. Vectors run along channels, each
// lane adding its taps (or pixels) in increasing order. Where every tap along a line lies inside, several pixels go together.
#pragma once
#include "gemm.h"
#include "patch.h"

namespace KNS {

NABLA_INLINE bool isDepthwise(const ConvTask& t) { return t.groups > 1 && t.groups == t.c && t.groups == t.o; }

constexpr idx DEPTHWISE_PIXELS = 64;  // of a line, handed to an epilogue at once
constexpr int HELD_PIXELS = VB == 64 ? 8 : 6;  // in registers
constexpr int HELD_TAPS = 9;

// Floats from a pixel to what a tap meets, and to its weights.
struct Tap {
  idx source, weight;
};

// Every `every`-th pixel of a line from `first` on, `count` of them: the same taps along the line, `along`, unless they leave the source.
// None of pixels begin .. end does. Pixel i finds them `step` source pixels further than pixel i - 1.
struct Comb {
  idx first, every, count, step;
  const Tap* along;
  idx taps, begin, end;
};
struct DepthwiseParts {
  idx along, lines, taps, combs, sums, total;
};
NABLA_INLINE DepthwiseParts depthwiseParts(const ConvTask& t) {
  const idx taps = tapsOf(t.kernel);
  DepthwiseParts p;
  p.along = 0;
  p.lines = p.along + t.kernel[2] * (idx)sizeof(Tap);
  p.taps = p.lines + t.kernel[0] * t.kernel[1] * (idx)sizeof(Tap);
  p.combs = p.taps + taps * (idx)sizeof(Tap);
  p.sums = roundUp(p.combs + t.stride[2] * (idx)sizeof(Comb), 64);
  p.total = p.sums + most(DEPTHWISE_PIXELS * PART, taps * t.c) * (idx)sizeof(float);
  return p;
}

NABLA_FUNCTION idx depthwiseScratch(const ConvTask& t) { return isDepthwise(t) ? depthwiseParts(t).total : 0; }

NABLA_INLINE bool meets(const Lattice& l, const Comb& f, idx i, const Tap& tap, idx channels) {
  const idx at = tap.source + i * f.step * channels;
  return at >= 0 && at < l.source[2] * channels;
}
// Pixels x0 .. x1 that leave `rest` when divided as the lattice does. The taps are written to `list`, sources as of pixel 0.
NABLA_INLINE Comb combOf(const Lattice& l, idx x0, idx x1, idx rest, Tap* list, idx channels, bool backward) {
  Comb f;
  f.every = l.divide[2], f.step = l.scale[2];
  f.first = x0 + (rest - x0 % f.every + f.every) % f.every;
  f.count = f.first < x1 ? (x1 - f.first + f.every - 1) / f.every : 0;
  f.along = list, f.taps = 0;
  for (idx tw = 0; tw < l.kernel[2]; tw++) {
    const idx at = f.first * l.scale[2] + tw * l.step[2] + l.shift[2];
    if (at % f.every == 0) list[f.taps++] = Tap{at / f.every * channels, (backward ? l.kernel[2] - 1 - tw : tw) * channels};
  }
  f.begin = 0, f.end = f.count;
  // Sources increase from tap to tap.
  while (f.begin < f.end && f.taps > 0 && !meets(l, f, f.begin, list[0], channels)) f.begin++;
  while (f.end > f.begin && f.taps > 0 && !meets(l, f, f.end - 1, list[f.taps - 1], channels)) f.end--;
  return f;
}

// The lines that meet line `at` of the result.
NABLA_INLINE idx linesOf(Tap* list, const Lattice& l, const Pixel& at, idx channels, bool backward) {
  idx n = 0;
  for (idx td = 0; td < l.kernel[0]; td++) {
    const idx d = sourceAt(l, 0, at.at[0], td);
    if (d < 0) continue;
    for (idx th = 0; th < l.kernel[1]; th++) {
      const idx h = sourceAt(l, 1, at.at[1], th);
      if (h < 0) continue;
      const idx plane = td * l.kernel[1] + th, from = backward ? l.kernel[0] * l.kernel[1] - 1 - plane : plane;
      list[n++] = Tap{((at.image * l.source[0] + d) * l.source[1] + h) * l.source[2] * channels, from * l.kernel[2] * channels};
    }
  }
  return n;
}
NABLA_INLINE void nextLine(const Lattice& l, Pixel& p) {
  if (++p.at[1] < l.pixels[1]) return;
  p.at[1] = 0;
  if (++p.at[0] < l.pixels[0]) return;
  p.at[0] = 0, p.image++;
}

// ---- pixels ----

struct Pixels {
  float* out;
  idx ld;
  const float* x;
  idx stepX;
  const float* w;
  const Tap *lines, *along;
  idx lineCount, taps;
};

// M pixels of N vectors of channels.
template <int M, int N, bool EDGE> NABLA_INLINE void depthwiseTile(const Pixels& t, idx j, Tail tail) {
  VF acc[M][N];
  const float* from[M];
#pragma GCC unroll 8
  for (int i = 0; i < M; i++) {
    from[i] = t.x + i * t.stepX + j;
#pragma GCC unroll 4
    for (int v = 0; v < N; v++) acc[i][v] = VF{};
  }
  const float* weights = t.w + j;
  const Tap *end = t.lines + t.lineCount, *along = t.along, *alongEnd = along + t.taps;
  for (const Tap* line = t.lines; line < end; line++) {
    const idx source = line->source, weight = line->weight;
    for (const Tap* tap = along; tap < alongEnd; tap++) {
      const idx at = source + tap->source;
      const float* w = weights + weight + tap->weight;
#pragma GCC unroll 4
      for (int v = 0; v < N; v++) {
        const VF wv = EDGE ? ldTail(w + v * VN, tail) : ld(w + v * VN);
#pragma GCC unroll 8
        for (int i = 0; i < M; i++) acc[i][v] = vfma(EDGE ? ldTail(from[i] + at + v * VN, tail) : ld(from[i] + at + v * VN), wv, acc[i][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; i++)
#pragma GCC unroll 4
    for (int v = 0; v < N; v++) {
      float* to = t.out + i * t.ld + j + v * VN;
      if (EDGE) stTail(to, acc[i][v], tail);
      else st(to, acc[i][v]);
    }
}
template <int M> NABLA_FUNCTION void depthwiseTiles(const Pixels& t, idx cols) {
  constexpr int N = M == 1 ? 4 : M == 2 ? 2 : 1;
  idx j = 0;
  for (; j + N * VN <= cols; j += N * VN) depthwiseTile<M, N, false>(t, j, Tail());
  for (; N > 1 && j + VN <= cols; j += VN) depthwiseTile<M, 1, false>(t, j, Tail());
  if (j < cols) depthwiseTile<M, 1, true>(t, j, tailOf(cols - j));
}
typedef void (*PixelsFn)(const Pixels&, idx cols);
NABLA_INLINE PixelsFn pickPixels(idx m) {
#define NABLA_PIXELS(M) depthwiseTiles<M <= HELD_PIXELS ? M : 1>
  static constexpr PixelsFn of[] = {NABLA_PIXELS(1), NABLA_PIXELS(2), NABLA_PIXELS(3), NABLA_PIXELS(4),
                                    NABLA_PIXELS(5), NABLA_PIXELS(6), NABLA_PIXELS(7), NABLA_PIXELS(8)};
#undef NABLA_PIXELS
  return of[m - 1];
}

template <bool BACKWARD> NABLA_FUNCTION void depthwisePixels(const ConvTask& t, Worker& w) {
  const Lattice l = BACKWARD ? backwardLattice(t) : forwardLattice(t);
  const DepthwiseParts parts = depthwiseParts(t);
  const idx channels = t.c, line = l.pixels[2];
  Tap *along = (Tap*)(w.scratch + parts.along), *lines = (Tap*)(w.scratch + parts.lines);
  Comb* combs = (Comb*)(w.scratch + parts.combs);
  float* panel = (float*)(w.scratch + parts.sums);
  const Range mine = share(l.images * l.pixels[0] * l.pixels[1], 1, w.index, w.count);
  if (mine.begin == mine.end) return;
  Pixels tile;
  tile.lines = lines;
  tile.stepX = l.scale[2] * channels;
  for (idx x0 = 0; x0 < line; x0 += DEPTHWISE_PIXELS) {
    const idx x1 = least(line, x0 + DEPTHWISE_PIXELS);
    Tap* list = along;
    for (idx rest = 0; rest < l.divide[2]; rest++) {
      combs[rest] = combOf(l, x0, x1, rest, list, channels, BACKWARD);
      list += combs[rest].taps;
    }
    Pixel at = pixelOf(l, mine.begin * line);
    for (idx p = mine.begin; p < mine.end; p++, nextLine(l, at)) {
      tile.lineCount = linesOf(lines, l, at, channels, BACKWARD);
      const idx row = p * line + x0;
      for (idx c = 0; c < channels; c += PART) {
        const idx cols = least(PART, channels - c), ld = t.out ? channels : PART;
        float* out = t.out ? t.out + row * channels + c : panel;
        tile.w = t.b + c;
        for (idx rest = 0; rest < l.divide[2]; rest++) {
          const Comb& f = combs[rest];
          tile.ld = f.every * ld;
          for (idx i = 0; i < f.count;) {
            idx n = 1;
            tile.along = f.along, tile.taps = f.taps;
            if (i >= f.begin && i < f.end) {
              const idx left = f.end - i, cuts = (left + HELD_PIXELS - 1) / HELD_PIXELS;
              n = left / cuts;
            } else {
              while (tile.taps > 0 && !meets(l, f, i, tile.along[0], channels)) tile.along++, tile.taps--;
              while (tile.taps > 0 && !meets(l, f, i, tile.along[tile.taps - 1], channels)) tile.taps--;
            }
            tile.out = out + (f.first - x0 + i * f.every) * ld;
            tile.x = t.a + c + i * tile.stepX;
            pickPixels(n)(tile, cols);
            i += n;
          }
        }
        if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, out, ld, 0, row, x1 - x0, c, cols, w);
      }
    }
  }
}

// ---- the filter ----

// The sums of T taps along `count` pixels.
template <int T, bool EDGE> NABLA_INLINE void addTaps(float* sums, const float* x, idx stepX, const float* y, idx stepY, const Tap* list, idx count, Tail tail) {
  VF acc[T];
  const float* from[T];
#pragma GCC unroll 9
  for (int q = 0; q < T; q++) {
    acc[q] = EDGE ? ldTail(sums + list[q].weight, tail) : ld(sums + list[q].weight);
    from[q] = x + list[q].source;
  }
  for (idx i = 0; i < count; i++) {
    const VF yv = EDGE ? ldTail(y + i * stepY, tail) : ld(y + i * stepY);
#pragma GCC unroll 9
    for (int q = 0; q < T; q++) {
      acc[q] = vfma(EDGE ? ldTail(from[q], tail) : ld(from[q]), yv, acc[q]);
      from[q] += stepX;
    }
  }
#pragma GCC unroll 9
  for (int q = 0; q < T; q++) {
    if (EDGE) stTail(sums + list[q].weight, acc[q], tail);
    else st(sums + list[q].weight, acc[q]);
  }
}
template <int T> NABLA_FUNCTION void addTapsOf(float* sums, const float* x, idx stepX, const float* y, idx stepY, const Tap* list, idx count, idx cols) {
  idx j = 0;
  for (; j + VN <= cols; j += VN) addTaps<T, false>(sums + j, x + j, stepX, y + j, stepY, list, count, Tail());
  if (j < cols) addTaps<T, true>(sums + j, x + j, stepX, y + j, stepY, list, count, tailOf(cols - j));
}
typedef void (*AddTapsFn)(float*, const float*, idx, const float*, idx, const Tap*, idx, idx);
NABLA_INLINE AddTapsFn pickAddTaps(idx taps) {
  static constexpr AddTapsFn of[HELD_TAPS] = {addTapsOf<1>, addTapsOf<2>, addTapsOf<3>, addTapsOf<4>, addTapsOf<5>,
                                              addTapsOf<6>, addTapsOf<7>, addTapsOf<8>, addTapsOf<9>};
  return of[taps - 1];
}

// w[tap, c] = sum over pixels of x[where the tap meets, c] * y[pixel, c]; threads own channels.
NABLA_FUNCTION void depthwiseFilter(const ConvTask& t, Worker& w) {
  const Lattice l = forwardLattice(t);
  const DepthwiseParts parts = depthwiseParts(t);
  const idx channels = t.c, taps = tapsOf(t.kernel), line = l.pixels[2];
  Tap *along = (Tap*)(w.scratch + parts.along), *lines = (Tap*)(w.scratch + parts.lines), *list = (Tap*)(w.scratch + parts.taps);
  const Range mine = share(channels, LANES, w.index, w.count);
  const idx c = mine.begin, cols = mine.end - mine.begin, stepX = l.scale[2] * channels;
  if (cols == 0) return;
  float* sums = (t.out ? t.out : (float*)(w.scratch + parts.sums)) + c;
  for (idx tap = 0; tap < taps; tap++) zeroFloats(sums + tap * channels, cols);
  const Comb f = combOf(l, 0, line, 0, along, channels, false);
  Pixel at = {};
  for (idx p = 0; p < l.images * l.pixels[0] * l.pixels[1]; p++, nextLine(l, at)) {
    const idx lineCount = linesOf(lines, l, at, channels, false);
    const float* y = t.b + p * line * channels + c;
    for (idx i = 0; i < line;) {
      const bool whole = i >= f.begin && i < f.end;
      const idx count = whole ? f.end - i : 1;
      idx n = 0;
      for (idx q = 0; q < lineCount; q++)
        for (idx a = 0; a < f.taps; a++)
          if (whole || meets(l, f, i, along[a], channels)) list[n++] = Tap{lines[q].source + along[a].source, lines[q].weight + along[a].weight};
      for (idx q = 0; q < n; q += HELD_TAPS) {
        const idx some = least(HELD_TAPS, n - q);
        pickAddTaps(some)(sums, t.a + c + i * stepX, stepX, y + i * channels, channels, list + q, count, cols);
      }
      i += count;
    }
  }
  if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, sums, channels, 0, 0, taps, c, cols, w);
}

}  // namespace KNS
