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
};

#define ROTATE4(v, h) __builtin_shufflevector(v, v, (0 + h) % 4, (1 + h) % 4, (2 + h) % 4, (3 + h) % 4)
#define ROTATE8(v, h)                                                                                                \
  __builtin_shufflevector(v, v, (0 + h) % 8, (1 + h) % 8, (2 + h) % 8, (3 + h) % 8, (4 + h) % 8, (5 + h) % 8, \
                          (6 + h) % 8, (7 + h) % 8)
#define ROTATE16(v, h)                                                                                               \
  __builtin_shufflevector(v, v, (0 + h) % 16, (1 + h) % 16, (2 + h) % 16, (3 + h) % 16, (4 + h) % 16, (5 + h) % 16,  \
                          (6 + h) % 16, (7 + h) % 16, (8 + h) % 16, (9 + h) % 16, (10 + h) % 16, (11 + h) % 16,      \
                          (12 + h) % 16, (13 + h) % 16, (14 + h) % 16, (15 + h) % 16)
#if VB == 64
#define ROTATE(v, h) ROTATE16(v, h)
#elif VB == 32
#define ROTATE(v, h) ROTATE8(v, h)
#else
#define ROTATE(v, h) ROTATE4(v, h)
#endif

// Lane i with i + 8, then + 4, + 2, + 1.
template <class F, class V> NABLA_INLINE typename F::T lanesToOne(V* lanes) {
#pragma GCC unroll 4
  for (int half = VPL / 2; half > 0; half /= 2)
    for (int p = 0; p < half; p++) lanes[p] = F::apply(lanes[p], lanes[p + half]);
  V v = lanes[0];
#if VB == 64
  v = F::apply(v, ROTATE(v, 8));
#endif
#if VB >= 32
  v = F::apply(v, ROTATE(v, 4));
#endif
  v = F::apply(v, ROTATE(v, 2));
  v = F::apply(v, ROTATE(v, 1));
  return v[0];
}

NABLA_INLINE VI laneNumbers() {
  VI v{};
  for (int i = 0; i < VN; i++) v[i] = i;
  return v;
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

template <class F, class V, class T> NABLA_INLINE void foldInto(V* lanes, const T* p, idx n) {
  idx i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int v = 0; v < VPL; v++) lanes[v] = F::apply(lanes[v], ld(p + i + v * VN));
  // Lanes that get nothing would get an identity.
  for (int v = 0; i < n; v++, i += VN)
    lanes[v] = F::apply(lanes[v], n - i >= VN ? ld(p + i) : partial(p + i, n - i, F::identity()));
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
    V lanes[VPL];
    for (int v = 0; v < VPL; v++) lanes[v] = ld((const T*)value + v * VN);
    foldInto<F>(lanes, (const T*)s, n);
    for (int v = 0; v < VPL; v++) st((T*)value + v * VN, lanes[v]);
  }
  static void closeRow(uint32_t* value, int32_t*) {
    V lanes[VPL];
    for (int v = 0; v < VPL; v++) lanes[v] = ld((const T*)value + v * VN);
    ((T*)value)[0] = lanesToOne<F>(lanes);
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
  static void rows(const uint32_t* s, idx rows, idx length, uint32_t* d) {
    for (idx r = 0; r < rows; r++) {
      V lanes[VPL];
      for (int v = 0; v < VPL; v++) lanes[v] = splat(F::identity());
      foldInto<F>(lanes, (const T*)s + r * length, length);
      ((T*)d)[r] = lanesToOne<F>(lanes);
    }
  }
};

template <bool MAX, class V> struct ArgParts {
  typedef typename ScalarOf<V>::type T;
  static NABLA_METHOD T identity() { return MAX ? lowest(T(0)) : highest(T(0)); }
  // Where b beats a: more extreme, a NaN where a is none, or as good and nearer the start.
  static NABLA_METHOD VI beats(V b, VI bPlace, V a, VI aPlace) {
    const VI more = MAX ? (VI)(b > a) : (VI)(b < a);
    const VI nanA = (VI)(a != a), nanB = (VI)(b != b);
    const VI tie = (VI)(a == b) | (nanA & nanB);
    return (~nanA & (nanB | more)) | (tie & (VI)(bPlace < aPlace));
  }
  static void begin(uint32_t* value, int32_t* place, idx n) {
    for (idx i = 0; i < n; i++) ((T*)value)[i] = identity(), place[i] = NOWHERE;
  }
  static void mergeAt(uint32_t* value, int32_t* place, idx i, V b, VI bPlace) {
    const V a = ld((const T*)value + i);
    const VI aPlace = ld(place + i);
    const VI m = beats(b, bPlace, a, aPlace);
    st((T*)value + i, vsel(m, b, a));
    st(place + i, vsel(m, bPlace, aPlace));
  }
  static void rowTile(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx first) {
    for (idx i = 0; i < n; i += LANES) {
      T rest[LANES];
      int32_t at[LANES];
      for (int l = 0; l < LANES; l++) {
        const bool there = i + l < n;
        rest[l] = there ? ((const T*)s)[i + l] : identity();
        at[l] = there ? (int32_t)(first + i + l) : NOWHERE;
      }
      for (int v = 0; v < VPL; v++) mergeAt(value, place, v * VN, ld(rest + v * VN), ld(at + v * VN));
    }
  }
  static void closeRow(uint32_t* value, int32_t* place) {
    uint32_t bestValue[LANES];
    int32_t bestPlace[LANES];
    // One lane at a time against lane 0; the others hold what never wins.
    begin(bestValue, bestPlace, LANES);
    for (int l = 0; l < LANES; l++) {
      V b = splat(identity());
      VI p = splat(NOWHERE);
      b[0] = ((const T*)value)[l];
      p[0] = place[l];
      mergeAt(bestValue, bestPlace, 0, b, p);
    }
    value[0] = bestValue[0];
    place[0] = bestPlace[0];
  }
  static void columnTile(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx position) {
    for (idx i = 0; i < n; i += VN) mergeAt(value, place, i, ld((const T*)s + i), splat((int32_t)position));
  }
  static void stackTile(uint32_t* value, int32_t* place, const uint32_t* s, idx n, idx count, idx position) {
    for (idx k = 0; k < count; k++, s += n)
      for (idx i = 0; i < n; i += VN) {
        const V b = n - i >= VN ? ld((const T*)s + i) : partial((const T*)s + i, n - i, identity());
        mergeAt(value, place, i, b, splat((int32_t)(position + k)));
      }
  }
  static void merge(uint32_t* value, int32_t* place, const uint32_t* later, const int32_t* laterPlace, idx n) {
    for (idx i = 0; i < n; i += VN) mergeAt(value, place, i, ld((const T*)later + i), ld(laterPlace + i));
  }
  static void rows(const uint32_t* s, idx rows, idx length, uint32_t* d) {
    for (idx r = 0; r < rows; r++) {
      uint32_t value[LANES];
      int32_t place[LANES];
      begin(value, place, LANES);
      rowTile(value, place, s + r * length, length, 0);
      closeRow(value, place);
      d[r] = place[0] == NOWHERE ? 0 : (uint32_t)place[0];
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
