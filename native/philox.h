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

NABLA_INLINE void philoxRound(VL64& c0, VL64& c1, VL64& c2, VL64& c3, VL64 key0, VL64 key1) {
  const VL64 p0 = mulWide(c0, 0xd2511f53u), p1 = mulWide(c2, 0xcd9e8d57u);
  c0 = (p1 >> 32) ^ (c1 ^ key0);
  c2 = (p0 >> 32) ^ (c3 ^ key1);
  c1 = p1;
  c3 = p0;
}

// The words of counters counter .. + N / 2 * VN - 1, which lie in one group or are whole groups. More vectors at once than two hide
// the products' latency, where there are registers for them.
template <int N> NABLA_INLINE void philoxVectors(uint32_t counter, uint32_t key0, uint32_t key1, uint32_t* out) {
  VL64 c0[N], c1[N], c2[N], c3[N];
  VL64 even{};
#pragma GCC unroll 8
  for (int i = 0; i < VN / 2; i++) even[i] = 2u * (uint32_t)i;
#pragma GCC unroll 8
  for (int v = 0; v < N; v++) {
    c0[v] = even + (uint64_t)(counter + (uint32_t)(v / 2 * VN + v % 2));
    c1[v] = c2[v] = c3[v] = VL64{};
  }
  VL64 k0 = VL64{} + (uint64_t)key0, k1 = VL64{} + (uint64_t)key1;
#pragma GCC unroll 1
  for (int round = 0; round < 10; round++) {
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) philoxRound(c0[v], c1[v], c2[v], c3[v], k0, k1);
    k0 += 0x9e3779b9u, k1 += 0xbb67ae85u;
  }
#pragma GCC unroll 8
  for (int v = 0; v < N; v += 2) {
    uint32_t* d = out + v / 2 * VN / 16 * 64 + v / 2 * VN % 16;
    st(d, (VU)((c0[v] & 0xffffffffull) | (c0[v + 1] << 32)));
    st(d + 16, (VU)((c1[v] & 0xffffffffull) | (c1[v + 1] << 32)));
    st(d + 32, (VU)((c2[v] & 0xffffffffull) | (c2[v + 1] << 32)));
    st(d + 48, (VU)((c3[v] & 0xffffffffull) | (c3[v + 1] << 32)));
  }
}

// Elements 64 * group .. + 64 * G - 1.
template <int G> NABLA_INLINE void philoxGroups(uint32_t group, uint32_t key0, uint32_t key1, uint32_t* out) {
  constexpr int N = VB == 64 ? 2 * G : VB == 32 ? 2 : 8;
  for (uint32_t c = 0; c < 16u * G; c += N / 2 * VN) philoxVectors<N>(group * 16u + c, key0, key1, out + c / 16 * 64 + c % 16);
}

// Elements first .. first + n - 1 (which wrap at 2^32, as the counters do).
NABLA_FUNCTION void philoxRun(uint32_t first, idx n, uint32_t key0, uint32_t key1, uint32_t* out) {
  uint32_t block[64];
  while (n > 0) {
    idx skip = first & 63, take = least(64 - skip, n);
    if (skip == 0 && n >= 128) {
      philoxGroups<2>(first >> 6, key0, key1, out);
      take = 128;
    } else if (take == 64) {
      philoxGroups<1>(first >> 6, key0, key1, out);
    } else {
      philoxGroups<1>(first >> 6, key0, key1, block);
      copyBytes((char*)out, (const char*)(block + skip), take * 4);
    }
    first += (uint32_t)take, out += take, n -= take;
  }
}

// Any counters and keys, a lane at a time of each. `n` is a multiple of VN.
NABLA_FUNCTION void philoxLanes(const uint32_t* key0, const uint32_t* key1, const uint32_t* element, idx n, uint32_t* out) {
  for (idx i = 0; i < n; i += VN) {
    const VU e = ld(element + i), counter = ((e >> 6) << 4) | (e & 15u), word = (e >> 4) & 3u;
    VL64 half[2];  // the even lanes, then the odd ones
    for (int odd = 0; odd < 2; odd++) {
      const int shift = 32 * odd;
      VL64 k0 = (VL64)ld(key0 + i) >> shift, k1 = (VL64)ld(key1 + i) >> shift;
      VL64 c0 = (VL64)counter >> shift, c1{}, c2{}, c3{};
      for (int round = 0; round < 10; round++) {
        philoxRound(c0, c1, c2, c3, k0, k1);
        k0 += 0x9e3779b9u, k1 += 0xbb67ae85u;
      }
      const VL64 w = ((VL64)word >> shift) & 3u;
      half[odd] = w < 2 ? (w == 0 ? c0 : c1) : (w == 2 ? c2 : c3);
    }
    st(out + i, (VU)((half[0] & 0xffffffffull) | (half[1] << 32)));
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
