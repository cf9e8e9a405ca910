// Reductions in one fixed order: 16 virtual lanes, a fixed tree over lanes and a pairwise tree over chunks, so that bits depend neither
// on the vector width nor on the number of threads. argMax / argMin carry the position beside the value.
#pragma once
#include "fused.h"
#include "vec.h"

namespace KNS {

using namespace nabla;

enum FoldKind { FOLD_SUM, FOLD_PROD, FOLD_MAX, FOLD_MIN };

template <class V> struct ScalarOf;
template <> struct ScalarOf<VF> { typedef float type; };
template <> struct ScalarOf<VI> { typedef int32_t type; };
template <> struct ScalarOf<VU> { typedef uint32_t type; };

NABLA_INLINE float lowest(float) { return -__builtin_inff(); }
NABLA_INLINE int32_t lowest(int32_t) { return INT32_MIN; }
NABLA_INLINE uint32_t lowest(uint32_t) { return 0; }
NABLA_INLINE float highest(float) { return __builtin_inff(); }
NABLA_INLINE int32_t highest(int32_t) { return INT32_MAX; }
NABLA_INLINE uint32_t highest(uint32_t) { return UINT32_MAX; }

constexpr int32_t NOWHERE = INT32_MAX;  // the position beside an identity

template <int K, class V> struct Fold {
  typedef typename ScalarOf<V>::type T;
  static NABLA_METHOD T identity() {
    return K == FOLD_SUM ? T(0) : K == FOLD_PROD ? T(1) : K == FOLD_MAX ? lowest(T(0)) : highest(T(0));
  }
  static NABLA_METHOD V apply(V a, V b) {
    if (K == FOLD_SUM) return a + b;
    if (K == FOLD_PROD) return a * b;
    return K == FOLD_MAX ? vmax(a, b) : vmin(a, b);
  }
  // apply over many vectors.
  struct Fast {
    V all;
    NABLA_METHOD void open(V start) { all = start; }
    NABLA_METHOD void take(V x) { all = apply(all, x); }
    NABLA_METHOD void take(V x, V later) { take(x), take(later); }
    NABLA_METHOD V close() const { return all; }
  };
};
// Float extremes: one instruction a vector, which forgets a NaN; the sign of `nan` remembers it.
template <int K> struct FastExtreme {
  VF all;
  VI nan;
  NABLA_METHOD void open(VF start) { all = start, nan = isNan(start); }
  NABLA_METHOD void take(VF x) {
    all = K == FOLD_MAX ? vatLeast(x, all) : vatMost(x, all);
    nan |= isNan(x);
  }
  // Of equals (zeros of either sign) the later one stays, as when they come one by one.
  NABLA_METHOD void take(VF x, VF later) {
    const VF both = K == FOLD_MAX ? vatLeast(later, x) : vatMost(later, x);
    all = K == FOLD_MAX ? vatLeast(both, all) : vatMost(both, all);
    nan |= isNan(x) | isNan(later);
  }
  NABLA_METHOD VF close() const { return vsel(nan < 0, splat(__builtin_nanf("")), all); }
  // Negative for NaN: what lies above infinity's bits overflows.
  static NABLA_METHOD VI isNan(VF x) { return (VI)vabs(x) + 0x7fffff; }
};
template <int K, class V> struct FastOf { typedef typename Fold<K, V>::Fast type; };
template <> struct FastOf<FOLD_MAX, VF> { typedef FastExtreme<FOLD_MAX> type; };
template <> struct FastOf<FOLD_MIN, VF> { typedef FastExtreme<FOLD_MIN> type; };

// The blocks of h lanes of a and then of b: the even ones (odd = 0) or the odd ones (odd = 1).
#define BLOCK_LANE(i, h, odd) ((i) / (h) * 2 * (h) + (i) % (h) + (odd) * (h))
#define BLOCKS4(a, b, h, o) \
  __builtin_shufflevector(a, b, BLOCK_LANE(0, h, o), BLOCK_LANE(1, h, o), BLOCK_LANE(2, h, o), BLOCK_LANE(3, h, o))
#define BLOCKS8(a, b, h, o)                                                                                            \
  __builtin_shufflevector(a, b, BLOCK_LANE(0, h, o), BLOCK_LANE(1, h, o), BLOCK_LANE(2, h, o), BLOCK_LANE(3, h, o), \
                          BLOCK_LANE(4, h, o), BLOCK_LANE(5, h, o), BLOCK_LANE(6, h, o), BLOCK_LANE(7, h, o))
#define BLOCKS16(a, b, h, o)                                                                                           \
  __builtin_shufflevector(a, b, BLOCK_LANE(0, h, o), BLOCK_LANE(1, h, o), BLOCK_LANE(2, h, o), BLOCK_LANE(3, h, o), \
                          BLOCK_LANE(4, h, o), BLOCK_LANE(5, h, o), BLOCK_LANE(6, h, o), BLOCK_LANE(7, h, o),       \
                          BLOCK_LANE(8, h, o), BLOCK_LANE(9, h, o), BLOCK_LANE(10, h, o), BLOCK_LANE(11, h, o),     \
                          BLOCK_LANE(12, h, o), BLOCK_LANE(13, h, o), BLOCK_LANE(14, h, o), BLOCK_LANE(15, h, o))
#if VB == 64
#define BLOCKS(a, b, h, o) BLOCKS16(a, b, h, o)
#elif VB == 32
#define BLOCKS(a, b, h, o) BLOCKS8(a, b, h, o)
#else
#define BLOCKS(a, b, h, o) BLOCKS4(a, b, h, o)
#endif

#define UPPER(v, h) BLOCKS(v, v, h, 1)  // lane i + h in lane i < h

// One level of the tree for R rows: lane i of each row's lanes with lane i + H. Two rows' halves share a vector, until all rows do.
#define NABLA_TREE_LEVEL(R, H)                                                                                  \
  _Pragma("GCC unroll 16") for (int p = 0; p < ((R) > 1 ? (R) / 2 : 1); p++) {                                  \
    const V left = rows[2 * p], right = rows[(R) > 1 ? 2 * p + 1 : 2 * p];                                      \
    rows[p] = F::apply(BLOCKS(left, right, H, 0), BLOCKS(left, right, H, 1));                                   \
  }

// The 16 lanes of each of R rows (1, 2, 4 ... VN) to one: lane i with i + 8, then + 4, + 2, + 1. Row r's result is lane r.
template <class F, int R, class V> NABLA_INLINE V lanesToOne(V (&lanes)[R][VPL]) {
  V rows[R + 1];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
    for (int half = VPL / 2; half > 0; half /= 2)
#pragma GCC unroll 4
      for (int p = 0; p < half; p++) lanes[r][p] = F::apply(lanes[r][p], lanes[r][p + half]);
    rows[r] = lanes[r][0];
  }
#if VB == 64
  NABLA_TREE_LEVEL(R, 8)
  NABLA_TREE_LEVEL(R / 2, 4)
  NABLA_TREE_LEVEL(R / 4, 2)
  NABLA_TREE_LEVEL(R / 8, 1)
#elif VB == 32
  NABLA_TREE_LEVEL(R, 4)
  NABLA_TREE_LEVEL(R / 2, 2)
  NABLA_TREE_LEVEL(R / 4, 1)
#else
  NABLA_TREE_LEVEL(R, 2)
  NABLA_TREE_LEVEL(R / 2, 1)
#endif
  return rows[0];
}

NABLA_INLINE VI laneNumbers() {
#if VB == 64
  return VI{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif VB == 32
  return VI{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return VI{0, 1, 2, 3};
#endif
}

// The first n of a vector's elements, 1 <= n <= VN, and `other` in the rest.
NABLA_INLINE VF partial(const float* p, idx n, float other) {
  return vsel(laneNumbers() < (int32_t)n, ldTail(p, tailOf(n)), splat(other));
}
NABLA_INLINE VI partial(const int32_t* p, idx n, int32_t other) {
  return vsel(laneNumbers() < (int32_t)n, (VI)ldTail((const float*)p, tailOf(n)), splat(other));
}
NABLA_INLINE VU partial(const uint32_t* p, idx n, uint32_t other) {
  return vsel(laneNumbers() < (int32_t)n, (VU)ldTail((const float*)p, tailOf(n)), splat(other));
}

// Folds n elements of each of R rows, `stride` apart, into 16 lanes a row.
template <class F, class Fast, int R, class V, class T>
NABLA_INLINE void foldInto(V (&lanes)[R][VPL], const T* p, idx stride, idx n) {
  Fast fast[R][VPL];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++) fast[r][v].open(lanes[r][v]);
  idx i = 0;
  for (; i + LANES <= n; i += LANES)
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < VPL; v++) fast[r][v].take(ld(p + r * stride + i + v * VN));
  // Lanes that get nothing would get an identity.
#pragma GCC unroll 4
  for (int v = 0; v < VPL; v++, i += VN) {
    if (i >= n) break;
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const T* from = p + r * stride + i;
      fast[r][v].take(n - i >= VN ? ld(from) : partial(from, n - i, F::identity()));
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++) lanes[r][v] = fast[r][v].close();
}

// How one kind of reduction does its parts. `value` and `place` are an accumulator; place only serves argMax and argMin.
struct Folder {
  // Identities in the first n lanes.
  void (*begin)(uint32_t* value, int32_t* place, idx n);
  // Folds n elements of a row, the first at position `first`, into 16 lanes.
  void (*rowTile)(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx first);
  // The 16 lanes to lane 0.
  void (*closeRow)(uint32_t* value, int32_t* place);
  // Folds element `position` of n rows into n lanes.
  void (*columnTile)(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx position);
  // Folds elements `position` and on, `count` of them, each of n rows side by side, into n lanes.
  void (*stackTile)(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx count, idx position);
  // Lane by lane, an earlier part with a later one.
  void (*merge)(uint32_t* value, int32_t* place, const uint32_t* laterValue, const int32_t* laterPlace, idx n);
  // Whole rows of a tile, back to back, to d.
  void (*rows)(const uint32_t* s, idx rows, idx length, uint32_t* d);
  bool places;
};

template <int K, class V> struct FoldParts {
  typedef Fold<K, V> F;
  typedef typename F::T T;
  static void begin(uint32_t* value, int32_t*, idx n) {
    T* lanes = (T*)value;
    for (idx i = 0; i < n; i++) lanes[i] = F::identity();
  }
  static void rowTile(uint32_t* value, int32_t*, const uint32_t* s, idx n, idx) {
    V lanes[1][VPL];
    for (int v = 0; v < VPL; v++) lanes[0][v] = ld((const T*)value + v * VN);
    foldInto<F, typename FastOf<K, V>::type>(lanes, (const T*)s, 0, n);
    for (int v = 0; v < VPL; v++) st((T*)value + v * VN, lanes[0][v]);
  }
  static void closeRow(uint32_t* value, int32_t*) {
    V lanes[1][VPL];
    for (int v = 0; v < VPL; v++) lanes[0][v] = ld((const T*)value + v * VN);
    ((T*)value)[0] = lanesToOne<F>(lanes)[0];
  }
  static void columnTile(uint32_t* value, int32_t*, const uint32_t* s, idx n, idx) {
    for (idx i = 0; i < n; i += VN) st((T*)value + i, F::apply(ld((const T*)value + i), ld((const T*)s + i)));
  }
  static void stackTile(uint32_t* value, int32_t*, const uint32_t* s, idx n, idx count, idx) {
    for (idx i = 0; i < n; i += VN) {
      V lanes = ld((const T*)value + i);
      const T* p = (const T*)s + i;
      if (n - i >= VN)
        for (idx k = 0; k < count; k++) lanes = F::apply(lanes, ld(p + k * n));
      else
        for (idx k = 0; k < count; k++) lanes = F::apply(lanes, partial(p + k * n, n - i, F::identity()));
      st((T*)value + i, lanes);
    }
  }
  static void merge(uint32_t* value, int32_t*, const uint32_t* later, const int32_t*, idx n) {
    for (idx i = 0; i < n; i += VN) st((T*)value + i, F::apply(ld((const T*)value + i), ld((const T*)later + i)));
  }
  template <int R> static NABLA_METHOD void someRows(const T* s, idx length, T* d) {
    V lanes[R][VPL];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < VPL; v++) lanes[r][v] = splat(F::identity());
    foldInto<F, typename F::Fast>(lanes, s, length, length);
    const V result = lanesToOne<F>(lanes);
    if (R == VN) st(d, result);
    else if (R == 1) d[0] = result[0];
    else stTail(d, result, tailOf(R));
  }
  static void rows(const uint32_t* s, idx rows, idx length, uint32_t* d) {
    idx r = 0;
    for (; VB == 64 && r + 16 <= rows; r += 16) someRows<VB == 64 ? 16 : 1>((const T*)s + r * length, length, (T*)d + r);
    for (; r + 4 <= rows; r += 4) someRows<4>((const T*)s + r * length, length, (T*)d + r);
    for (; r < rows; r++) someRows<1>((const T*)s + r * length, length, (T*)d + r);
  }
};

// The values of an accumulator are keys: integers in the order of what they stand for, NaN above all and one zero.
template <bool MAX, class V> struct ArgParts {
  typedef typename ScalarOf<V>::type T;
  static NABLA_METHOD VI ordered(VI k) { return MAX ? k : ~k; }
  static NABLA_METHOD VI key(VI x) { return ordered(x); }
  static NABLA_METHOD VI key(VU x) { return ordered((VI)(x ^ 0x80000000u)); }
  static NABLA_METHOD VI key(VF x) {
    const VI bits = (VI)(x + 0.f);
    return vsel(x != x, splat(INT32_MAX), ordered(bits ^ ((bits >> 31) & 0x7fffffff)));
  }
  // Keys of the first n elements; no key is below the others'.
  static NABLA_METHOD VI keys(const T* s, idx n) {
    if (n >= VN) return key(ld(s));
    return vsel(laneNumbers() < (int32_t)n, key(partial(s, n, T(0))), splat(INT32_MIN));
  }
  struct Lanes {
    VI key, place;
    // Of what lies further on: only a better one counts.
    NABLA_METHOD void take(VI k, VI at) {
      const VI m = k > key;
      key = vsel(m, k, key);
      place = vsel(m, at, place);
    }
    // Of what lies anywhere: of equals the first.
    NABLA_METHOD void takeAny(VI k, VI at) {
      const VI m = (k > key) | ((k == key) & (at < place));
      key = vsel(m, k, key);
      place = vsel(m, at, place);
    }
  };
  static NABLA_METHOD Lanes none() { return Lanes{splat(INT32_MIN), splat(NOWHERE)}; }
  static NABLA_METHOD Lanes load(const uint32_t* value, const int32_t* place) { return Lanes{ld((const int32_t*)value), ld(place)}; }
  static NABLA_METHOD void store(uint32_t* value, int32_t* place, Lanes l) { st((int32_t*)value, l.key), st(place, l.place); }
  static void begin(uint32_t* value, int32_t* place, idx n) {
    for (idx i = 0; i < n; i++) ((int32_t*)value)[i] = INT32_MIN, place[i] = NOWHERE;
  }
  static NABLA_METHOD void foldInto(Lanes (&lanes)[VPL], const T* s, idx n, idx first) {
    VI at = laneNumbers() + (int32_t)first;
    idx i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma GCC unroll 4
      for (int v = 0; v < VPL; v++, at += VN) lanes[v].take(key(ld(s + i + v * VN)), at);
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++, i += VN, at += VN) {
      if (i >= n) break;
      lanes[v].take(keys(s + i, n - i), at);
    }
  }
  static NABLA_METHOD Lanes close(Lanes (&lanes)[VPL]) {
#pragma GCC unroll 4
    for (int half = VPL / 2; half > 0; half /= 2)
#pragma GCC unroll 4
      for (int p = 0; p < half; p++) lanes[p].takeAny(lanes[p + half].key, lanes[p + half].place);
    Lanes l = lanes[0];
#if VB == 64
    l.takeAny(UPPER(l.key, 8), UPPER(l.place, 8));
#endif
#if VB >= 32
    l.takeAny(UPPER(l.key, 4), UPPER(l.place, 4));
#endif
    l.takeAny(UPPER(l.key, 2), UPPER(l.place, 2));
    l.takeAny(UPPER(l.key, 1), UPPER(l.place, 1));
    return l;
  }
  static void rowTile(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx first) {
    Lanes lanes[VPL];
    for (int v = 0; v < VPL; v++) lanes[v] = load(value + v * VN, place + v * VN);
    foldInto(lanes, (const T*)s, n, first);
    for (int v = 0; v < VPL; v++) store(value + v * VN, place + v * VN, lanes[v]);
  }
  static void closeRow(uint32_t* value, int32_t* place) {
    Lanes lanes[VPL];
    for (int v = 0; v < VPL; v++) lanes[v] = load(value + v * VN, place + v * VN);
    store(value, place, close(lanes));
  }
  static void columnTile(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx position) {
    for (idx i = 0; i < n; i += VN) {
      Lanes l = load(value + i, place + i);
      l.take(key(ld((const T*)s + i)), splat((int32_t)position));
      store(value + i, place + i, l);
    }
  }
  static void stackTile(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx count, idx position) {
    for (idx i = 0; i < n; i += VN) {
      Lanes l = load(value + i, place + i);
      for (idx k = 0; k < count; k++) l.take(keys((const T*)s + i + k * n, n - i), splat((int32_t)(position + k)));
      store(value + i, place + i, l);
    }
  }
  static void merge(uint32_t* value, int32_t* place, const uint32_t* later, const int32_t* laterPlace, idx n) {
    for (idx i = 0; i < n; i += VN) {
      Lanes l = load(value + i, place + i);
      l.take(ld((const int32_t*)later + i), ld(laterPlace + i));
      store(value + i, place + i, l);
    }
  }
  static void rows(const uint32_t* s, idx rows, idx length, uint32_t* d) {
    for (idx r = 0; r < rows; r++) {
      Lanes lanes[VPL];
      for (int v = 0; v < VPL; v++) lanes[v] = none();
      foldInto(lanes, (const T*)s + r * length, length, 0);
      const int32_t place = close(lanes).place[0];
      d[r] = place == NOWHERE ? 0 : (uint32_t)place;
    }
  }
};

template <class P> constexpr Folder folderOf(bool places) {
  return Folder{P::begin, P::rowTile, P::closeRow, P::columnTile, P::stackTile, P::merge, P::rows, places};
}

// In opcode order from OP_reduceSum_f.
static const Folder folders[] = {
    folderOf<FoldParts<FOLD_SUM, VF>>(false),  folderOf<FoldParts<FOLD_SUM, VI>>(false),
    folderOf<FoldParts<FOLD_PROD, VF>>(false), folderOf<FoldParts<FOLD_PROD, VI>>(false),
    folderOf<FoldParts<FOLD_MAX, VF>>(false),  folderOf<FoldParts<FOLD_MAX, VI>>(false),
    folderOf<FoldParts<FOLD_MAX, VU>>(false),  folderOf<FoldParts<FOLD_MIN, VF>>(false),
    folderOf<FoldParts<FOLD_MIN, VI>>(false),  folderOf<FoldParts<FOLD_MIN, VU>>(false),
    folderOf<ArgParts<true, VF>>(true),        folderOf<ArgParts<true, VI>>(true),
    folderOf<ArgParts<true, VU>>(true),        folderOf<ArgParts<false, VF>>(true),
    folderOf<ArgParts<false, VI>>(true),       folderOf<ArgParts<false, VU>>(true),
};
static_assert(OP_argMin_u - OP_reduceSum_f + 1 == sizeof(folders) / sizeof(folders[0]), "a folder for every reduction");

NABLA_INLINE const Folder& folderFor(int32_t op) { return folders[op - OP_reduceSum_f]; }

// The pairwise tree over chunks ((c0 c1)(c2 c3))..., built as chunks come: `width` lanes a node.
struct ChunkTree {
  const Folder* folder;
  uint32_t* values;   // TREE_DEPTH nodes
  int32_t* places;    // likewise; null unless the folder has places
  idx width, depth, count;

  NABLA_METHOD uint32_t* value(idx node) const { return values + node * width; }
  NABLA_METHOD int32_t* place(idx node) const { return places ? places + node * width : nullptr; }

  NABLA_METHOD void fold() {
    depth--;
    folder->merge(value(depth - 1), place(depth - 1), value(depth), place(depth), width);
  }
  NABLA_METHOD void push(const uint32_t* v, const int32_t* p) {
    copyBytes((char*)value(depth), (const char*)v, width * 4);
    if (places) copyBytes((char*)place(depth), (const char*)p, width * 4);
    depth++;
    for (idx c = count++; c & 1; c >>= 1) fold();
  }
  // To d: the value, or for argMax and argMin the position.
  NABLA_METHOD void finish(uint32_t* d) {
    while (depth > 1) fold();
    if (depth == 0) folder->begin(value(0), place(0), width);
    if (places) {
      for (idx i = 0; i < width; i++) d[i] = places[i] == NOWHERE ? 0 : (uint32_t)places[i];
    } else {
      copyBytes((char*)d, (const char*)values, width * 4);
    }
  }
};

}  // namespace KNS
