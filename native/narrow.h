// Products with a few columns: a vector holds several rows of the result, so that its lanes are not idle. Each element of A reaches its
// lanes by one permutation of A's own memory. Bits are those of the tiles: one accumulator per element in increasing k.
#pragma once
#include "tile.h"

namespace KNS {

constexpr idx NARROW_DEPTH = 64;  // most k: B is kept spread out

#if VB == 64
constexpr int GROUPS = 8;         // vectors of results at once
constexpr idx WINDOW = 2 * VN;    // floats of A that one permutation can choose from

// Rows that share a vector; under 2 the way is not worth it.
NABLA_INLINE idx narrowRows(idx n, idx aRow) { return aRow <= 0 ? 0 : least(VN / n, (WINDOW - 1) / aRow + 1); }

// The first `left` of 16 floats; others are 0.
template <bool WHOLE> NABLA_INLINE VF ldUpTo(const float* p, idx left) {
  return WHOLE || left >= VN ? ld(p) : left <= 0 ? VF{} : ldTail(p, tailOf(left));
}

// `held` vectors of `per` rows each, from a: acc[v][r * n + j] = sum over p of a[(v * per + r) * aRow + p] * b[p][j].
// b: k vectors, each with B's row p repeated. `end`: floats from a that exist (WHOLE: more than are looked at).
template <int HELD, bool WHOLE> NABLA_INLINE void narrowGroups(VF* acc, const float* a, idx end, idx aRow, idx per, VI spread, const float* b, idx k) {
  const idx reach = WINDOW - (per - 1) * aRow;  // values of p one window serves
  VF low[HELD], high[HELD], sum[HELD];
#pragma GCC unroll 8
  for (int v = 0; v < HELD; v++) sum[v] = VF{};
  for (idx p = 0; p < k;) {
#pragma GCC unroll 8
    for (int v = 0; v < HELD; v++) {
      const idx from = v * per * aRow + p;
      low[v] = ldUpTo<WHOLE>(a + from, end - from);
      high[v] = ldUpTo<WHOLE>(a + from + VN, end - from - VN);
    }
    VI at = spread;
    for (const idx stop = least(k, p + reach); p < stop; p++) {
      const VF bv = ld(b + p * VN);
#pragma GCC unroll 8
      for (int v = 0; v < HELD; v++) sum[v] = vfma((VF)_mm512_permutex2var_ps((__m512)low[v], (__m512i)at, (__m512)high[v]), bv, sum[v]);
      at = at + 1;
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < HELD; v++) acc[v] = sum[v];
}

// c[i * n + j] for rows x n results; A's rows adjoin along p. `spreadB`: room for k vectors.
NABLA_FUNCTION void narrowTimes(float* c, const float* a, idx aRow, const float* b, idx bRow, idx bCol, float* spreadB, idx rows, idx n, idx k) {
  const idx per = narrowRows(n, aRow);
  int32_t row[VN], col[VN];
  for (idx l = 0; l < VN; l++) row[l] = (int32_t)(l / n < per ? l / n * aRow : 0), col[l] = (int32_t)(l % n);
  const VI spread = ld(row);
  for (idx p = 0; p < k; p++)
    for (idx l = 0; l < VN; l++) spreadB[p * VN + l] = b[p * bRow + col[l] * bCol];
  const Tail lanes = tailOf(per * n);
  const idx last = (rows - 1) * aRow + k;
  VF acc[GROUPS];
  for (idx r = 0; r < rows; r += per * GROUPS) {
    const idx end = last - r * aRow;
    if (end >= GROUPS * per * aRow + k + WINDOW) narrowGroups<GROUPS, true>(acc, a + r * aRow, end, aRow, per, spread, spreadB, k);
    else narrowGroups<GROUPS, false>(acc, a + r * aRow, end, aRow, per, spread, spreadB, k);
    const idx left = rows - r;
    for (idx v = 0; v < GROUPS && v * per < left; v++) {
      const idx have = least(per, left - v * per);
      stTail(c + (r + v * per) * n, acc[v], have == per ? lanes : tailOf(have * n));
    }
  }
}
#endif

}  // namespace KNS
