// Products whose result is a vector: y[i] = sum over p of m[i * strideI + p * strideK] * x[p], and small results of a long sum.
// Their order of summation is their own, fixed by the task's shape: 16 virtual lanes for dot products, 8 slices of k for the deep ones.
#pragma once
#include "tile.h"

namespace KNS {

// ---- matrix rows adjoin along i: whole vectors of results, in increasing k ----

constexpr int WIDE = 8;                    // vectors of results at once

// Whether a matrix is read row by row: past the second-level cache, while in the third, or where rows would share cache sets.
NABLA_INLINE bool streams(idx strideK, idx n, idx k) {
  return n > WIDE * VN && n * k > (1 << 18) && (n * k <= (1 << 22) || strideK % 1024 == 0);
}

template <int V> NABLA_INLINE TileFn acrossTile(idx vectors) {
  if constexpr (V == 1) return tile<1, 1, Unit::Rows, true>;
  else return vectors == V ? tile<1, V, Unit::Rows, true> : acrossTile<V - 1>(vectors);
}

// y (+)= ROWS rows of m, read to their ends side by side: as many streams as the prefetchers follow.
template <int ROWS> NABLA_INLINE void addRows(float* y, const float* x, const float* m, idx strideK, idx n, bool first) {
  idx i = 0;
  for (; i + VN <= n; i += VN) {
    VF acc = first ? VF{} : ld(y + i);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) acc = vfma(splat(x[r]), ld(m + r * strideK + i), acc);
    st(y + i, acc);
  }
  if (i == n) return;
  const Tail tail = tailOf(n - i);
  VF acc = first ? VF{} : ldTail(y + i, tail);
  for (int r = 0; r < ROWS; r++) acc = vfma(splat(x[r]), ldTail(m + r * strideK + i, tail), acc);
  stTail(y + i, acc, tail);
}

NABLA_FUNCTION void vectorAcross(float* y, const float* x, const float* m, idx strideK, idx n, idx k) {
  if (streams(strideK, n, k)) {
    idx p = 0;
    for (; p + 8 <= k; p += 8) addRows<8>(y, x + p, m + p * strideK, strideK, n, p == 0);
    for (; p < k; p++) addRows<1>(y, x + p, m + p * strideK, strideK, n, p == 0);
    return;
  }
  TileArgs args;
  args.k = k;
  args.a = x;
  args.lda = 1;
  args.ldb = strideK;
  args.ldc = 0;
  args.first = true;
  for (idx i = 0; i < n; i += WIDE * VN) {
    const idx cols = least(WIDE * VN, n - i);
    args.b = m + i;
    args.c = y + i;
    args.tail = tailOf((cols - 1) % VN + 1);
    if (cols == WIDE * VN) tile<1, WIDE, Unit::Rows, false>(args);
    else acrossTile<WIDE>((cols + VN - 1) / VN)(args);
  }
}

// ---- matrix rows adjoin along k: dot products over 16 virtual lanes ----

constexpr int DOTS = 8 / VPL;  // rows at once: eight accumulators hide the latency of one

// sums[r] = the lanes of row r folded to one vector.
template <int ROWS> NABLA_INLINE void dots(VF* sums, const float* x, const float* m, idx strideI, idx k) {
  VF acc[ROWS][VPL];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++) acc[r][v] = VF{};
  idx p = 0;
  for (; p + LANES <= k; p += LANES)
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++) {
      VF xv = ld(x + p + v * VN);
#pragma GCC unroll 8
      for (int r = 0; r < ROWS; r++) acc[r][v] = vfma(ld(m + r * strideI + p + v * VN), xv, acc[r][v]);
    }
  if (p < k)
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++) {
      const idx left = k - p - v * VN;
      const Tail tail = tailOf(least(VN, most(1, left)));
      VF xv = left > 0 ? ldTail(x + p + v * VN, tail) : VF{};
#pragma GCC unroll 8
      for (int r = 0; r < ROWS; r++) acc[r][v] = vfma(left > 0 ? ldTail(m + r * strideI + p + v * VN, tail) : VF{}, xv, acc[r][v]);
    }
#pragma GCC unroll 4
  for (int half = VPL / 2; half > 0; half /= 2)
#pragma GCC unroll 4
    for (int v = 0; v < half; v++)
#pragma GCC unroll 8
      for (int r = 0; r < ROWS; r++) acc[r][v] = acc[r][v] + acc[r][v + half];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++) sums[r] = acc[r][0];
}

// The vectors row(first), row(first + step), ... to their sums in that order: the tree of hsum, all rows at once. Recursive, so that few
// vectors live at a time.
template <int N, class Row> NABLA_INLINE VF foldRows(const Row& row, int first = 0, int step = 1) {
  if constexpr (N == 1) {
    return row(first);
  } else {
    const VF a = foldRows<N / 2>(row, first, step * 2), b = foldRows<N / 2>(row, first + step, step * 2);
    return zipLow(a, b) + zipHigh(a, b);
  }
}

// VN rows no longer than the virtual lanes: a product each, and the fold.
NABLA_INLINE VF shortDots(const VF (&xv)[VPL], const Tail (&tails)[VPL], int vectors, const float* m, idx strideI) {
  return foldRows<VN>([&](int i) __attribute__((always_inline)) {
    VF lanes[VPL];
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++) lanes[v] = vfma(v < vectors ? ldTail(m + i * strideI + v * VN, tails[v]) : VF{}, xv[v], VF{});
#pragma GCC unroll 4
    for (int half = VPL / 2; half > 0; half /= 2)
#pragma GCC unroll 4
      for (int v = 0; v < half; v++) lanes[v] = lanes[v] + lanes[v + half];
    return lanes[0];
  });
}

// y[i] for whole vectors of rows; returns how many.
NABLA_FUNCTION __attribute__((noinline)) idx manyShortDots(float* y, const float* x, const float* m, idx strideI, idx n, idx k) {
  const int vectors = (int)((k + VN - 1) / VN);
  VF xv[VPL];
  Tail tails[VPL];
  for (int v = 0; v < VPL; v++) {
    tails[v] = tailOf(least(VN, most(1, k - v * VN)));
    xv[v] = v < vectors ? ldTail(x + v * VN, tails[v]) : VF{};
  }
  idx i = 0;
  for (; i + VN <= n; i += VN) st(y + i, shortDots(xv, tails, vectors, m + i * strideI, strideI));
  return i;
}

NABLA_FUNCTION __attribute__((noinline)) void vectorDots(float* y, const float* x, const float* m, idx strideI, idx n, idx k) {
  VF sums[VN];
  const auto sum = [&](int r) __attribute__((always_inline)) { return sums[r]; };
  idx i = k <= LANES && k > 0 ? manyShortDots(y, x, m, strideI, n, k) : 0;
  for (; i + VN <= n; i += VN) {
    for (int r = 0; r < VN; r += DOTS) dots<DOTS>(sums + r, x, m + (i + r) * strideI, strideI, k);
    st(y + i, foldRows<VN>(sum));
  }
  if (i == n) return;
  for (int r = 0; r < VN; r++) sums[r] = VF{};
  idx r = 0;
  for (; r + DOTS <= n - i; r += DOTS) dots<DOTS>(sums + r, x, m + (i + r) * strideI, strideI, k);
  for (; r < n - i; r++) dots<1>(sums + r, x, m + (i + r) * strideI, strideI, k);
  stTail(y + i, foldRows<VN>(sum), tailOf(n - i));
}

// ---- a small result of a long sum: slices of k give the independent accumulators that so few elements do not ----

constexpr int SLICES = 8;      // slice s takes k = s, s + 8, ...
constexpr int DEEP_ROWS = 7;   // most of the side whose elements are broadcast
constexpr idx DEEP_COLS = 32;  // most of the side that lies in vectors
constexpr int DEEP_HELD = VB == 64 ? 28 : 14;  // accumulators in registers

// part[s * M + i] for G slices from s0 on.
template <int M, int G> NABLA_INLINE void deepSlices(VF* part, int s0, const float* a, idx aRow, idx aK, const float* b, idx bK, Tail tail, idx k) {
  VF acc[G][M];
#pragma GCC unroll 8
  for (int g = 0; g < G; g++)
#pragma GCC unroll 8
    for (int i = 0; i < M; i++) acc[g][i] = VF{};
  idx p = s0;
  for (; p + G <= k; p += SLICES) {
    const float *ap = a + p * aK, *bp = b + p * bK;
#pragma GCC unroll 8
    for (int g = 0; g < G; g++) {
      const VF bv = ldTail(bp + g * bK, tail);
#pragma GCC unroll 8
      for (int i = 0; i < M; i++) acc[g][i] = vfma(splat(ap[i * aRow + g * aK]), bv, acc[g][i]);
    }
  }
#pragma GCC unroll 8
  for (int g = 0; g < G; g++)
    if (p + g < k) {
      const VF bv = ldTail(b + (p + g) * bK, tail);
#pragma GCC unroll 8
      for (int i = 0; i < M; i++) acc[g][i] = vfma(splat(a[i * aRow + (p + g) * aK]), bv, acc[g][i]);
    }
#pragma GCC unroll 8
  for (int g = 0; g < G; g++)
#pragma GCC unroll 8
    for (int i = 0; i < M; i++) part[(s0 + g) * M + i] = acc[g][i];
}

// to[i * ld + j] = sum over p of a[i * aRow + p * aK] * b[p * bK + j] for i < M and the tail's lanes.
template <int M> NABLA_FUNCTION void deepRows(float* to, idx ld, const float* a, idx aRow, idx aK, const float* b, idx bK, Tail tail, idx k) {
  constexpr int G = M * 8 <= DEEP_HELD ? 8 : M * 4 <= DEEP_HELD ? 4 : 2;
  VF part[SLICES * M];
  for (int s = 0; s < SLICES; s += G) deepSlices<M, G>(part, s, a, aRow, aK, b, bK, tail, k);
  for (int half = SLICES / 2; half > 0; half /= 2)
    for (int i = 0; i < half * M; i++) part[i] = part[i] + part[i + half * M];
  for (int i = 0; i < M; i++) stTail(to + i * ld, part[i], tail);
}

NABLA_FUNCTION void deep(float* to, idx ld, const float* a, idx aRow, idx aK, const float* b, idx bK, idx rows, idx cols, idx k) {
  typedef void (*DeepFn)(float*, idx, const float*, idx, idx, const float*, idx, Tail, idx);
  static constexpr DeepFn of[] = {deepRows<1>, deepRows<2>, deepRows<3>, deepRows<4>, deepRows<5>, deepRows<6>, deepRows<7>};
  for (idx j = 0; j < cols; j += VN) of[rows - 1](to + j, ld, a, aRow, aK, b + j, bK, tailOf(least(VN, cols - j)), k);
}

}  // namespace KNS
