// Windows over up to six axes (sum, max, index of the max), scans along an axis. Elements of f32, i32 or u32; NaN wins a max.
#pragma once
#include "vec.h"

namespace KNS {

using nabla::CumulateTask;
using nabla::DType;
using nabla::ReduceKind;
using nabla::WindowTask;
using nabla::Worker;

// Integers wrap: signed overflow is done unsigned.
struct Sum {
  static constexpr bool isSum = true;
  NABLA_INLINE VF of(VF a, VF b) { return a + b; }
  NABLA_INLINE VI of(VI a, VI b) { return (VI)((VU)a + (VU)b); }
  NABLA_INLINE VU of(VU a, VU b) { return a + b; }
  NABLA_INLINE float of(float a, float b) { return a + b; }
  NABLA_INLINE int32_t of(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
  NABLA_INLINE uint32_t of(uint32_t a, uint32_t b) { return a + b; }
};
struct Prod {
  static constexpr bool isSum = false;
  NABLA_INLINE VF of(VF a, VF b) { return a * b; }
  NABLA_INLINE VI of(VI a, VI b) { return (VI)((VU)a * (VU)b); }
  NABLA_INLINE VU of(VU a, VU b) { return a * b; }
  NABLA_INLINE float of(float a, float b) { return a * b; }
  NABLA_INLINE int32_t of(int32_t a, int32_t b) { return (int32_t)((uint32_t)a * (uint32_t)b); }
  NABLA_INLINE uint32_t of(uint32_t a, uint32_t b) { return a * b; }
};
struct Max {
  static constexpr bool isSum = false;
  template <class T> NABLA_INLINE T of(T a, T b) { return vmax(a, b); }
};

NABLA_INLINE float lowest(float) { return -__builtin_inff(); }
NABLA_INLINE int32_t lowest(int32_t) { return (int32_t)0x80000000; }
NABLA_INLINE uint32_t lowest(uint32_t) { return 0; }

// to[i] = op(a[i], b[i]).
template <class F, class T> NABLA_INLINE void combineRow(T* to, const T* a, const T* b, idx n) {
  idx i = 0;
  for (; i + VN <= n; i += VN) st(to + i, F::of(ld(a + i), ld(b + i)));
  if (i < n) {
    const Tail tail = tailOf(n - i);
    stTail(to + i, F::of(ldTail(a + i, tail), ldTail(b + i, tail)), tail);
  }
}

// Trailing axes the window leaves alone form one contiguous run of `inner` elements; `axes` remain, with strides of src in elements.
struct WindowShape {
  int axes;
  idx inner, positions, stride[nabla::MAX_AXES];
};
NABLA_INLINE WindowShape windowShape(const WindowTask& t) {
  WindowShape s;
  s.axes = t.rank;
  s.inner = 1;
  while (s.axes > 0) {
    const int d = s.axes - 1;
    if (t.window[d] != 1 || t.stride[d] != 1 || t.padLo[d] != 0 || t.size[d] != t.in[d]) break;
    s.inner *= t.in[d];
    s.axes--;
  }
  idx stride = s.inner;
  s.positions = 1;
  for (int d = s.axes - 1; d >= 0; d--) {
    s.stride[d] = stride;
    stride *= t.in[d];
    s.positions *= t.size[d];
  }
  return s;
}

// Calls visit(offset in src) for each tap of result position `at` that lies inside, in row-major order.
template <class F> NABLA_INLINE void eachTap(const WindowTask& t, const WindowShape& s, idx position, F visit) {
  idx base[nabla::MAX_AXES], tap[nabla::MAX_AXES], offset[nabla::MAX_AXES + 1];
  for (int d = s.axes - 1; d >= 0; d--) {
    base[d] = position % t.size[d] * t.stride[d] - t.padLo[d];
    position /= t.size[d];
    tap[d] = 0;
  }
  offset[0] = 0;
  int d = 0;  // axes before d have a valid tap chosen
  while (true) {
    if (d == s.axes) {
      visit(offset[d]);
      d--;
    } else if (tap[d] < t.window[d]) {
      const idx x = base[d] + tap[d]++ * t.dilation[d];
      if (x < 0 || x >= t.in[d]) continue;
      offset[d + 1] = offset[d] + x * s.stride[d];
      d++;
      if (d < s.axes) tap[d] = 0;
      continue;
    } else {
      d--;
    }
    if (d < 0) return;
  }
}

// ---- windows of few lines, as pooling has them ----

constexpr idx MOST_LINES = 64;  // of source lines under a window

NABLA_INLINE bool fewLines(const WindowTask& t, const WindowShape& s) {
  idx lines = 1;
  for (int d = 0; d < s.axes - 1 && lines <= MOST_LINES; d++) lines *= t.window[d];
  return s.axes > 0 && lines <= MOST_LINES;
}

// The taps of axis d that lie inside, for a window that begins at `base`.
NABLA_INLINE Range tapsInside(const WindowTask& t, int d, idx base) {
  const idx step = t.dilation[d];
  if (base >= 0 && base + (t.window[d] - 1) * step < t.in[d]) return Range{0, t.window[d]};
  const idx begin = base >= 0 ? 0 : (-base + step - 1) / step, end = base >= t.in[d] ? 0 : (t.in[d] - 1 - base) / step + 1;
  return Range{begin, most(begin, least(t.window[d], end))};
}

// Where the source lines under result line `line` begin, in row-major order. Returns how many there are.
NABLA_INLINE idx linesUnder(const WindowTask& t, const WindowShape& s, idx line, idx* begins) {
  idx at[nabla::MAX_AXES], count = 1;
  for (int d = s.axes - 2; d >= 0; d--) at[d] = line % t.size[d] * t.stride[d] - t.padLo[d], line /= t.size[d];
  begins[0] = 0;
  for (int d = 0; d < s.axes - 1; d++) {
    const Range taps = tapsInside(t, d, at[d]);
    const idx n = taps.end - taps.begin;
    // From the end, so that none is overwritten before it is read.
    for (idx i = count - 1; i >= 0 && n > 0; i--) {
      const idx before = begins[i];
      for (idx j = n - 1; j >= 0; j--) begins[i * n + j] = before + (at[d] + (taps.begin + j) * t.dilation[d]) * s.stride[d];
    }
    count *= n;
  }
  return count;
}

// Shows an S all taps of a vector of the result, in row-major order, and stores what it made of them.
template <class S, class T> NABLA_INLINE void windowLines(const WindowTask& t, const WindowShape& s, Range mine) {
  const int last = s.axes - 1;
  const idx width = t.size[last], step = t.dilation[last] * s.inner;
  const T* src = (const T*)t.src;
  idx begins[MOST_LINES];
  for (idx p = mine.begin; p < mine.end;) {
    const idx line = p / width, stop = least(mine.end, (line + 1) * width), count = linesUnder(t, s, line, begins);
    for (; p < stop; p++) {
      const idx base = (p - line * width) * t.stride[last] - t.padLo[last];
      const Range taps = tapsInside(t, last, base);
      for (idx c = 0; c < s.inner; c += VN) {
        const Tail tail = tailOf(least(VN, s.inner - c));
        S kept;
        for (idx l = 0; l < count; l++) {
          idx from = begins[l] + base * s.inner + taps.begin * step + c;
          for (idx k = taps.begin; k < taps.end; k++, from += step) kept.take(ldTail(src + from, tail), from);
        }
        kept.store(t.out, p * s.inner + c, tail);
      }
    }
  }
}

template <class F, class T> struct Reduced {
  typedef typename VectorOf<T>::type V;
  bool any = false;
  V sum = F::isSum ? V{} : V{} + lowest(T());
  inline __attribute__((always_inline)) void take(V x, idx) { sum = any ? F::of(sum, x) : x, any = true; }
  inline __attribute__((always_inline)) void store(void* out, idx at, Tail tail) const { stTail((T*)out + at, sum, tail); }
};

// The first of the greatest, NaN before all.
template <class T> struct Greatest {
  typedef typename VectorOf<T>::type V;
  bool any = false;
  V best{};
  VI at = splat((int32_t)-1);
  inline __attribute__((always_inline)) void take(V x, idx from) {
    const VI better = any ? (VI)(x > best) | ((VI)(x != x) & (VI)(best == best)) : VI{} - 1;
    best = vsel(better, x, best);
    at = vsel(better, splat((int32_t)from), at);
    any = true;
  }
  inline __attribute__((always_inline)) void store(void* out, idx where, Tail tail) const {
    VI lane{};
    for (int i = 0; i < VN; i++) lane[i] = i;
    stTail((int32_t*)out + where, any ? at + lane : at, tail);
  }
};

// ---- any window ----

template <class F, class T> NABLA_INLINE void reduceWindowAs(const WindowTask& t, Worker& w) {
  const WindowShape s = windowShape(t);
  const Range mine = share(s.positions, 1, w.index, w.count);
  if (fewLines(t, s)) return windowLines<Reduced<F, T>, T>(t, s, mine);
  for (idx p = mine.begin; p < mine.end; p++) {
    T* out = (T*)t.out + p * s.inner;
    const T fill = F::isSum ? T(0) : lowest(T());
    bool any = false;
    eachTap(t, s, p, [&](idx offset) {
      const T* from = (const T*)t.src + offset;
      if (any) combineRow<F>(out, out, from, s.inner);
      else copyBytes((char*)out, (const char*)from, s.inner * (idx)sizeof(T));
      any = true;
    });
    if (!any)
      for (idx i = 0; i < s.inner; i++) out[i] = fill;
  }
}

template <class F> NABLA_INLINE void reduceWindowOf(const WindowTask& t, Worker& w) {
  if (t.dtype == nabla::F32) reduceWindowAs<F, float>(t, w);
  else if (t.dtype == nabla::I32) reduceWindowAs<F, int32_t>(t, w);
  else reduceWindowAs<F, uint32_t>(t, w);
}

NABLA_FUNCTION void reduceWindow(const WindowTask& t, Worker& w) {
  if (t.kind == nabla::REDUCE_SUM) reduceWindowOf<Sum>(t, w);
  else reduceWindowOf<Max>(t, w);
}

constexpr int ARG_VECTORS = 4;  // of `inner` whose best values are held at once

template <class T> NABLA_INLINE void argWindowAs(const WindowTask& t, Worker& w) {
  typedef typename VectorOf<T>::type V;
  const WindowShape s = windowShape(t);
  const Range mine = share(s.positions, 1, w.index, w.count);
  if (fewLines(t, s)) return windowLines<Greatest<T>, T>(t, s, mine);
  VI lane{};
  for (int i = 0; i < VN; i++) lane[i] = i;
  for (idx p = mine.begin; p < mine.end; p++)
    for (idx c = 0; c < s.inner; c += ARG_VECTORS * VN) {
      const int vectors = (int)least(ARG_VECTORS, (s.inner - c + VN - 1) / VN);
      V best[ARG_VECTORS];
      VI at[ARG_VECTORS];
      for (int v = 0; v < vectors; v++) best[v] = V{}, at[v] = splat((int32_t)-1);
      eachTap(t, s, p, [&](idx offset) {
        for (int v = 0; v < vectors; v++) {
          const idx i = c + v * VN;
          const V x = ldTail((const T*)t.src + offset + i, tailOf(least(VN, s.inner - i)));
          const VI better = (VI)(x > best[v]) | ((VI)(x != x) & (VI)(best[v] == best[v])) | (at[v] < 0);
          best[v] = vsel(better, x, best[v]);
          at[v] = vsel(better, lane + (int32_t)(offset + i), at[v]);
        }
      });
      for (int v = 0; v < vectors; v++) {
        const idx i = c + v * VN;
        stTail((int32_t*)t.out + p * s.inner + i, at[v], tailOf(least(VN, s.inner - i)));
      }
    }
}

NABLA_FUNCTION void argWindow(const WindowTask& t, Worker& w) {
  if (t.dtype == nabla::F32) argWindowAs<float>(t, w);
  else if (t.dtype == nabla::I32) argWindowAs<int32_t>(t, w);
  else argWindowAs<uint32_t>(t, w);
}

// ---- scans ----

template <class F, class T> NABLA_INLINE void cumulateAs(const CumulateTask& t, Worker& w) {
  const T* src = (const T*)t.src;
  T* out = (T*)t.out;
  if (t.length == 0) return;
  const idx first = t.reverse ? t.length - 1 : 0, step = t.reverse ? -1 : 1;
  if (t.inner == 1) {
    const Range mine = share(t.outer, 1, w.index, w.count);
    for (idx o = mine.begin; o < mine.end; o++) {
      const idx row = o * t.length;
      T sum = out[row + first] = src[row + first];
      for (idx l = 1, i = row + first + step; l < t.length; l++, i += step) out[i] = sum = F::of(sum, src[i]);
    }
    return;
  }
  // A unit is a run of up to 256 elements of one outer index, so that few outer indices still feed every thread.
  const idx run = 256, runs = (t.inner + run - 1) / run;
  const Range mine = share(t.outer * runs, 1, w.index, w.count);
  for (idx u = mine.begin; u < mine.end; u++) {
    const idx c = u % runs * run, n = least(run, t.inner - c);
    idx i = (u / runs * t.length + first) * t.inner + c;
    if (src != out) copyBytes((char*)(out + i), (const char*)(src + i), n * (idx)sizeof(T));
    for (idx l = 1; l < t.length; l++) {
      const idx before = i;
      i += step * t.inner;
      combineRow<F>(out + i, out + before, src + i, n);
    }
  }
}

template <class F> NABLA_INLINE void cumulateOf(const CumulateTask& t, Worker& w) {
  if (t.dtype == nabla::F32) cumulateAs<F, float>(t, w);
  else if (t.dtype == nabla::I32) cumulateAs<F, int32_t>(t, w);
  else cumulateAs<F, uint32_t>(t, w);
}

NABLA_FUNCTION void cumulate(const CumulateTask& t, Worker& w) {
  if (t.kind == nabla::REDUCE_SUM) cumulateOf<Sum>(t, w);
  else if (t.kind == nabla::REDUCE_MAX) cumulateOf<Max>(t, w);
  else cumulateOf<Prod>(t, w);
}

}  // namespace KNS
