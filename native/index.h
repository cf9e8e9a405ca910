// Gather and scatter along one axis. Scatter needs no atomics: each thread owns a box of the destination and walks the indices in order,
// so results do not depend on the thread count.
#pragma once
#include "vec.h"

namespace KNS {

using nabla::GatherTask;
using nabla::ScatterTask;
using nabla::Worker;

NABLA_INLINE void fillBytes(char* to, uint32_t pattern, int32_t elementBytes, idx bytes) {
  for (idx i = 0; i < bytes; i++) to[i] = (char)(pattern >> 8 * (i % elementBytes));
}

template <class T> NABLA_INLINE void gatherAlong(const GatherTask& t, Range mine) {
  const T* src = (const T*)t.src;
  T* out = (T*)t.out;
  const T fill = (T)t.fill;
  for (idx row = mine.begin; row < mine.end; row++) {  // (outer, count)
    const T* from = src + row / t.count * t.length * t.inner;
    for (idx i = 0; i < t.inner; i++) {
      const idx at = row * t.inner + i, index = t.indices[at];
      out[at] = index >= 0 && index < t.length ? from[index * t.inner + i] : fill;
    }
  }
}

// Rows of a few elements (an element, the channels of a pixel): no call per row.
template <class T, int INNER> NABLA_INLINE void gatherFew(const GatherTask& t, Range mine) {
  const T* src = (const T*)t.src;
  T* out = (T*)t.out;
  const T fill = (T)t.fill;
  for (idx row = mine.begin; row < mine.end;) {
    const idx o = row / t.count, end = least(mine.end, (o + 1) * t.count);
    const int32_t* indices = t.indices - o * t.count;
    for (; row < end; row++) {
      const idx index = indices[row];
      const bool inside = index >= 0 && index < t.length;
      const T* from = src + (o * t.length + (inside ? index : 0)) * INNER;
      for (int i = 0; i < INNER; i++) out[row * INNER + i] = inside ? from[i] : fill;
    }
  }
}

template <class T> NABLA_INLINE bool gatherFew(const GatherTask& t, Range mine) {
  switch (t.length > 0 ? t.inner : 0) {
    case 1: return gatherFew<T, 1>(t, mine), true;
    case 2: return gatherFew<T, 2>(t, mine), true;
    case 3: return gatherFew<T, 3>(t, mine), true;
    case 4: return gatherFew<T, 4>(t, mine), true;
    default: return false;
  }
}

NABLA_INLINE bool gatherFew(const GatherTask& t, Range mine) {
  return t.elementBytes == 4 ? gatherFew<uint32_t>(t, mine) : t.elementBytes == 2 ? gatherFew<uint16_t>(t, mine) : gatherFew<uint8_t>(t, mine);
}

NABLA_INLINE void gatherRows(const GatherTask& t, Range mine, Range bytes) {
  const idx rowBytes = t.inner * t.elementBytes, n = bytes.end - bytes.begin;
  const char* src = (const char*)t.src + bytes.begin;
  char* out = (char*)t.out + bytes.begin;
  for (idx row = mine.begin; row < mine.end; row++) {
    const idx o = row / t.count, index = t.indices[row - o * t.count];
    char* to = out + row * rowBytes;
    if (index >= 0 && index < t.length) copyBytes(to, src + (o * t.length + index) * rowBytes, n);
    else fillBytes(to, t.fill, t.elementBytes, n);
  }
}

NABLA_FUNCTION void gather(const GatherTask& t, Worker& w) {
  const idx rows = t.outer * t.count, rowBytes = t.inner * t.elementBytes;
  const Range all = {0, rows};
  if (rows * rowBytes == 0) return;
  const Range mine = share(rows, 1, w.index, w.count);
  if (t.along) {
    if (t.elementBytes == 4) gatherAlong<uint32_t>(t, mine);
    else if (t.elementBytes == 2) gatherAlong<uint16_t>(t, mine);
    else gatherAlong<uint8_t>(t, mine);
  } else if (gatherFew(t, mine)) {
    return;
  } else if (w.count == 1 || rows >= 4 * w.count) {
    gatherRows(t, mine, Range{0, rowBytes});
  } else {
    gatherRows(t, all, share(rowBytes, 64, w.index, w.count));
  }
}

// ---- scatter ----

// The part of the destination a thread owns.
struct Box {
  Range outer, length, inner;
};
NABLA_INLINE Box scatterBox(const ScatterTask& t, const Worker& w, idx elementBytes) {
  Box b = {{0, t.outer}, {0, t.length}, {0, t.inner}};
  if (t.outer >= w.count) {
    b.outer = share(t.outer, 1, w.index, w.count);
  } else if (t.inner * elementBytes >= 64 * w.count) {
    b.inner = share(t.inner, 64 / elementBytes, w.index, w.count);
  } else {
    b.length = share(t.length, 64, w.index, w.count);
  }
  return b;
}

template <class T> NABLA_INLINE void addRow(T* to, const T* from, idx n) {
  idx i = 0;
  for (; i + VN <= n; i += VN) st(to + i, ld(to + i) + ld(from + i));
  if (i < n) {
    const Tail tail = tailOf(n - i);
    stTail(to + i, ldTail(to + i, tail) + ldTail(from + i, tail), tail);
  }
}

template <class T, bool ADD> struct Put {
  NABLA_INLINE void one(T& to, T x) { to = x; }
  NABLA_INLINE void row(T* to, const T* from, idx n) { copyBytes((char*)to, (const char*)from, n * (idx)sizeof(T)); }
};
template <class T> struct Put<T, true> {
  NABLA_INLINE void one(T& to, T x) { to = to + x; }
  NABLA_INLINE void row(T* to, const T* from, idx n) { addRow(to, from, n); }
};

template <class T, bool ADD> NABLA_INLINE void scatterAs(const ScatterTask& t, const Worker& w) {
  const Box b = scatterBox(t, w, (idx)sizeof(T));
  const idx plane = t.length * t.inner, n = b.inner.end - b.inner.begin;
  T* out = (T*)t.out;
  const T *base = (const T*)t.base, *updates = (const T*)t.updates;
  if (n == 0) return;
  for (idx o = b.outer.begin; o < b.outer.end; o++) {
    if (base != out) {
      const idx start = o * plane + b.inner.begin;
      if (n == t.inner) {
        const idx from = start + b.length.begin * t.inner;
        copyBytes((char*)(out + from), (const char*)(base + from), (b.length.end - b.length.begin) * n * (idx)sizeof(T));
      } else {
        for (idx l = b.length.begin; l < b.length.end; l++)
          copyBytes((char*)(out + start + l * t.inner), (const char*)(base + start + l * t.inner), n * (idx)sizeof(T));
      }
    }
    for (idx j = 0; j < t.count; j++) {
      const idx row = (o * t.count + j) * t.inner;
      if (t.along) {
        for (idx i = b.inner.begin; i < b.inner.end; i++) {
          const idx index = t.indices[row + i];
          if (index >= b.length.begin && index < b.length.end) Put<T, ADD>::one(out[o * plane + index * t.inner + i], updates[row + i]);
        }
      } else {
        const idx index = t.indices[j];
        if (index < b.length.begin || index >= b.length.end) continue;
        T* to = out + o * plane + index * t.inner + b.inner.begin;
        if (n == 1) Put<T, ADD>::one(*to, updates[row + b.inner.begin]);
        else Put<T, ADD>::row(to, updates + row + b.inner.begin, n);
      }
    }
  }
}

NABLA_FUNCTION void scatter(const ScatterTask& t, Worker& w) {
  using namespace nabla;
  if (t.add) {
    if (t.dtype == F32) scatterAs<float, true>(t, w);
    else scatterAs<uint32_t, true>(t, w);  // i32 wraps like u32
  } else if (t.dtype == BOOL || t.dtype == I8 || t.dtype == U8) {
    scatterAs<uint8_t, false>(t, w);
  } else if (t.dtype == F16 || t.dtype == BF16) {
    scatterAs<uint16_t, false>(t, w);
  } else {
    scatterAs<uint32_t, false>(t, w);
  }
}

}  // namespace KNS
