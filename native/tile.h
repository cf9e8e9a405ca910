// The register tile every contraction ends in: C[M x N vectors] (+)= A[M x k] * B[k x N vectors], plus packing and the loop over tiles.
// One accumulator per element takes the products in increasing k with one vfma each; blocking over k reloads C and goes on. So the
// bits depend on nothing but k's order: not on tile size, packing, blocking, vector width or who computes the tile.
#pragma once
#include "vec.h"

namespace KNS {

#if VB == 64
constexpr int MR = 14, NV = 2;  // 28 accumulators of 32 registers
#elif VB == 32
constexpr int MR = 6, NV = 2;
#elif defined(__aarch64__)
constexpr int MR = 8, NV = 3;
#else
constexpr int MR = 4, NV = 2;
#endif
constexpr int NR = NV * VN;

// A is read in place when one of its strides is 1. Rows: consecutive rows adjoin (packed, or a transposed matrix).
enum class Unit { Rows, Cols };

struct TileArgs {
  idx k;
  const float* a;
  idx lda;            // the stride that is not 1
  const float* b;
  idx ldb;            // columns adjoin
  float* c;
  idx ldc;
  bool first;         // start from zero instead of C
  Tail tail;          // EDGE: valid lanes of the last vector
};

template <int M, int N, Unit UNIT, bool EDGE> NABLA_FUNCTION __attribute__((noinline)) void tile(const TileArgs& t) {
  VF acc[M][N];
  float* c = t.c;
  const idx ldc = t.ldc, lda = t.lda, ldb = t.ldb;
  const Tail tail = t.tail;
  if (t.first) {
#pragma GCC unroll 16
    for (int i = 0; i < M; i++)
#pragma GCC unroll 8
      for (int j = 0; j < N; j++) acc[i][j] = VF{};
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < M; i++)
#pragma GCC unroll 8
      for (int j = 0; j < N; j++) {
        const float* from = c + i * ldc + j * VN;
        acc[i][j] = EDGE && j == N - 1 ? ldTail(from, tail) : ld(from);
      }
  }
  const float *a = t.a, *b = t.b;
  for (idx k = t.k; k > 0; k--) {
    VF bv[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; j++) bv[j] = EDGE && j == N - 1 ? ldTail(b + j * VN, tail) : ld(b + j * VN);
#pragma GCC unroll 16
    for (int i = 0; i < M; i++) {
      VF av = splat(UNIT == Unit::Rows ? a[i] : a[i * lda]);
#pragma GCC unroll 8
      for (int j = 0; j < N; j++) acc[i][j] = vfma(av, bv[j], acc[i][j]);
    }
    a += UNIT == Unit::Rows ? lda : 1;
    b += ldb;
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; i++)
#pragma GCC unroll 8
    for (int j = 0; j < N; j++) {
      float* to = c + i * ldc + j * VN;
      if (EDGE && j == N - 1) stTail(to, acc[i][j], tail);
      else st(to, acc[i][j]);
    }
}

typedef void (*TileFn)(const TileArgs&);

// The tile function for 1 <= rows <= MR.
template <int N, Unit UNIT, bool EDGE> NABLA_INLINE TileFn tileOf(idx rows) {
#define NABLA_TILE(M) M > MR ? nullptr : tile<M <= MR ? M : 1, N, UNIT, EDGE>
  static constexpr TileFn of[] = {NABLA_TILE(1),  NABLA_TILE(2),  NABLA_TILE(3),  NABLA_TILE(4), NABLA_TILE(5),
                                  NABLA_TILE(6),  NABLA_TILE(7),  NABLA_TILE(8),  NABLA_TILE(9), NABLA_TILE(10),
                                  NABLA_TILE(11), NABLA_TILE(12), NABLA_TILE(13), NABLA_TILE(14)};
#undef NABLA_TILE
  return of[rows - 1];
}

// The tile for a strip of `cols` <= NR columns: whole vectors, or as few vectors as hold it with a partial last one.
template <Unit UNIT> NABLA_INLINE TileFn pickTile(idx rows, idx cols) {
  if (cols == NR) return tileOf<NV, UNIT, false>(rows);
  if (cols <= VN) return tileOf<1, UNIT, true>(rows);
#if defined(__aarch64__)
  if (cols <= 2 * VN) return tileOf<2, UNIT, true>(rows);
#endif
  return tileOf<NV, UNIT, true>(rows);
}

// The i-th of `parts` shares of n rows; sizes differ by at most one, so no tile is left nearly empty.
NABLA_INLINE idx cutRows(idx n, idx i, idx parts) { return n * i / parts; }

// A block of C from blocks of A and B in cache. A packed: the strip of rows r .. r+h starts at a + r * k and has lda = h.
// B packed: the strip of columns from c (a multiple of NR) starts at b + c * k and has ldb = its width in whole vectors.
struct Block {
  idx rows, cols, k;
  const float* a;
  idx lda;
  Unit unit;
  bool packedA, packedB;
  const float* b;
  idx ldb;
  float* c;
  idx ldc;
  bool first;
  bool far;  // the result is larger than the second-level cache
};

NABLA_INLINE idx wholeVectors(idx n) { return (n + VN - 1) / VN * VN; }

template <class Pick> NABLA_INLINE void blockWith(const Block& t, Pick pick) {
  const idx strips = (t.rows + MR - 1) / MR;
  for (idx j = 0; j < t.cols; j += NR) {
    idx cols = least(NR, t.cols - j);
    TileArgs args;
    args.k = t.k;
    args.b = t.packedB ? t.b + j * t.k : t.b + j;
    args.ldb = t.packedB ? wholeVectors(cols) : t.ldb;
    args.ldc = t.ldc;
    args.first = t.first;
    args.tail = tailOf((cols - 1) % VN + 1);
    for (idx s = 0; s < strips; s++) {
      idx r = cutRows(t.rows, s, strips), h = cutRows(t.rows, s + 1, strips) - r;
      args.c = t.c + r * t.ldc + j;
      args.a = t.packedA ? t.a + r * t.k : t.unit == Unit::Rows ? t.a + r : t.a + r * t.lda;
      args.lda = t.packedA ? h : t.lda;
      // The next tile's results arrive while this one computes.
      if (t.far && s + 1 < strips) {
        const float* next = t.c + (r + h) * t.ldc + j;
        for (idx i = 0; i < h; i++)
#pragma GCC unroll 4
          for (int v = 0; v < NV; v++) __builtin_prefetch(next + i * t.ldc + v * VN, 1);
      }
      pick(h, cols)(args);
    }
  }
}

NABLA_FUNCTION void blockTimes(const Block& t) {
  if (t.unit == Unit::Rows) blockWith(t, pickTile<Unit::Rows>);
  else blockWith(t, pickTile<Unit::Cols>);
}

// ---- packing ----

NABLA_INLINE VF zipLow(VF a, VF b) {
#if VB == 64
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif VB == 32
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
NABLA_INLINE VF zipHigh(VF a, VF b) {
#if VB == 64
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif VB == 32
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

// r[i][j] <-> r[j][i]: zipping the two halves log2(VN) times.
NABLA_INLINE void transpose(VF (&r)[VN]) {
#pragma GCC unroll 4
  for (int step = 1; step < VN; step *= 2) {
    VF t[VN];
#pragma GCC unroll 8
    for (int i = 0; i < VN / 2; i++) {
      t[2 * i] = zipLow(r[i], r[i + VN / 2]);
      t[2 * i + 1] = zipHigh(r[i], r[i + VN / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < VN; i++) r[i] = t[i];
  }
}

// to[p * width + i] = from[i * stride + p] for i < n <= width, p < k; the other i < width become 0. width is whole vectors or n = width.
NABLA_FUNCTION void packTransposed(float* to, idx width, const float* from, idx stride, idx n, idx k) {
  idx i = 0;
  for (; i < n; i += VN) {
    idx rows = least(VN, n - i);
    bool whole = i + VN <= width;
    Tail rowTail = tailOf(least(VN, width - i));
    for (idx p = 0; p < k; p += VN) {
      idx depth = least(VN, k - p);
      VF r[VN];
      if (depth == VN) {
#pragma GCC unroll 16
        for (int q = 0; q < VN; q++) r[q] = q < rows ? ld(from + (i + q) * stride + p) : VF{};
      } else {
        Tail tail = tailOf(depth);
#pragma GCC unroll 16
        for (int q = 0; q < VN; q++) r[q] = q < rows ? ldTail(from + (i + q) * stride + p, tail) : VF{};
      }
      transpose(r);
      float* at = to + p * width + i;
      if (whole && depth == VN) {
#pragma GCC unroll 16
        for (int q = 0; q < VN; q++) st(at + q * width, r[q]);
      } else {
#pragma GCC unroll 16
        for (int q = 0; q < VN; q++)
          if (q < depth) {
            if (whole) st(at + q * width, r[q]);
            else stTail(at + q * width, r[q], rowTail);
          }
      }
    }
  }
}

// to[p * width + i] = from[p * stride + i] for i < n, 0 up to width (whole vectors, or n = width).
NABLA_FUNCTION void packRows(float* to, idx width, const float* from, idx stride, idx n, idx k) {
  Tail tail = tailOf((n - 1) % VN + 1);
  bool exact = width == n;
  for (idx p = 0; p < k; p++) {
    idx i = 0;
    for (; i + VN < n; i += VN) st(to + i, ld(from + i));
    VF last = ldTail(from + i, tail);
    if (exact) stTail(to + i, last, tail);
    else st(to + i, last);
    to += width;
    from += stride;
  }
}

NABLA_FUNCTION void packAny(float* to, idx width, const float* from, idx strideK, idx strideI, idx n, idx k) {
  for (idx p = 0; p < k; p++)
    for (idx i = 0; i < width; i++) to[p * width + i] = i < n ? from[p * strideK + i * strideI] : 0.f;
}

// A strip of n rows (of A) or columns (of B), element (i, p) at from[i * strideI + p * strideK], to the order tiles read.
NABLA_INLINE void packStrip(float* to, idx width, const float* from, idx strideI, idx strideK, idx n, idx k) {
  if (k == 0) return;
  if (strideI == 1) packRows(to, width, from, strideK, n, k);
  else if (strideK == 1) packTransposed(to, width, from, strideI, n, k);
  else packAny(to, width, from, strideK, strideI, n, k);
}

NABLA_INLINE void packB(float* to, const float* b, idx row, idx col, idx cols, idx k) {
  for (idx j = 0; j < cols; j += NR) {
    idx n = least(NR, cols - j);
    packStrip(to + j * k, wholeVectors(n), b + j * col, col, row, n, k);
  }
}

}  // namespace KNS
