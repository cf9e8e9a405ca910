// Reductions of tiles against plain loops that keep the documented order: 16 lanes, then lane i with i + 8, + 4, + 2, + 1.
#include "../fused.h"
#include "check.h"
#include "probe.h"

using namespace nabla;

namespace {

enum Kind { SUM, PROD, MAX, MIN, ARG_MAX, ARG_MIN };
struct Row {
  Kind kind;
  int32_t op;
};
const Row floats[] = {{SUM, OP_reduceSum_f}, {PROD, OP_reduceProd_f},  {MAX, OP_reduceMax_f},
                      {MIN, OP_reduceMin_f}, {ARG_MAX, OP_argMax_f}, {ARG_MIN, OP_argMin_f}};
const Row ints[] = {{SUM, OP_reduceSum_i}, {PROD, OP_reduceProd_i},  {MAX, OP_reduceMax_i},
                    {MIN, OP_reduceMin_i}, {ARG_MAX, OP_argMax_i}, {ARG_MIN, OP_argMin_i}};
const Row words[] = {{MAX, OP_reduceMax_u}, {MIN, OP_reduceMin_u}, {ARG_MAX, OP_argMax_u}, {ARG_MIN, OP_argMin_u}};

template <class T> T identity(Kind k) {
  using L = std::numeric_limits<T>;
  if (k == SUM) return 0;
  if (k == PROD) return 1;
  const bool whole = L::is_integer;
  return k == MAX ? (whole ? L::lowest() : -L::infinity()) : (whole ? L::max() : L::infinity());
}
template <class T> T wrapping(Kind k, T a, T b) {
  return k == SUM ? (T)((uint64_t)a + (uint64_t)b) : (T)((uint64_t)a * (uint64_t)b);
}
template <> float wrapping(Kind k, float a, float b) { return k == SUM ? a + b : a * b; }
template <class T> T apply(Kind k, T a, T b) {
  if (k == SUM || k == PROD) return wrapping(k, a, b);
  return (k == MAX ? a > b : a < b) || a != a ? a : b;
}

template <class T> uint32_t bitsOf(T x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  return x != x ? 0x7fc00000u : u;
}

// n elements, `step` apart. In a row they go round 16 lanes; in a column each follows the other.
template <class T> uint32_t want(Kind k, const T* x, idx n, idx step, bool row) {
  if (k == ARG_MAX || k == ARG_MIN) {
    idx best = 0;
    for (idx i = 1; i < n; i++) {
      const T a = x[best * step], b = x[i * step];
      if (a == a && ((k == ARG_MAX ? b > a : b < a) || b != b)) best = i;
    }
    return (uint32_t)best;
  }
  T t[16];
  for (T& lane : t) lane = identity<T>(k);
  for (idx i = 0; i < n; i++) t[row ? i % 16 : 0] = apply(k, t[row ? i % 16 : 0], x[i * step]);
  for (int half = row ? 8 : 0; half > 0; half /= 2)
    for (int i = 0; i < half; i++) t[i] = apply(k, t[i], t[i + half]);
  return bitsOf(t[0]);
}

template <class T> struct Checker {
  const Isa& isa;
  const char* type;
  std::vector<T> x;
  uint64_t hash = HASH_START;

  void compare(const char* what, Row r, uint32_t got, uint32_t wanted, idx i, idx n, idx length) {
    const bool place = r.kind >= ARG_MAX;
    if (!place) {
      T value;
      std::memcpy(&value, &got, 4);
      got = bitsOf(value);
    }
    hash = hashBytes(hash, &got, 4);
    CHECK(got == wanted, "%s %s kind %d, %s %td of %td, length %td: %08x, not %08x", isa.table->name, type, r.kind, what, i, n, length, got, wanted);
  }

  void run(Row r, idx n, idx length) {
    const uint32_t* s = (const uint32_t*)x.data();
    std::vector<uint32_t> d(512);
    if (n * length <= TILE) {
      isa.probe->foldRows(r.op, s, n, length, d.data());
      for (idx i = 0; i < n; i++) compare("row", r, d[(size_t)i], want(r.kind, x.data() + i * length, length, 1, true), i, n, length);
    }
    if (n == 1) {
      isa.probe->foldLong(r.op, s, length, d.data());
      compare("long row", r, d[0], want(r.kind, x.data(), length, 1, true), 0, n, length);
    }
    if (n <= TILE && n * length <= 4000) {
      const idx lanes = (n + 15) / 16 * 16;
      if (lanes * length <= 4000) {
        isa.probe->foldColumns(r.op, s, n, length, d.data());
        for (idx i = 0; i < n; i++) compare("column", r, d[(size_t)i], want(r.kind, x.data() + i, length, lanes, false), i, n, length);
      }
      isa.probe->foldStack(r.op, s, n, length, d.data());
      for (idx i = 0; i < n; i++) compare("stacked", r, d[(size_t)i], want(r.kind, x.data() + i, length, n, false), i, n, length);
    }
  }
  template <size_t N> void all(const Row (&rows)[N], Rng& rng) {
    for (const Row& r : rows) {
      for (idx length : {1, 2, 7, 10, 15, 16, 17, 31, 33, 64, 100, 256})
        for (idx n : {1, 3, 4, 5, 16, 21, 25}) run(r, n, length);
      run(r, 1, 1024);
      run(r, 1, 777 + rng.below(16));
    }
  }
};

}  // namespace

uint64_t testReduce(const Isa& isa) {
  Rng rng(11);
  const float odd[] = {0.f, -0.f, INFINITY, -INFINITY, NAN, 1.f};
  uint64_t hash = HASH_START;
  // Plain numbers; few different ones, so that equals are many; odd ones among them; odd ones alone.
  for (int data = 0; data < 4; data++) {
    Checker<float> f{isa, "f32", std::vector<float>(4096)};
    Checker<int32_t> i{isa, "i32", std::vector<int32_t>(4096)};
    Checker<uint32_t> u{isa, "u32", std::vector<uint32_t>(4096)};
    for (size_t k = 0; k < 4096; k++) {
      const uint32_t bits = rng.bits();
      f.x[k] = data == 3 ? odd[bits % 4] : data == 2 && bits % 50 == 0 ? odd[bits / 50 % 6] : data == 1 ? (float)(bits % 3) - 1.f : rng.uniform();
      u.x[k] = data == 3 ? 0u - (bits & 1) : data == 1 ? bits % 3 : bits;
      i.x[k] = data == 3 ? INT32_MIN + (int32_t)(bits & 1) : (int32_t)u.x[k];
    }
    f.all(floats, rng), i.all(ints, rng), u.all(words, rng);
    for (uint64_t h : {f.hash, i.hash, u.hash}) hash = hashBytes(hash, &h, 8);
  }
  return hash;
}
