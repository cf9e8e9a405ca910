// Operands rounded to bfloat16 while they are packed, products summed in f32. Two forms with the same bits: pairs of k in one 32-bit cell
// for the instruction that multiplies pairs (AVX512_BF16), or rounded floats for the ordinary tiles. The instruction adds the product of
// the odd k first, each with one rounding, and treats what is below 2^-126 as 0; the other form imitates both.
#pragma once
#include "tile.h"

namespace KNS {

#if VB == 64 && defined(__x86_64__) && (defined(__clang__) || __GNUC__ >= 10)
#define NABLA_PAIRS 1
#else
#define NABLA_PAIRS 0
#endif

NABLA_INLINE bool hasPairs() {
#if NABLA_PAIRS
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

#if NABLA_PAIRS
// As `tile` with both operands packed; k counts pairs.
template <int M, int N> NABLA_FUNCTION __attribute__((noinline, target("avx512bf16"))) void tilePairs(const TileArgs& t) {
  VF acc[M][N];
  float* c = t.c;
  const idx ldc = t.ldc, lda = t.lda, ldb = t.ldb;
  const Tail tail = t.tail;
#pragma GCC unroll 16
  for (int i = 0; i < M; i++)
#pragma GCC unroll 8
    for (int j = 0; j < N; j++) {
      const float* from = c + i * ldc + j * VN;
      acc[i][j] = t.first ? VF{} : j == N - 1 ? ldTail(from, tail) : ld(from);
    }
  const float *a = t.a, *b = t.b;
  for (idx k = t.k; k > 0; k--) {
    VI bv[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; j++) bv[j] = (VI)ld(b + j * VN);
#pragma GCC unroll 16
    for (int i = 0; i < M; i++) {
      const VI av = splat(((const IntLoose*)a)[i]);
#pragma GCC unroll 8
      for (int j = 0; j < N; j++) acc[i][j] = (VF)_mm512_dpbf16_ps((__m512)acc[i][j], (__m512bh)av, (__m512bh)bv[j]);
    }
    a += lda;
    b += ldb;
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; i++)
#pragma GCC unroll 8
    for (int j = 0; j < N; j++) {
      float* to = c + i * ldc + j * VN;
      if (j == N - 1) stTail(to, acc[i][j], tail);
      else st(to, acc[i][j]);
    }
}

template <int N, int M = MR> NABLA_INLINE TileFn pairsOf(idx rows) {
  if constexpr (M == 1) return tilePairs<1, N>;
  else return rows == M ? tilePairs<M, N> : pairsOf<N, M - 1>(rows);
}
NABLA_INLINE TileFn pickPairs(idx rows, idx cols) { return cols <= VN ? pairsOf<1>(rows) : pairsOf<NV>(rows); }
#else
NABLA_INLINE TileFn pickPairs(idx, idx) { return nullptr; }
#endif

// The nearest bfloat16, ties to even, as a float's bits; NaN stays NaN, what is below 2^-126 becomes 0.
NABLA_INLINE VU roundBF16(VF x) {
  const VU u = (VU)x;
  VU r = u + 0x7fffu + ((u >> 16) & 1u);
  r = vsel(x != x, u | 0x400000u, r);
  r = vsel((u & 0x7f800000u) == 0u, u & 0x80000000u, r);
  return r & 0xffff0000u;
}

constexpr idx ROUND_DEPTH = 64;  // k rounded at once, in first-level cache

// A strip as packStrip makes it, rounded: rows of cells (pairs), or rows of floats with the odd k before the even one. An odd k is
// filled up with 0.
NABLA_FUNCTION void packRounded(float* to, idx width, const float* from, idx strideI, idx strideK, idx n, idx k, bool pairs) {
  float rows[ROUND_DEPTH * NR];
  for (idx p = 0; p < k; p += ROUND_DEPTH) {
    const idx depth = least(ROUND_DEPTH, k - p);
    packStrip(rows, width, from + p * strideK, strideI, strideK, n, depth);
    if (depth % 2) zeroFloats(rows + depth * width, width);
    for (idx q = 0; q < depth; q += 2)
      for (idx i = 0; i < width; i += VN) {
        const Tail tail = tailOf(least(VN, width - i));
        const VU even = roundBF16(ldTail(rows + q * width + i, tail)), odd = roundBF16(ldTail(rows + (q + 1) * width + i, tail));
        if (pairs) {
          stTail(to + (p + q) / 2 * width + i, (VF)(odd | (even >> 16)), tail);
        } else {
          stTail(to + (p + q) * width + i, (VF)odd, tail);
          stTail(to + (p + q + 1) * width + i, (VF)even, tail);
        }
      }
  }
}

// Until the state is restored, results and operands below 2^-126 count as 0, as they do for the instruction.
NABLA_INLINE uint32_t flushDenormals() {
#if defined(__x86_64__)
  const uint32_t before = _mm_getcsr();
  _mm_setcsr(before | 0x8040u);
  return before;
#else
  return 0;
#endif
}
NABLA_INLINE void restoreDenormals(uint32_t before) {
#if defined(__x86_64__)
  _mm_setcsr(before);
#else
  (void)before;
#endif
}

}  // namespace KNS
