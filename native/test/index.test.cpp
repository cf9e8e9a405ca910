// Gather and scatter against naive loops: every element width, out-of-range indices, repeated indices, every way of splitting.
#include "check.h"

using nabla::GatherTask;
using nabla::ScatterTask;

extern bool quick;

namespace {

void fillIndices(Buffer<int32_t>& b, idx length, Rng& rng) {
  for (idx i = 0; i < b.size; i++) {
    b[i] = (int32_t)rng.below(length);
    if (length == 0 || rng.below(8) == 0) b[i] = (int32_t[]){-1, (int32_t)length, INT32_MIN, INT32_MAX}[rng.below(4)];
  }
}

template <class T> uint64_t gatherCase(const Isa& isa, idx outer, idx length, idx inner, idx count, bool along, Rng& rng, uint64_t hash) {
  Buffer<T> src(outer * length * inner), want(outer * count * inner);
  for (idx i = 0; i < src.size; i++) src[i] = (T)rng.bits();
  Buffer<int32_t> indices(along ? outer * count * inner : count);
  fillIndices(indices, length, rng);
  const uint32_t fill = 0x7fc01234u;
  for (idx o = 0; o < outer; o++)
    for (idx j = 0; j < count; j++)
      for (idx i = 0; i < inner; i++) {
        idx at = (o * count + j) * inner + i, index = indices[along ? at : j];
        want[at] = index < 0 || index >= length ? (T)fill : src[(o * length + index) * inner + i];
      }
  GatherTask t{along, (int32_t)sizeof(T), fill, outer, length, inner, count, src.data, indices.data, nullptr};
  for (int threads : {1, 2, 3}) {
    Buffer<T> out(want.size);
    t.out = out.data;
    spmd(threads, 0, [&](Worker& w) { isa.table->gather(t, w); });
    CHECK(sameBits(out, want), "%s gather %zu bytes [%td, %td, %td] count %td along %d, %d threads", isa.table->name, sizeof(T), outer, length,
          inner, count, (int)along, threads);
  }
  return hashBytes(hash, want.data, (size_t)want.size * sizeof(T));
}

template <class T> uint64_t scatterCase(const Isa& isa, nabla::DType dtype, bool add, idx outer, idx length, idx inner, idx count, bool along, Rng& rng, uint64_t hash) {
  Buffer<T> base(outer * length * inner), want(base.size), updates(outer * count * inner);
  for (idx i = 0; i < base.size; i++) base[i] = want[i] = std::is_same<T, float>::value ? (T)rng.uniform() : (T)rng.bits();
  for (idx i = 0; i < updates.size; i++) updates[i] = std::is_same<T, float>::value ? (T)rng.uniform() : (T)rng.bits();
  Buffer<int32_t> indices(along ? updates.size : count);
  fillIndices(indices, length, rng);
  for (idx o = 0; o < outer; o++)
    for (idx j = 0; j < count; j++)
      for (idx i = 0; i < inner; i++) {
        idx at = (o * count + j) * inner + i, index = indices[along ? at : j];
        if (index < 0 || index >= length) continue;
        T& to = want[(o * length + index) * inner + i];
        to = add ? (T)(to + updates[at]) : updates[at];
      }
  ScatterTask t{along, add, dtype, outer, length, inner, count, nullptr, indices.data, updates.data, nullptr};
  for (int threads : {1, 2, 3})
    for (bool inPlace : {false, true}) {
      Buffer<T> out(base.size);
      if (inPlace) std::memcpy(out.data, base.data, (size_t)base.size * sizeof(T));
      t.base = inPlace ? out.data : base.data;
      t.out = out.data;
      spmd(threads, 0, [&](Worker& w) { isa.table->scatter(t, w); });
      CHECK(sameBits(out, want), "%s scatter dtype %d add %d [%td, %td, %td] count %td along %d, %d threads", isa.table->name, (int)dtype,
            (int)add, outer, length, inner, count, (int)along, threads);
    }
  return hashBytes(hash, want.data, (size_t)want.size * sizeof(T));
}

}  // namespace

uint64_t testIndex(const Isa& isa) {
  Rng rng(41);
  uint64_t hash = HASH_START;
  for (int round = 0; round < (quick ? 150 : 600); round++) {
    idx outer = rng.between(0, 4), length = rng.between(0, 9), inner = rng.coin() ? 1 : rng.between(0, 50), count = rng.between(0, 12);
    if (round % 7 == 0) outer = 1, inner = rng.between(1, 3000);
    if (round % 7 == 1) outer = 1, inner = rng.between(1, 3), length = rng.between(1, 3000), count = rng.between(1, 9000);
    if (round % 7 == 2) outer = rng.between(1, 40), inner = rng.between(1, 90), count = rng.between(1, 30);
    bool along = rng.below(3) == 0;
    if (round % 3 == 0) hash = gatherCase<uint32_t>(isa, outer, length, inner, count, along, rng, hash);
    else if (round % 3 == 1) hash = gatherCase<uint16_t>(isa, outer, length, inner, count, along, rng, hash);
    else hash = gatherCase<uint8_t>(isa, outer, length, inner, count, along, rng, hash);
    using namespace nabla;
    switch (round % 8) {
      case 0: case 1: hash = scatterCase<float>(isa, F32, true, outer, length, inner, count, along, rng, hash); break;
      case 2: hash = scatterCase<float>(isa, F32, false, outer, length, inner, count, along, rng, hash); break;
      case 3: hash = scatterCase<uint32_t>(isa, I32, true, outer, length, inner, count, along, rng, hash); break;
      case 4: hash = scatterCase<uint32_t>(isa, U32, true, outer, length, inner, count, along, rng, hash); break;
      case 5: hash = scatterCase<uint16_t>(isa, BF16, false, outer, length, inner, count, along, rng, hash); break;
      case 6: hash = scatterCase<uint8_t>(isa, round % 16 < 8 ? I8 : U8, false, outer, length, inner, count, along, rng, hash); break;
      default: hash = scatterCase<uint32_t>(isa, I32, false, outer, length, inner, count, along, rng, hash); break;
    }
  }
  return hash;
}
