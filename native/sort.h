// Stable argsort along an axis. Each element becomes an unsigned 64-bit word, an order-preserving key above its position: sorting the
// words is stable by itself. Short rows by insertion, long ones by radix, skipping bytes that are equal everywhere.
#pragma once
#include "vec.h"

namespace KNS {

using nabla::SortTask;
using nabla::Worker;

constexpr idx SHORT_ROW = 48;
constexpr idx RADIX = 256;

NABLA_FUNCTION idx sortScratch(const SortTask& t) { return t.length * 2 * (idx)sizeof(uint64_t) + RADIX * 4 * (idx)sizeof(uint32_t); }

// Sign and magnitude of a float of `bits` bits whose NaNs exceed `infinity`: to unsigned order, NaN above all.
NABLA_INLINE uint32_t floatKey(uint32_t u, int bits, uint32_t infinity, bool descending) {
  const uint32_t sign = 1u << (bits - 1), magnitude = u & (sign - 1);
  if (magnitude > infinity) return 0xffffffffu;
  const uint32_t key = u & sign ? sign - magnitude : sign + magnitude;  // -0 equals 0
  return descending ? 2 * sign - key - (bits == 32) : key;
}
NABLA_INLINE uint32_t sortKey(const SortTask& t, idx at) {
  using namespace nabla;
  uint32_t key = 0;
  switch (t.dtype) {
    case F32: return floatKey(((const uint32_t*)t.src)[at], 32, 0x7f800000u, t.descending);
    case F16: return floatKey(((const uint16_t*)t.src)[at], 16, 0x7c00u, t.descending);
    case BF16: return floatKey(((const uint16_t*)t.src)[at], 16, 0x7f80u, t.descending);
    case I32: key = ((const uint32_t*)t.src)[at] ^ 0x80000000u; break;
    case U32: key = ((const uint32_t*)t.src)[at]; break;
    case BOOL: case U8: key = ((const uint8_t*)t.src)[at]; break;
    case I8: key = ((const uint8_t*)t.src)[at] ^ 0x80u; break;
  }
  return t.descending ? ~key : key;
}

NABLA_INLINE void insertionSort(uint64_t* a, idx n) {
  for (idx i = 1; i < n; i++) {
    const uint64_t x = a[i];
    idx j = i;
    for (; j > 0 && a[j - 1] > x; j--) a[j] = a[j - 1];
    a[j] = x;
  }
}

// By the four bytes of the key, lowest first. Returns whichever buffer ends sorted.
NABLA_INLINE uint64_t* radixSort(uint64_t* a, uint64_t* b, idx n, uint32_t* counts) {
  for (idx i = 0; i < 4 * RADIX; i++) counts[i] = 0;
  for (idx i = 0; i < n; i++)
    for (int d = 0; d < 4; d++) counts[d * RADIX + (a[i] >> (32 + 8 * d) & 255)]++;
  for (int d = 0; d < 4; d++) {
    uint32_t* count = counts + d * RADIX;
    const int shift = 32 + 8 * d;
    if (count[a[0] >> shift & 255] == (uint32_t)n) continue;
    uint32_t at = 0;
    for (idx i = 0; i < RADIX; i++) {
      const uint32_t here = count[i];
      count[i] = at;
      at += here;
    }
    for (idx i = 0; i < n; i++) b[count[a[i] >> shift & 255]++] = a[i];
    uint64_t* swap = a;
    a = b, b = swap;
  }
  return a;
}

NABLA_FUNCTION void argsort(const SortTask& t, Worker& w) {
  if (t.length == 0) return;
  uint64_t* a = (uint64_t*)w.scratch;
  uint64_t* b = a + t.length;
  uint32_t* counts = (uint32_t*)(b + t.length);
  const Range mine = share(t.outer * t.inner, 1, w.index, w.count);
  for (idx row = mine.begin; row < mine.end; row++) {
    const idx o = row / t.inner, i = row % t.inner;
    for (idx l = 0; l < t.length; l++) a[l] = (uint64_t)sortKey(t, (o * t.length + l) * t.inner + i) << 32 | (uint64_t)l;
    const uint64_t* sorted = a;
    if (t.length <= SHORT_ROW) insertionSort(a, t.length);
    else sorted = radixSort(a, b, t.length, counts);
    for (idx l = 0; l < t.k; l++) t.out[(o * t.k + l) * t.inner + i] = (int32_t)(uint32_t)sorted[l];
  }
}

}  // namespace KNS
