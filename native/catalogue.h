// The vocabulary of the printed kernels (generated/catalogue.inc): lines of a call, vectors along them, and reductions in the order of
// reduce.h. The bits are the interpreter's: the same operations, each rounding alone, and the same lanes and trees.
#pragma once
#include "access.h"
#include "philox.h"
#include "reduce.h"
#include "vmath.h"

namespace KNS {

using namespace nabla;

NABLA_INLINE void stream(uint32_t* p, VU v) {
#if VB == 64 && defined(__AVX512F__)
  _mm512_stream_si512((__m512i*)p, (__m512i)v);
#elif VB == 32 && defined(__AVX2__)
  _mm256_stream_si256((__m256i*)p, (__m256i)v);
#elif VB == 16 && defined(__x86_64__)
  _mm_stream_si128((__m128i*)p, (__m128i)v);
#else
  st(p, v);
#endif
}

NABLA_INLINE void streamsDone() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

// Words last drawn: a group serves several vectors.
struct Draws {
  uint32_t words[64];
  uint32_t group, key0, key1;
  bool any;
};

__attribute__((noinline)) static void drawGroup(Draws& d, uint32_t group, uint32_t key0, uint32_t key1) {
  d.group = group, d.key0 = key0, d.key1 = key1, d.any = true;
  philoxGroups<1>(group, key0, key1, d.words);
}

// n <= VN words, any counters.
__attribute__((noinline)) static void drawAny(VU key0, VU key1, VU element, uint32_t* out) {
  uint32_t k0[VN], k1[VN], e[VN];
  st(k0, key0), st(k1, key1), st(e, element);
  philoxTile(k0, k1, e, VN, out);
}

// p + bytes; null too, which stands where there are no elements, and which nobody follows.
NABLA_INLINE const char* past(const char* p, idx bytes) { return (const char*)((uintptr_t)p + (uintptr_t)bytes); }
NABLA_INLINE char* past(char* p, idx bytes) { return (char*)((uintptr_t)p + (uintptr_t)bytes); }

// One row of a block.
template <int IN, int OUT> struct Line {
  const KernelCall& c;
  idx row, n;  // its number in the call, its elements
  int place;   // its number in the block
  const char* in[IN > 0 ? IN : 1];
  idx mask[IN > 0 ? IN : 1];
  char* out[OUT];
  bool streams[OUT];
  uint32_t* keeps;
  idx keptStride;
  Draws* draws;

  NABLA_METHOD uint32_t* kept(int of, idx i) const { return keeps + of * keptStride + i; }
};

// Where the operands of a block's first row are, and how far apart those of two rows.
struct Ends {
  const char* in[CALL_OPERANDS];
  idx apart[CALL_OPERANDS];
  char* out[CALL_OPERANDS];
};

// An operand that is one element for a whole row is read from a vector of it: of operands `along`, those of each row in `same`.
__attribute__((noinline)) static void openBlock(const KernelCall& c, idx first, int rows, int in, int out, uint32_t along, uint32_t (*same)[VN][LANES],
                                                Ends& e) {
  for (int k = 0; k < in; k++) {
    const KernelCall::In& x = c.in[k];
    e.in[k] = past(x.at, first * x.rowBytes);
    e.apart[k] = x.rowBytes;
    if (x.mask != 0 || !(along >> k & 1)) continue;
    for (int r = 0; r < rows; r++) {
      const char* at = e.in[k] + r * x.rowBytes;
      const uint32_t v = x.width == 4 ? *(const Word32*)at : x.width == 2 ? *(const Word16*)at * 0x10001u : *(const Word8*)at * 0x1010101u;
      for (int i = 0; i < LANES; i += VN) st(same[k][r] + i, splat(v));
    }
    e.in[k] = (const char*)same[k];
    e.apart[k] = sizeof same[k][0];
  }
  for (int k = 0; k < out; k++) e.out[k] = past(c.out[k].at, first * c.out[k].rowBytes);
}

// Rows that go through a kernel side by side, VN at most. What is computed once a row is computed once a block: row r's in lane r.
// SHORT: rows of a ROWS program.
template <int IN, int OUT, bool SHORT> struct Block {
  enum { ROW_SHORT = SHORT };
  const KernelCall& c;
  const Ends& ends;
  idx first, n;
  int rows;
  Draws* draws;

  NABLA_METHOD Line<IN, OUT> line(int r) const {
    // Copies of its own, which no store can change.
    Line<IN, OUT> l{c, first + r, n, r, {}, {}, {}, {}, (uint32_t*)past((char*)c.kept, r * c.keptRow * 4), c.keptStride, draws};
#pragma GCC unroll 16
    for (int k = 0; k < IN; k++) l.in[k] = past(ends.in[k], r * ends.apart[k]), l.mask[k] = c.in[k].mask;
#pragma GCC unroll 16
    for (int k = 0; k < OUT; k++) l.out[k] = past(ends.out[k], r * c.out[k].rowBytes), l.streams[k] = c.out[k].stream;
    return l;
  }
  NABLA_METHOD VU uniform(int k) const { return splat(c.uniform[k]); }
  // Of the rows' own elements.
  template <DType T> NABLA_METHOD VU load(int k) const {
    uint32_t v[VN] = {};
    for (int r = 0; r < rows; r++) readRun(c.in[k].at + (first + r) * c.in[k].rowBytes, T, 0, 0, 1, v + r);
    const VU s = ld(v);
    if (T == BOOL) return (VU)(s != 0u);
    if (T == F16) return (VU)vfromF16(s);
    if (T == BF16) return (VU)vfromBF16(s);
    if (T == I8) return (VU)((VI)(s << 24) >> 24);
    return s;
  }
  template <DType T> NABLA_METHOD void store(int k, VU v) const {
    uint32_t s[VN];
    st(s, T == BOOL ? v & 1u : T == F16 ? vtoF16((VF)v) : T == BF16 ? vtoBF16((VF)v) : v);
    for (int r = 0; r < rows; r++) writeRun(ends.out[k] + r * c.out[k].rowBytes, T, 0, 1, 1, s + r);
  }
  NABLA_METHOD VU index(int k) const {
    const KernelCall::Index& x = c.index[k];
    return (VU)laneNumbers() * x.rowStep + (x.first + (uint32_t)first * x.rowStep);
  }
};

// What has been computed for each row of a block, for its elements.
struct PerRow {
  uint32_t at[VN];
  explicit NABLA_METHOD PerRow(VU v) { st(at, v); }
};

// COUNT vectors of a line at `i`; or with COUNT 0 what is left of one: `left` elements. `v`: in which of the sixteen lanes.
template <int COUNT, class L> struct At {
  const L& l;
  idx i;
  int v;
  idx left;
  Tail tail;

  // One vector, or each of several: f(number of elements before it).
  template <class F> static NABLA_METHOD auto all(const F& f) {
    if constexpr (COUNT <= 1) {
      return f((idx)0);
    } else {
      Several<VU, COUNT> r;
#pragma GCC unroll 8
      for (int u = 0; u < COUNT; u++) r.v[u] = f((idx)u * VN);
      return r;
    }
  }
  template <class P> NABLA_METHOD const P* narrowed(const char* p, P (&room)[VN]) const {
    if (COUNT > 0) return (const P*)p;
    for (idx j = 0; j < left; j++) room[j] = ((const P*)p)[j];
    return room;
  }
  template <DType T> NABLA_METHOD VU one(const char* p) const {
    if (widthOf(T) == 4) return COUNT > 0 ? ld((const uint32_t*)p) : ldTail((const uint32_t*)p, tail);
    Word8 bytes[VN] = {};
    Word16 halves[VN] = {};
    if (T == BOOL) return (VU)(ldU8(narrowed(p, bytes)) != 0u);
    if (T == I8) return (VU)ldI8(narrowed(p, bytes));
    if (T == U8) return ldU8(narrowed(p, bytes));
    const VU half = ldU16(narrowed(p, halves));
    return (VU)(T == F16 ? vfromF16(half) : vfromBF16(half));
  }
  template <DType T> NABLA_METHOD auto load(int k) const {
    return all([&](idx on) NABLA_LAMBDA { return one<T>(l.in[k] + ((i + on) * widthOf(T) & l.mask[k])); });
  }

  template <DType T> NABLA_METHOD void put(char* p, VU value) const {
    if (widthOf(T) == 4) return COUNT > 0 ? st((uint32_t*)p, value) : stTail((uint32_t*)p, value, tail);
    const VU bits = T == BOOL ? value & 1u : T == F16 ? vtoF16((VF)value) : T == BF16 ? vtoBF16((VF)value) : value;
    if (COUNT > 0) {
      if (widthOf(T) == 1) stU8(p, bits);
      else stU16(p, bits);
      return;
    }
    uint32_t s[VN];
    st(s, bits);
    writeRun(p, T, 0, 1, left, s);
  }
  template <DType T, class X> NABLA_METHOD void store(int k, const X& x) const {
    char* p = l.out[k] + i * widthOf(T);
    constexpr int vectors = COUNT > 1 ? COUNT : 1;
    if (COUNT > 0 && widthOf(T) == 4 && l.streams[k]) {
#pragma GCC unroll 8
      for (int u = 0; u < vectors; u++) stream((uint32_t*)p + u * VN, nth(x, u));
    } else {
#pragma GCC unroll 8
      for (int u = 0; u < vectors; u++) put<T>(p + u * VN * widthOf(T), nth(x, u));
    }
  }

  NABLA_METHOD auto index(int k) const {
    const KernelCall::Index& x = l.c.index[k];
    const VU from = (VU)laneNumbers() * x.step + (x.first + (uint32_t)l.row * x.rowStep + (uint32_t)i * x.step);
    return all([&](idx on) NABLA_LAMBDA { return from + (uint32_t)on * x.step; });
  }
  NABLA_METHOD VU of(const PerRow& x) const { return splat(x.at[l.place]); }
  NABLA_METHOD auto kept(int place) const {
    return all([&](idx on) NABLA_LAMBDA { return ld(l.kept(place, i + on)); });
  }
  template <class X> NABLA_METHOD void keep(int place, const X& x) const {
    all([&](idx on) NABLA_LAMBDA { return st(l.kept(place, i + on), nth(x, (int)(on / VN))), VU{}; });
  }

  NABLA_METHOD VU draw(VU key0, VU key1, VU element) const {
    const uint32_t first = element[0], k0 = key0[0], k1 = key1[0];
    const VU apart = (element - (VU)laneNumbers() - first) | (key0 ^ k0) | (key1 ^ k1);
    if (vany((VI)(apart != 0u)) || (first & 63) + VN > 64) {
      uint32_t words[VN];
      drawAny(key0, key1, element, words);
      return ld((const uint32_t*)words);
    }
    Draws& d = *l.draws;
    if (!d.any || d.group != first >> 6 || d.key0 != k0 || d.key1 != k1) drawGroup(d, first >> 6, k0, k1);
    return ld((const uint32_t*)d.words + (first & 63));
  }
  template <class A, class B, class E> NABLA_METHOD auto random(const A& key0, const B& key1, const E& element) const {
    return all([&](idx on) NABLA_LAMBDA { return draw(nth(key0, (int)(on / VN)), nth(key1, (int)(on / VN)), nth(element, (int)(on / VN))); });
  }

  // The same place of the next block's rows, fetched where there is much to compute meanwhile.
  template <DType T> NABLA_METHOD void fetch(int k) const {
    const char* p = l.in[k] + l.c.together * l.c.in[k].rowBytes + (i * widthOf(T) & l.mask[k]);
    for (idx on = 0; on < COUNT * VN * widthOf(T) && COUNT > 1; on += 64) __builtin_prefetch(p + on, 0);
  }
  // This place of a result that will be written.
  template <DType T> NABLA_METHOD void claim(int k) const {
    const char* p = l.out[k] + i * widthOf(T);
    for (idx on = 0; on < COUNT * VN * widthOf(T) && COUNT > 1; on += 64) __builtin_prefetch(p + on, 1);
  }

  template <class R, class X> NABLA_METHOD void fold(R& r, const X& x) const { r.template add<COUNT>(x, v, left); }
};

// Partial results of more than one chunk, as ChunkTree does with a node of one lane.
template <class F> struct Nodes {
  typename F::T value[TREE_DEPTH];
  idx depth, count;
};
template <class F, class V> NABLA_FUNCTION __attribute__((noinline)) void pushNode(Nodes<F>& t, typename F::T one) {
  t.value[t.depth++] = one;
  for (idx c = t.count++; c & 1; c >>= 1) {
    t.depth--;
    t.value[t.depth - 1] = F::apply(splat(t.value[t.depth - 1]), splat(t.value[t.depth]))[0];
  }
}
template <class F, class V> NABLA_FUNCTION __attribute__((noinline)) typename F::T lastNode(Nodes<F>& t) {
  for (; t.depth > 1; t.depth--) t.value[t.depth - 2] = F::apply(splat(t.value[t.depth - 2]), splat(t.value[t.depth - 1]))[0];
  return t.value[0];
}

// The 16 lanes of each row to one, for all rows in one tree.
template <class F, class V> NABLA_FUNCTION __attribute__((noinline)) V closeBlock(V (&lanes)[VN][VPL], int rows) {
  if (rows == 1) {
    V only[1][VPL];
    for (int v = 0; v < VPL; v++) only[0][v] = lanes[0][v];
    return lanesToOne<F>(only);
  }
  for (int r = rows; r < VN; r++)
    for (int v = 0; v < VPL; v++) lanes[r][v] = lanes[0][v];
  return lanesToOne<F>(lanes);
}

// A reduction along the rows of a block.
template <int K, class V> struct Folding {
  typedef Fold<K, V> F;
  typedef typename F::T T;
  typename FastOf<K, V>::type lanes[VPL];
  V rows[VN][VPL], value;
  Nodes<F> nodes;  // of a row of several chunks, which is alone in its block

  NABLA_METHOD void open() {
    value = splat(F::identity());
    nodes.depth = nodes.count = 0;
  }
  NABLA_METHOD void begin() {
    for (int v = 0; v < VPL; v++) lanes[v].open(splat(F::identity()));
  }
  template <int COUNT, class X> NABLA_METHOD void add(const X& x, int v, idx left) {
    if constexpr (COUNT > VPL) {
#pragma GCC unroll 8
      for (int u = 0; u < COUNT; u += 2 * VPL)
#pragma GCC unroll 4
        for (int w = 0; w < VPL; w++) lanes[w].take((V)nth(x, u + w), (V)nth(x, u + VPL + w));
    } else if constexpr (COUNT > 1) {
#pragma GCC unroll 4
      for (int w = 0; w < VPL; w++) lanes[w].take((V)nth(x, w));
    } else if constexpr (COUNT == 1) {
      lanes[v].take((V)x);
    } else {
      const V none = splat(F::identity()), b = vsel(laneNumbers() < (int32_t)left, (V)x, none);
      if (VPL == 1) return lanes[0].take(b);
      if (VPL != 2) return lanes[v].take(b);
      // The lanes' number is not known here; their array is to stay in registers. An identity changes nothing.
      for (int w = 0; w < VPL; w++) lanes[w].take(vsel(splat(w == v ? -1 : 0), b, none));
    }
  }
  NABLA_METHOD void end(int r) {
    for (int v = 0; v < VPL; v++) rows[r][v] = lanes[v].close();
  }
  template <bool SHORT> NABLA_METHOD void close(int count, bool only) {
    value = closeBlock<F>(rows, count);
    if (!SHORT && !only) pushNode<F, V>(nodes, value[0]);
  }
  NABLA_METHOD VU result() { return (VU)(nodes.count > 0 ? splat(lastNode<F, V>(nodes)) : value); }
};

// Vectors in step where functions are long or reductions wait for themselves: as many as there are registers for.
constexpr int TOGETHER = VB / 16;

// body(At) for all elements [from, to) of a line; COUNT vectors at a time, then one by one. `from` begins the sixteen lanes.
template <int COUNT, bool FOLDS, class L, class Body> NABLA_INLINE void vectors(const L& l, idx from, idx to, const Body& body) {
  constexpr int step = COUNT > 1 || !FOLDS ? COUNT : VPL;
  idx i = from;
  for (; i + step * VN <= to; i += step * VN) {
    if constexpr (step == COUNT) {
      body(At<COUNT, L>{l, i, 0, VN, Tail()});
    } else {
#if VB == 16
#pragma GCC unroll 1
#else
#pragma GCC unroll 2
#endif
      for (int v = 0; v < VPL; v++) body(At<1, L>{l, i + v * VN, v, VN, Tail()});
    }
  }
  for (int v = 0; i < to; v++, i += VN) {
    const idx left = least(VN, to - i);
    body(At<0, L>{l, i, v, left, tailOf(left)});
  }
}

// body(At) for a row that fits the sixteen lanes.
template <class L, class Body> NABLA_INLINE void shortRow(const L& l, const Tail (&tails)[VPL], const Body& body) {
#if VB > 16
#pragma GCC unroll 4
#endif
  for (int v = 0; v < VPL; v++)
    if (v == 0 || l.n > v * VN) body(At<0, L>{l, v * VN, v, least(VN, l.n - v * VN), tails[v]});
}
NABLA_INLINE void tailsOf(idx n, Tail (&tails)[VPL]) {
  for (int v = 0; v < VPL; v++) tails[v] = tailOf(most(least(VN, n - v * VN), 0));
}

// body(At) along every row of a block.
template <int COUNT, class B, class Body> NABLA_INLINE void along(const B& b, const Body& body) {
  if (B::ROW_SHORT && b.n <= LANES) {
    Tail tails[VPL];
    tailsOf(b.n, tails);
    for (int r = 0; r < b.rows && b.n > 0; r++) {
      const auto l = b.line(r);
      shortRow(l, tails, body);
    }
    return;
  }
  for (int r = 0; r < b.rows; r++) {
    const auto l = b.line(r);
    vectors<COUNT, false>(l, 0, l.n, body);
  }
}

// The same, with reductions fed by it.
template <int COUNT, class B, class Body, class... R> NABLA_INLINE void pass(const B& b, const Body& body, R&... f) {
  (f.open(), ...);
  if (B::ROW_SHORT && b.n <= LANES) {
    if (b.n == 0) return;
    Tail tails[VPL];
    tailsOf(b.n, tails);
    for (int r = 0; r < b.rows; r++) {
      const auto l = b.line(r);
      (f.begin(), ...);
      shortRow(l, tails, body);
      (f.end(r), ...);
    }
    return (f.template close<B::ROW_SHORT>(b.rows, true), ...);
  }
  for (idx from = 0; from < b.n;) {
    const idx to = B::ROW_SHORT ? b.n : least(from + ROW_CHUNK, b.n);
    for (int r = 0; r < b.rows; r++) {
      const auto l = b.line(r);
      (f.begin(), ...);
      vectors<COUNT, true>(l, from, to, body);
      (f.end(r), ...);
    }
    (f.template close<B::ROW_SHORT>(b.rows, from == 0 && to == b.n), ...);
    from = to;
  }
}

// Every row of a call through a printed kernel.
template <class K> static void runKernel(const KernelCall& c) {
  Ends ends;
  Draws draws;
  draws.any = false;
  uint32_t same[K::IN > 0 ? K::IN : 1][VN][LANES];
  for (idx first = 0; first < c.rows; first += c.together) {
    const int rows = (int)least(c.together, c.rows - first);
    openBlock(c, first, rows, K::IN, K::OUT, K::ALONG, same, ends);
    K::block(Block<K::IN, K::OUT, K::SHORT>{c, ends, first, c.length, rows, &draws});
  }
  for (int k = 0; k < K::OUT; k++)
    if (c.out[k].stream) return streamsDone();
}

}  // namespace KNS
