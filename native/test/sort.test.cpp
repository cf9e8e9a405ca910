// Argsort against std::stable_sort, for every dtype.
#include <algorithm>

#include "check.h"

using nabla::SortTask;

extern bool quick;

namespace {

// An element's value for comparing: halves are turned to f64 by hand.
double valueOf(nabla::DType dtype, const char* p) {
  using namespace nabla;
  uint16_t h;
  uint32_t u;
  float f;
  switch (dtype) {
    case F32: std::memcpy(&f, p, 4); return (double)f;
    case I32: std::memcpy(&u, p, 4); return (double)(int32_t)u;
    case U32: std::memcpy(&u, p, 4); return (double)u;
    case BOOL: case U8: return (double)(uint8_t)*p;
    case I8: return (double)(int8_t)*p;
    case BF16:
      std::memcpy(&h, p, 2);
      u = (uint32_t)h << 16;
      std::memcpy(&f, &u, 4);
      return (double)f;
    case F16: {
      std::memcpy(&h, p, 2);
      int e = h >> 10 & 31;
      double m = h & 1023, x = e == 31 ? (m != 0 ? NAN : INFINITY) : e == 0 ? std::ldexp(m, -24) : std::ldexp(1024 + m, e - 25);
      return h >> 15 ? -x : x;
    }
  }
  return 0;
}

uint64_t sortCase(const Isa& isa, SortTask t, Rng& rng, uint64_t hash) {
  using namespace nabla;
  idx bytes = t.dtype <= U32 ? 4 : t.dtype == F16 || t.dtype == BF16 ? 2 : 1, n = t.outer * t.length * t.inner;
  Buffer<uint32_t> storage((n * bytes + 3) / 4);
  char* src = (char*)storage.data;
  bool few = rng.coin();  // many ties
  const float special[] = {NAN, -NAN, 0.f, -0.f, INFINITY, -INFINITY, 1.f, -1.f};
  for (idx i = 0; i < n; i++) {
    uint32_t u = rng.bits();
    if (few) u = t.dtype == F32 ? 0 : u & 3;
    if (t.dtype == F32 && (few || rng.below(10) == 0)) std::memcpy(&u, &special[rng.below(8)], 4);
    if (t.dtype == BOOL) u &= 1;
    std::memcpy(src + i * bytes, &u, (size_t)bytes);
  }
  Buffer<int32_t> want(t.outer * t.k * t.inner);
  for (idx o = 0; o < t.outer; o++)
    for (idx i = 0; i < t.inner; i++) {
      std::vector<double> x;
      std::vector<int32_t> order;
      for (idx l = 0; l < t.length; l++) x.push_back(valueOf(t.dtype, src + ((o * t.length + l) * t.inner + i) * bytes)), order.push_back((int32_t)l);
      std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
        double p = x[(size_t)a], q = x[(size_t)b];
        if (std::isnan(p) || std::isnan(q)) return !std::isnan(p) && std::isnan(q);
        return t.descending ? p > q : p < q;
      });
      for (idx l = 0; l < t.k; l++) want[(o * t.k + l) * t.inner + i] = order[(size_t)l];
    }
  t.src = src;
  for (int threads : {1, 2, 3}) {
    Buffer<int32_t> out(want.size);
    t.out = out.data;
    spmd(threads, isa.table->sortScratch(t), [&](Worker& w) { isa.table->argsort(t, w); });
    CHECK(sameBits(out, want), "%s argsort dtype %d [%td, %td, %td] k %td descending %d", isa.table->name, (int)t.dtype, t.outer, t.length,
          t.inner, t.k, (int)t.descending);
  }
  return hashBytes(hash, want.data, (size_t)want.size * 4);
}

}  // namespace

uint64_t testSort(const Isa& isa) {
  Rng rng(51);
  uint64_t hash = HASH_START;
  for (int round = 0; round < (quick ? 140 : 560); round++) {
    SortTask t{};
    t.dtype = (nabla::DType)(round % nabla::DTYPES);
    t.descending = rng.coin();
    t.outer = rng.between(0, 3), t.length = rng.below(4) == 0 ? rng.between(0, 400) : rng.between(0, 60), t.inner = rng.coin() ? 1 : rng.between(1, 5);
    t.k = rng.coin() ? t.length : rng.between(0, t.length);
    hash = sortCase(isa, t, rng, hash);
  }
  SortTask t{};
  t.dtype = nabla::U32, t.outer = t.inner = 1, t.length = t.k = 20000;
  return sortCase(isa, t, rng, hash);
}
