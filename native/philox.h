// Philox4x32-10 random words, 64 consecutive elements at a time (layout and paper: src/engine/ops/philox.ts).
#pragma once
#include "vec.h"

namespace KNS {

struct Words { VU w0, w1, w2, w3; };

#if VB == 16 && !defined(__x86_64__)
typedef uint64_t VLong __attribute__((vector_size(32)));
#endif

// Low and high halves of the products with a constant.
NABLA_INLINE void mulWide(VU a, uint32_t m, VU& low, VU& high) {
#if defined(__x86_64__)
  // The machine multiplies even lanes: once as they are, once shifted down.
  typedef uint64_t VL64 __attribute__((vector_size(VB)));
  VL64 odd = (VL64)a >> 32;
#if VB == 64
  VL64 even64 = (VL64)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi32((int)m));
  VL64 odd64 = (VL64)_mm512_mul_epu32((__m512i)odd, _mm512_set1_epi32((int)m));
#elif VB == 32
  VL64 even64 = (VL64)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi32((int)m));
  VL64 odd64 = (VL64)_mm256_mul_epu32((__m256i)odd, _mm256_set1_epi32((int)m));
#else
  VL64 even64 = (VL64)_mm_mul_epu32((__m128i)a, _mm_set1_epi32((int)m));
  VL64 odd64 = (VL64)_mm_mul_epu32((__m128i)odd, _mm_set1_epi32((int)m));
#endif
  low = (VU)((even64 & 0xffffffffull) | (odd64 << 32));
  high = (VU)((even64 >> 32) | (odd64 & 0xffffffff00000000ull));
#else
  VLong wide = __builtin_convertvector(a, VLong) * (uint64_t)m;
  low = __builtin_convertvector(wide & 0xffffffffull, VU);
  high = __builtin_convertvector(wide >> 32, VU);
#endif
}

NABLA_INLINE Words philoxBlocks(VU counter, uint32_t key0, uint32_t key1) {
  VU c0 = counter, c1{}, c2{}, c3{};
  for (int round = 0; round < 10; round++) {
    VU low0, high0, low1, high1;
    mulWide(c0, 0xd2511f53u, low0, high0);
    mulWide(c2, 0xcd9e8d57u, low1, high1);
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  return Words{c0, c1, c2, c3};
}

NABLA_INLINE VU countUp(uint32_t from) {
  VU v{};
  for (int i = 0; i < VN; i++) v[i] = from + (uint32_t)i;
  return v;
}

// Elements 64 * group .. + 63.
NABLA_FUNCTION void philoxGroup(uint32_t group, uint32_t key0, uint32_t key1, uint32_t* out) {
  for (int part = 0; part < VPL; part++) {
    Words w = philoxBlocks(countUp(group * 16 + (uint32_t)(part * VN)), key0, key1);
    st(out + part * VN, w.w0);
    st(out + 16 + part * VN, w.w1);
    st(out + 32 + part * VN, w.w2);
    st(out + 48 + part * VN, w.w3);
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
  bool simple = true;
  for (idx i = 1; i < n; i++) {
    simple &= element[i] == element[0] + (uint32_t)i;
    simple &= key0[i] == key0[0] && key1[i] == key1[0];
  }
  if (simple) philoxRun(element[0], n, key0[0], key1[0], out);
  else philoxLanes(key0, key1, element, n, out);
}

}  // namespace KNS
