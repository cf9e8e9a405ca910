// Moves tiles between memory and registers: affine and guarded loads, narrow types, iotas, scattered stores.
#pragma once
#include "fused.h"
#include "vec.h"

namespace KNS {

using namespace nabla;

NABLA_INLINE idx widthOf(DType t) { return t == BOOL || t == I8 || t == U8 ? 1 : t == F16 || t == BF16 ? 2 : 4; }
NABLA_INLINE idx roundUp(idx n, idx to) { return (n + to - 1) / to * to; }

// A walk over the positions of an access's space in runs along its last axis.
struct Walk {
  const TileAccess* x;
  const idx* size;
  idx index[TILE_AXES];
  idx at;     // offset of the current element

  NABLA_METHOD void start(const TileAccess& access, const idx* sizes, idx fixed, idx pos) {
    x = &access;
    size = sizes;
    at = access.offset + fixed;
    for (int a = access.end - 1; a >= access.begin; a--) {
      idx q = a == access.begin ? 0 : pos / size[a];
      index[a] = pos - q * size[a];
      pos = q;
      at += index[a] * access.stride[a];
    }
  }
  NABLA_METHOD int last() const { return x->end - 1; }
  NABLA_METHOD idx left() const { return x->end == x->begin ? 1 : size[last()] - index[last()]; }
  NABLA_METHOD idx step() const { return x->end == x->begin ? 0 : x->stride[last()]; }
  NABLA_METHOD idx place() const { return x->end == x->begin ? 0 : index[last()]; }
  // To the element `run` further along the last axis, and to the next line when that is its end.
  NABLA_METHOD void advance(idx run) {
    if (x->end == x->begin) return;
    const int a = last();
    index[a] += run;
    at += run * x->stride[a];
    carry(a);
  }
  NABLA_METHOD void carry(int a) {
    while (index[a] == size[a] && a > x->begin) {
      at -= index[a] * x->stride[a];
      index[a] = 0;
      a--;
      index[a]++;
      at += x->stride[a];
    }
  }
  // Whole lines ahead, up to the end of the axis above the last.
  NABLA_METHOD idx linesLeft() const { return x->end - x->begin < 2 || index[last()] != 0 ? 0 : size[last() - 1] - index[last() - 1]; }
  // From a line's first element to that of the line `lines` further along the axis above.
  NABLA_METHOD void advanceLines(idx lines) {
    int a = last() - 1;
    index[a] += lines;
    at += lines * x->stride[a];
    carry(a);
  }
  // Whether the axes before the last are inside the guard.
  NABLA_METHOD bool lineInside() const {
    for (int a = x->begin; a < x->end - 1; a++)
      if (index[a] < x->lo[a] || index[a] >= x->hi[a]) return false;
    return true;
  }
};

template <int... I> struct Lanes {};
template <int N, int... I> struct LanesUpTo : LanesUpTo<N - 1, N - 1, I...> {};
template <int... I> struct LanesUpTo<0, I...> {
  typedef Lanes<I...> type;
};

// Every third of three vectors' elements: each lane is a third's in one of them alone, since 3 does not divide their length.
template <int... I> NABLA_INLINE VU everyThird(VU a, VU b, VU c, Lanes<I...>) {
  const VU ab = __builtin_shufflevector(a, b, (I % 3 == 0 ? I : I + (int)VN)...);
  const VU abc = __builtin_shufflevector(ab, c, ((I + 2 * (int)VN) % 3 == 0 ? I + (int)VN : I)...);
  return __builtin_shufflevector(abc, abc, (3 * I % (int)VN)...);
}

// One channel of three, but for the last vector, whose neighbours may lie outside. How many were read.
NABLA_INLINE idx readThirds(const uint32_t* p, idx n, uint32_t* d) {
  idx i = 0;
  for (; i + VN < n; i += VN) {
    const uint32_t* at = p + 3 * i;
    st(d + i, everyThird(ld(at), ld(at + VN), ld(at + 2 * VN), LanesUpTo<(int)VN>::type()));
  }
  return i;
}

template <class T> NABLA_INLINE void readRun(const T* p, idx stride, idx n, uint32_t* d) {
  if (stride == 0) {
    if (n <= 0) return;
    const uint32_t v = *p;
    for (idx i = 0; i < n; i++) d[i] = v;
  } else if (stride == 1) {
    for (idx i = 0; i < n; i++) d[i] = p[i];
  } else {
    idx i = sizeof(T) == 4 && stride == 3 ? readThirds((const uint32_t*)p, n, d) : 0;
    for (; i < n; i++) d[i] = p[i * stride];
  }
}

NABLA_INLINE void fillRun(uint32_t v, idx n, uint32_t* d) {
  for (idx i = 0; i < n; i++) d[i] = v;
}

typedef uint32_t Word32 __attribute__((may_alias));
typedef uint16_t Word16 __attribute__((may_alias));
typedef uint8_t Word8 __attribute__((may_alias));
typedef uint32_t FourWords __attribute__((vector_size(16)));
typedef FourWords FourWordsLoose __attribute__((aligned(4), may_alias));

NABLA_INLINE void readRun(const char* base, DType t, idx at, idx stride, idx n, uint32_t* d) {
  switch (widthOf(t)) {
    case 1: return readRun((const Word8*)base + at, stride, n, d);
    case 2: return readRun((const Word16*)base + at, stride, n, d);
    default: return readRun((const Word32*)base + at, stride, n, d);
  }
}

constexpr idx SHORT_LINE = 16;  // lines below this are read many at once

// One element `length` times, line after line; up to 3 elements more are written.
template <class T> NABLA_INLINE void repeatEach(const T* p, idx step, idx lines, idx length, uint32_t* d) {
  for (idx i = 0; i < lines; i++, d += length) {
    const uint32_t v = p[i * step];
    const FourWords four = {v, v, v, v};
    for (idx j = 0; j < length; j += 4) *(FourWordsLoose*)(d + j) = four;
  }
}

template <int LENGTH, class T> NABLA_INLINE void readLines(const T* p, idx step, idx lines, idx stride, idx length, uint32_t* d) {
  const idx own = LENGTH ? LENGTH : length;
  for (idx i = 0; i < lines; i++)
    for (idx j = 0; j < own; j++) d[i * own + j] = p[i * step + j * stride];
}

// `lines` short lines whose first elements are `step` apart.
template <class T> NABLA_INLINE void readLines(const T* p, idx step, idx lines, idx stride, idx length, uint32_t* d) {
  if (stride == 0) return repeatEach(p, step, lines, length, d);
  switch (length) {
    case 2: return readLines<2>(p, step, lines, stride, length, d);
    case 3: return readLines<3>(p, step, lines, stride, length, d);
    case 4: return readLines<4>(p, step, lines, stride, length, d);
    default: return readLines<0>(p, step, lines, stride, length, d);
  }
}

__attribute__((noinline, unused)) static void readLines(const char* base, DType t, idx at, idx step, idx lines, idx stride, idx length, uint32_t* d) {
  switch (widthOf(t)) {
    case 1: return readLines((const Word8*)base + at, step, lines, stride, length, d);
    case 2: return readLines((const Word16*)base + at, step, lines, stride, length, d);
    default: return readLines((const Word32*)base + at, step, lines, stride, length, d);
  }
}

// Stored bits in 32-bit lanes to what a register holds.
NABLA_INLINE void widen(DType t, idx n, uint32_t* d) {
  switch (t) {
    case BOOL:
      for (idx i = 0; i < n; i += VN) st(d + i, (VU)(ld(d + i) != 0u));
      return;
    case F16:
      for (idx i = 0; i < n; i += VN) st((float*)d + i, vfromF16(ld(d + i)));
      return;
    case BF16:
      for (idx i = 0; i < n; i += VN) st((float*)d + i, vfromBF16(ld(d + i)));
      return;
    case I8:
      for (idx i = 0; i < n; i += VN) st((int32_t*)d + i, (VI)(ld(d + i) << 24) >> 24);
      return;
    default: return;
  }
}

// Into a register: whole vectors, then what is left of one, so that nothing beyond the operand is touched.
NABLA_INLINE void copyWords(uint32_t* d, const uint32_t* s, idx n) {
  idx i = 0;
  for (; i + VN <= n; i += VN) st(d + i, ld(s + i));
  if (i < n) st((float*)d + i, ldTail((const float*)s + i, tailOf(n - i)));
}

// The same short line again and again (a bias): one round of it, then what is there doubled. False where the access is another.
NABLA_INLINE bool repeatLine(const TileAccess& x, const idx* size, const char* base, idx fixed, idx pos, idx n, uint32_t* d) {
  const int last = x.end - 1;
  if (x.guarded || x.end == x.begin || size[last] > n / 2) return false;
  for (int a = x.begin; a < last; a++)
    if (x.stride[a] != 0) return false;
  const idx period = size[last], at = pos % period, stride = x.stride[last];
  readRun(base, x.dtype, x.offset + fixed + at * stride, stride, period - at, d);
  readRun(base, x.dtype, x.offset + fixed, stride, at, d + period - at);
  for (idx done = period; done < n;) {
    const idx more = least(done, n - done);
    copyWords(d + done, d, more);
    done += more;
  }
  return true;
}

typedef float Four __attribute__((vector_size(16)));
typedef Four FourLoose __attribute__((aligned(4), may_alias));

// d[i * columns + j] = s[i + j * step]: a block whose lines lie across. Four by four, then what is left.
NABLA_FUNCTION void transposeBlock(const float* s, idx step, idx rows, idx columns, float* d) {
  const idx wholeRows = rows & ~(idx)3, wholeColumns = columns & ~(idx)3;
  for (idx j = 0; j < wholeColumns; j += 4)
    for (idx i = 0; i < wholeRows; i += 4) {
      const float* p = s + i + j * step;
      const Four a = *(const FourLoose*)p, b = *(const FourLoose*)(p + step);
      const Four c = *(const FourLoose*)(p + 2 * step), e = *(const FourLoose*)(p + 3 * step);
      const Four ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Four ce0 = __builtin_shufflevector(c, e, 0, 4, 1, 5), ce1 = __builtin_shufflevector(c, e, 2, 6, 3, 7);
      float* to = d + i * columns + j;
      *(FourLoose*)to = __builtin_shufflevector(ab0, ce0, 0, 1, 4, 5);
      *(FourLoose*)(to + columns) = __builtin_shufflevector(ab0, ce0, 2, 3, 6, 7);
      *(FourLoose*)(to + 2 * columns) = __builtin_shufflevector(ab1, ce1, 0, 1, 4, 5);
      *(FourLoose*)(to + 3 * columns) = __builtin_shufflevector(ab1, ce1, 2, 3, 6, 7);
    }
  for (idx i = 0; i < rows; i++)
    for (idx j = i < wholeRows ? wholeColumns : 0; j < columns; j++) d[i * columns + j] = s[i + j * step];
}

// n elements from position pos of the access's space into d, which has room for whole vectors.
__attribute__((noinline, unused)) static void gatherTile(const TileAccess& x, const idx* size, const char* base, idx fixed, idx pos, idx n, uint32_t* d) {
  if (fixed == OUTSIDE) {
    fillRun(x.fill, n, d);
  } else if (x.linear && !x.guarded) {
    readRun(base, x.dtype, x.offset + fixed + pos, 1, n, d);
  } else if (!x.guarded && x.end - x.begin == 2 && x.stride[x.begin] == 1 && pos == 0 && n == size[x.begin] * size[x.begin + 1] &&
             widthOf(x.dtype) == 4) {
    transposeBlock((const float*)base + x.offset + fixed, x.stride[x.begin + 1], size[x.begin], size[x.begin + 1], (float*)d);
  } else if (!repeatLine(x, size, base, fixed, pos, n, d)) {
    Walk walk;
    walk.start(x, size, fixed, pos);
    for (idx done = 0; done < n;) {
      const idx run = least(walk.left(), n - done);
      const idx lines = x.guarded || run >= SHORT_LINE ? 0 : least(walk.linesLeft(), (n - done) / run);
      if (lines > 1) {
        readLines(base, x.dtype, walk.at, x.stride[x.end - 2], lines, walk.step(), run, d + done);
        done += lines * run;
        walk.advanceLines(lines);
        continue;
      }
      if (!x.guarded) {
        readRun(base, x.dtype, walk.at, walk.step(), run, d + done);
      } else {
        idx from = 0, to = 0;  // the part of the run inside the guard
        if (walk.lineInside()) {
          const int a = walk.last();
          from = x.end == x.begin ? 0 : least(most(x.lo[a] - walk.place(), 0), run);
          to = x.end == x.begin ? run : most(least(x.hi[a] - walk.place(), run), from);
        }
        fillRun(x.fill, from, d + done);
        readRun(base, x.dtype, walk.at + from * walk.step(), walk.step(), to - from, d + done + from);
        fillRun(x.fill, run - to, d + done + to);
      }
      done += run;
      walk.advance(run);
    }
  }
  widen(x.dtype, n, d);
}

// The affine numbers themselves.
__attribute__((noinline, unused)) static void indexTile(const TileAccess& x, const idx* size, idx fixed, idx pos, idx n, uint32_t* d) {
  Walk walk;
  walk.start(x, size, fixed, pos);
  for (idx done = 0; done < n;) {
    const idx run = least(walk.left(), n - done);
    const uint32_t first = (uint32_t)walk.at, step = (uint32_t)walk.step();
    for (idx i = 0; i < run; i++) d[done + i] = first + (uint32_t)i * step;
    done += run;
    walk.advance(run);
  }
}

// What a register holds to stored bits in 32-bit lanes.
NABLA_INLINE void narrow(DType t, const uint32_t* s, idx n, uint32_t* d) {
  switch (t) {
    case BOOL:
      for (idx i = 0; i < n; i += VN) st(d + i, ld(s + i) & 1u);
      return;
    case F16:
      for (idx i = 0; i < n; i += VN) st(d + i, vtoF16(ld((const float*)s + i)));
      return;
    case BF16:
      for (idx i = 0; i < n; i += VN) st(d + i, vtoBF16(ld((const float*)s + i)));
      return;
    default:
      return;
  }
}

template <class T> NABLA_INLINE void writeRun(T* p, idx stride, idx n, const uint32_t* s) {
  if (stride == 1) {
    for (idx i = 0; i < n; i++) p[i] = (T)s[i];
  } else {
    for (idx i = 0; i < n; i++) p[i * stride] = (T)s[i];
  }
}

NABLA_INLINE void writeRun(char* base, DType t, idx at, idx stride, idx n, const uint32_t* s) {
  switch (widthOf(t)) {
    case 1: return writeRun((Word8*)base + at, stride, n, s);
    case 2: return writeRun((Word16*)base + at, stride, n, s);
    default: return writeRun((Word32*)base + at, stride, n, s);
  }
}

// n elements of the register s to position pos of the access's space. `temporary` is a register of its own.
__attribute__((noinline, unused)) static void scatterTile(const TileAccess& x, const idx* size, char* base, idx fixed, idx pos, idx n, const uint32_t* s, uint32_t* temporary) {
  if (x.dtype == BOOL || x.dtype == F16 || x.dtype == BF16) {
    narrow(x.dtype, s, n, temporary);
    s = temporary;
  }
  if (x.linear) {
    writeRun(base, x.dtype, x.offset + fixed + pos, 1, n, s);
    return;
  }
  Walk walk;
  walk.start(x, size, fixed, pos);
  for (idx done = 0; done < n;) {
    const idx run = least(walk.left(), n - done);
    writeRun(base, x.dtype, walk.at, walk.step(), run, s + done);
    done += run;
    walk.advance(run);
  }
}

// What the axes outside an access's space add to its offset, at row-major position `pos` of the axes [begin, end).
NABLA_INLINE idx fixedOffset(const TileAccess& x, const idx* size, int begin, int end, idx pos) {
  idx at = 0;
  bool inside = true;
  for (int a = end - 1; a >= begin; a--) {
    const idx q = a == begin ? 0 : pos / size[a];
    const idx i = pos - q * size[a];
    pos = q;
    at += i * x.stride[a];
    if (x.guarded) inside &= i >= x.lo[a] && i < x.hi[a];
  }
  return inside ? at : OUTSIDE;
}

}  // namespace KNS
