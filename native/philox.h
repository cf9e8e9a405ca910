// Philox4x32-10 random words, 64 consecutive elements at a time (layout and paper: src/engine/ops/philox.ts).
#pragma once
#include "vec.h"

namespace KNS {

// Blocks are computed in the low halves of 64-bit lanes, where the machine's widening product wants its factors; what is in the high
// halves never matters. Even and odd counters lie in vectors of their own, so that a word of neighbours is one shift and one blend.
typedef uint64_t VL64 __attribute__((vector_size(VB)));

NABLA_INLINE VL64 mulWide(VL64 a, uint32_t m) {
#if defined(__AVX512F__) && VB == 64
  return (VL64)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi32((int)m));
#elif defined(__AVX2__) && VB == 32
  return (VL64)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi32((int)m));
#elif defined(__x86_64__) && VB == 16
  return (VL64)_mm_mul_epu32((__m128i)a, _mm_set1_epi32((int)m));
#else
  return (a & 0xffffffffull) * (uint64_t)m;
#endif
}

constexpr int PHILOX_VECTORS = 2 * VPL;  // even and odd counters of one group

// Elements 64 * group .. + 63.
NABLA_INLINE void philoxGroup(uint32_t group, uint32_t key0, uint32_t key1, uint32_t* out) {
  VL64 c0[PHILOX_VECTORS], c1[PHILOX_VECTORS], c2[PHILOX_VECTORS], c3[PHILOX_VECTORS];
  for (int v = 0; v < PHILOX_VECTORS; v++) {
    for (int i = 0; i < VN / 2; i++) c0[v][i] = group * 16u + (uint32_t)(v / 2 * VN + 2 * i + v % 2);
    c1[v] = c2[v] = c3[v] = VL64{};
  }
  for (int round = 0; round < 10; round++) {
#pragma GCC unroll 8
    for (int v = 0; v < PHILOX_VECTORS; v++) {
      const VL64 p0 = mulWide(c0[v], 0xd2511f53u), p1 = mulWide(c2[v], 0xcd9e8d57u);
      c0[v] = (p1 >> 32) ^ c1[v] ^ (uint64_t)key0;
      c2[v] = (p0 >> 32) ^ c3[v] ^ (uint64_t)key1;
      c1[v] = p1;
      c3[v] = p0;
    }
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  for (int v = 0; v < PHILOX_VECTORS; v += 2) {
    uint32_t* d = out + v / 2 * VN;
    st(d, (VU)((c0[v] & 0xffffffffull) | (c0[v + 1] << 32)));
    st(d + 16, (VU)((c1[v] & 0xffffffffull) | (c1[v + 1] << 32)));
    st(d + 32, (VU)((c2[v] & 0xffffffffull) | (c2[v + 1] << 32)));
    st(d + 48, (VU)((c3[v] & 0xffffffffull) | (c3[v + 1] << 32)));
  }
}

// Elements first .. first + n - 1 (which wrap at 2^32, as the counters do).
NABLA_FUNCTION void philoxRun(uint32_t first, idx n, uint32_t key0, uint32_t key1, uint32_t* out) {
  uint32_t block[64];
  while (n > 0) {
    idx skip = first & 63;
    if (skip == 0 && n >= 64) {
      philoxGroup(first >> 6, key0, key1, out);
      first += 64, out += 64, n -= 64;
      continue;
    }
    idx take = least(64 - skip, n);
    philoxGroup(first >> 6, key0, key1, block);
    copyBytes((char*)out, (const char*)(block + skip), take * 4);
    first += (uint32_t)take, out += take, n -= take;
  }
}

// Any counters and keys, a lane at a time of each. `n` is a multiple of VN.
NABLA_FUNCTION void philoxLanes(const uint32_t* key0, const uint32_t* key1, const uint32_t* element, idx n, uint32_t* out) {
  for (idx i = 0; i < n; i++) {
    uint32_t block[64];
    philoxGroup(element[i] >> 6, key0[i], key1[i], block);
    out[i] = block[element[i] & 63];
  }
}

// d[i] = the word of element[i] under (key0[i], key1[i]) for i < n. Counters that count up under one key take the short way.
NABLA_FUNCTION void philoxTile(const uint32_t* key0, const uint32_t* key1, const uint32_t* element, idx n, uint32_t* out) {
  uint32_t differs = 0;
  for (idx i = 0; i < n; i++)
    differs |= (element[i] - element[0] - (uint32_t)i) | (key0[i] ^ key0[0]) | (key1[i] ^ key1[0]);
  if (differs == 0) philoxRun(element[0], n, key0[0], key1[0], out);
  else philoxLanes(key0, key1, element, n, out);
}

}  // namespace KNS
