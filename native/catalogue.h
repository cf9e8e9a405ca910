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

// One row of a call.
template <int IN, int OUT> struct Line {
  const KernelCall& c;
  idx row, n;
  const char* in[IN > 0 ? IN : 1];
  idx mask[IN > 0 ? IN : 1];
  char* out[OUT];
  bool streams[OUT];
  Draws* draws;

  NABLA_METHOD VU uniform(int k) const { return splat(c.uniform[k]); }
  // Of a row's own element.
  template <DType T> NABLA_METHOD VU load(int k) const {
    uint32_t v[LANES];
    readRun(in[k], T, 0, 0, 1, v);
    VU s = splat(v[0]);
    if (T == BOOL) return (VU)(s != 0u);
    if (T == F16) return (VU)vfromF16(s);
    if (T == BF16) return (VU)vfromBF16(s);
    if (T == I8) return (VU)((VI)(s << 24) >> 24);
    return s;
  }
  template <DType T> NABLA_METHOD void store(int k, VU v) const {
    uint32_t s[LANES];
    st(s, T == BOOL ? v & 1u : T == F16 ? vtoF16((VF)v) : T == BF16 ? vtoBF16((VF)v) : v);
    writeRun(out[k], T, 0, 1, 1, s);
  }
  NABLA_METHOD VU index(int k) const { return splat(c.index[k].first + (uint32_t)row * c.index[k].rowStep); }
  NABLA_METHOD uint32_t* kept(int place, idx i) const { return c.kept + place * c.keptStride + i; }
};

// A vector of a line, or what is left of one: `left` elements at `i`, in lanes `v` of the sixteen.
template <bool WHOLE, class L> struct At {
  const L& l;
  idx i;
  int v;
  idx left;
  Tail tail;

  template <class P> NABLA_METHOD const P* narrowed(const char* p, P (&room)[VN]) const {
    if (WHOLE) return (const P*)p;
    for (idx j = 0; j < left; j++) room[j] = ((const P*)p)[j];
    return room;
  }
  template <DType T> NABLA_METHOD VU load(int k) const {
    const char* p = l.in[k] + (i * widthOf(T) & l.mask[k]);
    if (widthOf(T) == 4) return WHOLE ? ld((const uint32_t*)p) : ldTail((const uint32_t*)p, tail);
    Word8 bytes[VN] = {};
    Word16 halves[VN] = {};
    if (T == BOOL) return (VU)(ldU8(narrowed(p, bytes)) != 0u);
    if (T == I8) return (VU)ldI8(narrowed(p, bytes));
    if (T == U8) return ldU8(narrowed(p, bytes));
    const VU half = ldU16(narrowed(p, halves));
    return (VU)(T == F16 ? vfromF16(half) : vfromBF16(half));
  }
  template <DType T> NABLA_METHOD void store(int k, VU value) const {
    char* p = l.out[k] + i * widthOf(T);
    if (widthOf(T) == 4) {
      if (!WHOLE) return stTail((uint32_t*)p, value, tail);
      if (l.streams[k]) stream((uint32_t*)p, value);
      else st((uint32_t*)p, value);
      return;
    }
    const VU bits = T == BOOL ? value & 1u : T == F16 ? vtoF16((VF)value) : T == BF16 ? vtoBF16((VF)value) : value;
    if (WHOLE) {
      if (widthOf(T) == 1) stU8(p, bits);
      else stU16(p, bits);
      return;
    }
    uint32_t s[VN];
    st(s, bits);
    writeRun(p, T, 0, 1, left, s);
  }
  NABLA_METHOD VU index(int k) const {
    const KernelCall::Index& x = l.c.index[k];
    return (VU)laneNumbers() * x.step + (x.first + (uint32_t)l.row * x.rowStep + (uint32_t)i * x.step);
  }
  NABLA_METHOD VU kept(int place) const { return ld(l.kept(place, i)); }
  NABLA_METHOD void keep(int place, VU value) const { st(l.kept(place, i), value); }

  NABLA_METHOD VU random(VU key0, VU key1, VU element) const {
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

  template <class R> NABLA_METHOD void fold(R& r, VU value) const { r.template add<WHOLE>(value, v, left); }
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

// A reduction along a line.
template <int K, class V> struct Folding {
  typedef Fold<K, V> F;
  typedef typename F::T T;
  typename FastOf<K, V>::type lanes[VPL];
  T value;
  Nodes<F> nodes;

  NABLA_METHOD void open() {
    value = F::identity();
    nodes.depth = nodes.count = 0;
  }
  NABLA_METHOD void begin() {
    for (int v = 0; v < VPL; v++) lanes[v].open(splat(F::identity()));
  }
  template <bool WHOLE> NABLA_METHOD void add(VU word, int v, idx left) {
    if (WHOLE) return lanes[v].take((V)word);
    const V none = splat(F::identity()), b = vsel(laneNumbers() < (int32_t)left, (V)word, none);
    if (VPL != 2) return lanes[v].take(b);
    // The lanes' number is not known here; their array is to stay in registers. An identity changes nothing.
    for (int w = 0; w < VPL; w++) lanes[w].take(vsel(splat(w == v ? -1 : 0), b, none));
  }
  NABLA_METHOD void close(bool only) {
    V folded[1][VPL];
    for (int v = 0; v < VPL; v++) folded[0][v] = lanes[v].close();
    const T one = lanesToOne<F>(folded)[0];
    if (only) value = one;
    else pushNode<F, V>(nodes, one);
  }
  NABLA_METHOD VU result() { return (VU)splat(nodes.count > 0 ? lastNode<F, V>(nodes) : value); }
};

// body(At) for every vector of the line.
template <class L, class Body> NABLA_INLINE void along(const L& l, const Body& body) {
  idx i = 0;
  for (; i + VN <= l.n; i += VN) body(At<true, L>{l, i, 0, VN, Tail()});
  if (i < l.n) body(At<false, L>{l, i, 0, l.n - i, tailOf(l.n - i)});
}

// The same, with reductions fed by it.
template <class L, class Body, class... R> NABLA_INLINE void pass(const L& l, const Body& body, R&... r) {
  (r.open(), ...);
  for (idx from = 0; from < l.n;) {
    const idx to = least(from + ROW_CHUNK, l.n);
    (r.begin(), ...);
    idx i = from;
    for (; i + LANES <= to; i += LANES)
#if VB == 16
#pragma GCC unroll 1
#else
#pragma GCC unroll 2
#endif
      for (int v = 0; v < VPL; v++) body(At<true, L>{l, i + v * VN, v, VN, Tail()});
    for (int v = 0; i < to; v++, i += VN) {
      const idx left = least(VN, to - i);
      body(At<false, L>{l, i, v, left, tailOf(left)});
    }
    (r.close(from == 0 && to == l.n), ...);
    from = to;
  }
}

// Where the operands of one row are.
struct Ends {
  const char* in[CALL_OPERANDS];
  char* out[CALL_OPERANDS];
  uint32_t same[CALL_OPERANDS][LANES];
};

// An operand that is one element for the whole row is read from a vector of it.
__attribute__((noinline)) static void openRow(const KernelCall& c, idx row, int in, int out, Ends& e) {
  for (int k = 0; k < in; k++) {
    const KernelCall::In& x = c.in[k];
    e.in[k] = x.at + row * x.rowBytes;
    if (x.mask != 0) continue;
    const uint32_t v = x.width == 4 ? *(const Word32*)e.in[k] : x.width == 2 ? *(const Word16*)e.in[k] * 0x10001u : *(const Word8*)e.in[k] * 0x1010101u;
    for (int i = 0; i < LANES; i += VN) st(e.same[k] + i, splat(v));
    e.in[k] = (const char*)e.same[k];
  }
  for (int k = 0; k < out; k++) e.out[k] = c.out[k].at + row * c.out[k].rowBytes;
}

// Every row of a call through a printed kernel.
template <class K> static void runKernel(const KernelCall& c) {
  Ends ends;
  Draws draws;
  draws.any = false;
  bool streams = false;
  for (idx row = 0; row < c.rows; row++) {
    openRow(c, row, K::IN, K::OUT, ends);
    // Copies of its own, which no store can change.
    Line<K::IN, K::OUT> l{c, row, c.length, {}, {}, {}, {}, &draws};
#pragma GCC unroll 16
    for (int k = 0; k < K::IN; k++) l.in[k] = ends.in[k], l.mask[k] = c.in[k].mask;
#pragma GCC unroll 16
    for (int k = 0; k < K::OUT; k++) {
      l.out[k] = ends.out[k], l.streams[k] = c.out[k].stream;
      streams |= l.streams[k];
    }
    K::line(l);
  }
  if (streams) streamsDone();
}

}  // namespace KNS
