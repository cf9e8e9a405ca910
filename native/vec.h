// Vectors of VB bytes (16, 32 or 64) over GNU vector extensions, with the few operations that need more than an operator.
// Only fused multiply-add, square root, limits and partial loads and stores differ by machine. Lanes of f32 (VF), i32 (VI) and u32 (VU);
// a mask is a VI of 0 and -1.
#pragma once
#include "compat.h"
#include "kernels.h"

#ifndef KNS
#error "define KNS, the namespace of this instruction set"
#endif
#ifndef VB
#error "define VB, the bytes of a vector: 16, 32 or 64"
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm__)
#include <wasm_simd128.h>
#endif

// Multiply-adds fuse: the first numeric class.
#if defined(__FMA__) || defined(__aarch64__) || defined(__wasm_relaxed_simd__)
#define NABLA_FUSED 1
#else
#define NABLA_FUSED 0
#endif

#define NABLA_INLINE static inline __attribute__((always_inline, unused))
#define NABLA_FUNCTION static __attribute__((unused))
#define NABLA_LAMBDA __attribute__((always_inline))

namespace KNS {

using nabla::idx;

typedef float VF __attribute__((vector_size(VB)));
typedef int32_t VI __attribute__((vector_size(VB)));
typedef uint32_t VU __attribute__((vector_size(VB)));
typedef int64_t VL __attribute__((vector_size(VB)));   // half as many lanes, beside VD
typedef double VD __attribute__((vector_size(VB)));
typedef float VFHalf __attribute__((vector_size(VB / 2)));
typedef int32_t VIHalf __attribute__((vector_size(VB / 2)));
typedef uint16_t VU16 __attribute__((vector_size(VB / 2)));
typedef int8_t VI8 __attribute__((vector_size(VB / 4)));
typedef uint8_t VU8 __attribute__((vector_size(VB / 4)));
constexpr int VN = VB / 4;       // lanes of f32
constexpr int LANES = 16;        // virtual lanes of every reduction, whatever VB: the fixed order that makes results equal
constexpr int VPL = LANES / VN;  // vectors that hold them

// ---- memory: any 4-byte (or element) alignment ----
template <class T> struct Loose;
template <> struct Loose<VF> { typedef VF type __attribute__((aligned(4), may_alias)); };
template <> struct Loose<VI> { typedef VI type __attribute__((aligned(4), may_alias)); };
template <> struct Loose<VU> { typedef VU type __attribute__((aligned(4), may_alias)); };
typedef VU16 VU16Loose __attribute__((aligned(2), may_alias));
typedef VI8 VI8Loose __attribute__((aligned(1), may_alias));
typedef VU8 VU8Loose __attribute__((aligned(1), may_alias));
typedef float FloatLoose __attribute__((may_alias));
typedef int32_t IntLoose __attribute__((may_alias));
typedef VU VUBytes __attribute__((aligned(1), may_alias));
typedef uint64_t U64Bytes __attribute__((aligned(1), may_alias));
typedef uint32_t U32Bytes __attribute__((aligned(1), may_alias));

NABLA_INLINE VF ld(const float* p) { return *(const Loose<VF>::type*)p; }
NABLA_INLINE VI ld(const int32_t* p) { return *(const Loose<VI>::type*)p; }
NABLA_INLINE VU ld(const uint32_t* p) { return *(const Loose<VU>::type*)p; }
NABLA_INLINE void st(float* p, VF v) { *(Loose<VF>::type*)p = v; }
NABLA_INLINE void st(int32_t* p, VI v) { *(Loose<VI>::type*)p = v; }
NABLA_INLINE void st(uint32_t* p, VU v) { *(Loose<VU>::type*)p = v; }

// `x - V{}` keeps -0 where `V{} + x` would not.
NABLA_INLINE VF splat(float x) { return x - VF{}; }
NABLA_INLINE VI splat(int32_t x) { return x - VI{}; }
NABLA_INLINE VU splat(uint32_t x) { return x - VU{}; }

// Narrow elements widened to 32-bit lanes, and back (low bits).
NABLA_INLINE VU ldU16(const void* p) { return __builtin_convertvector(*(const VU16Loose*)p, VU); }
NABLA_INLINE VU ldU8(const void* p) { return __builtin_convertvector(*(const VU8Loose*)p, VU); }
NABLA_INLINE VI ldI8(const void* p) { return __builtin_convertvector(*(const VI8Loose*)p, VI); }
NABLA_INLINE void stU16(void* p, VU v) { *(VU16Loose*)p = __builtin_convertvector(v, VU16); }
NABLA_INLINE void stU8(void* p, VU v) { *(VU8Loose*)p = __builtin_convertvector(v, VU8); }

// ---- partial vectors: the first `n` lanes, 1 <= n <= VN; other lanes read as 0 and are not written ----
#if defined(__AVX512F__) && VB == 64
struct Tail { __mmask16 m; };
NABLA_INLINE Tail tailOf(idx n) { return Tail{(__mmask16)((1u << n) - 1)}; }
NABLA_INLINE VF ldTail(const float* p, Tail t) { return (VF)_mm512_maskz_loadu_ps(t.m, p); }
NABLA_INLINE void stTail(float* p, VF v, Tail t) { _mm512_mask_storeu_ps(p, t.m, (__m512)v); }
#elif defined(__AVX2__) && VB == 32
struct Tail { VI m; };
NABLA_INLINE Tail tailOf(idx n) { return Tail{VI{0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n}; }
NABLA_INLINE VF ldTail(const float* p, Tail t) { return (VF)_mm256_maskload_ps(p, (__m256i)t.m); }
NABLA_INLINE void stTail(float* p, VF v, Tail t) { _mm256_maskstore_ps(p, (__m256i)t.m, (__m256)v); }
#else
struct Tail { idx n; };
NABLA_INLINE Tail tailOf(idx n) { return Tail{n}; }
NABLA_INLINE VF ldTail(const float* p, Tail t) {
  if (t.n == VN) return ld(p);
  const FloatLoose* from = (const FloatLoose*)p;
  VF v{};
#pragma GCC unroll 16
  for (int i = 0; i < VN - 1; i++)
    if (i < t.n) v[i] = from[i];
  return v;
}
NABLA_INLINE void stTail(float* p, VF v, Tail t) {
  if (t.n == VN) return st(p, v);
  FloatLoose* to = (FloatLoose*)p;
#pragma GCC unroll 16
  for (int i = 0; i < VN - 1; i++)
    if (i < t.n) to[i] = v[i];
}
#endif
NABLA_INLINE VI ldTail(const int32_t* p, Tail t) { return (VI)ldTail((const float*)p, t); }
NABLA_INLINE VU ldTail(const uint32_t* p, Tail t) { return (VU)ldTail((const float*)p, t); }
NABLA_INLINE void stTail(int32_t* p, VI v, Tail t) { stTail((float*)p, (VF)v, t); }
NABLA_INLINE void stTail(uint32_t* p, VU v, Tail t) { stTail((float*)p, (VF)v, t); }

// ---- halves ----
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
// GCC's older shuffle keeps the width.
template <class H, class V> NABLA_INLINE H halfOf(V x, int which) {
  H half[2];
  __builtin_memcpy(half, &x, VB);
  return half[which];
}
template <class V, class H> NABLA_INLINE V joinHalves(H lo, H hi) {
  const H half[2] = {lo, hi};
  V x;
  __builtin_memcpy(&x, half, VB);
  return x;
}
NABLA_INLINE VFHalf lowHalf(VF x) { return halfOf<VFHalf>(x, 0); }
NABLA_INLINE VFHalf highHalf(VF x) { return halfOf<VFHalf>(x, 1); }
#else
#if VB == 64
#define NABLA_LOW 0, 1, 2, 3, 4, 5, 6, 7
#define NABLA_HIGH 8, 9, 10, 11, 12, 13, 14, 15
#elif VB == 32
#define NABLA_LOW 0, 1, 2, 3
#define NABLA_HIGH 4, 5, 6, 7
#else
#define NABLA_LOW 0, 1
#define NABLA_HIGH 2, 3
#endif
NABLA_INLINE VFHalf lowHalf(VF x) { return __builtin_shufflevector(x, x, NABLA_LOW); }
NABLA_INLINE VFHalf highHalf(VF x) { return __builtin_shufflevector(x, x, NABLA_HIGH); }
template <class V, class H> NABLA_INLINE V joinHalves(H lo, H hi) {
  return __builtin_shufflevector(lo, hi, NABLA_LOW, NABLA_HIGH);
}
#undef NABLA_LOW
#undef NABLA_HIGH
#endif

// gcc 12 converts 512 bits in two steps.
NABLA_INLINE VD vwiden(VFHalf x) {
#if VB == 64 && defined(__AVX512F__)
  return (VD)_mm512_maskz_cvtps_pd((__mmask8)-1, (__m256)x);
#else
  return __builtin_convertvector(x, VD);
#endif
}
NABLA_INLINE VFHalf vnarrow(VD x) {
#if VB == 64 && defined(__AVX512F__)
  return (VFHalf)_mm512_maskz_cvtpd_ps((__mmask8)-1, (__m512d)x);
#else
  return __builtin_convertvector(x, VFHalf);
#endif
}

// ---- what operators cannot say ----
NABLA_INLINE VF vsel(VI m, VF a, VF b) { return m ? a : b; }
NABLA_INLINE VI vsel(VI m, VI a, VI b) { return m ? a : b; }
NABLA_INLINE VU vsel(VI m, VU a, VU b) { return m ? a : b; }

NABLA_INLINE VF vfma(VF a, VF b, VF c) {
#if VB == 64 && defined(__AVX512F__)
  return (VF)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif VB == 32 && defined(__FMA__)
  return (VF)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif VB == 16 && defined(__FMA__)
  return (VF)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#elif VB == 16 && defined(__aarch64__)
  return (VF)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif VB == 16 && defined(__wasm_relaxed_simd__)
  return (VF)__builtin_wasm_relaxed_madd_f32x4(a, b, c);
#else
  return a * b + c;
#endif
}

NABLA_INLINE VF vsqrt(VF a) {
#if VB == 64 && defined(__AVX512F__)
  return (VF)_mm512_mask_sqrt_ps((__m512)a, (__mmask16)-1, (__m512)a);  // _mm512_sqrt_ps warns falsely under gcc 12
#elif VB == 32 && defined(__AVX__)
  return (VF)_mm256_sqrt_ps((__m256)a);
#elif VB == 16 && defined(__x86_64__)
  return (VF)_mm_sqrt_ps((__m128)a);
#elif VB == 16 && defined(__aarch64__)
  return (VF)vsqrtq_f32((float32x4_t)a);
#elif VB == 16 && defined(__wasm__)
  return (VF)__builtin_wasm_sqrt_f32x4(a);
#else
#error "no square root for this machine"
#endif
}

// One lane's multiply-add, with the same rounding as vfma.
NABLA_INLINE float sfma(float a, float b, float c) {
#if NABLA_FUSED
  return vfma(splat(a), splat(b), splat(c))[0];
#else
  return a * b + c;
#endif
}

NABLA_INLINE VF vabs(VF a) { return (VF)((VI)a & 0x7fffffff); }
NABLA_INLINE VF vcopysign(VF magnitude, VF sign) {
  return (VF)(((VI)magnitude & 0x7fffffff) | ((VI)sign & (int32_t)0x80000000));
}

// x > limit ? limit : x, so NaN stays: one instruction where compilers see two.
NABLA_INLINE VF vatMost(VF x, VF limit) {
#if VB == 64 && defined(__AVX512F__)
  return (VF)_mm512_maskz_min_ps((__mmask16)-1, (__m512)limit, (__m512)x);
#elif VB == 32 && defined(__AVX__)
  return (VF)_mm256_min_ps((__m256)limit, (__m256)x);
#elif VB == 16 && defined(__x86_64__)
  return (VF)_mm_min_ps((__m128)limit, (__m128)x);
#else
  return vsel(x > limit, limit, x);
#endif
}
// x < limit ? limit : x.
NABLA_INLINE VF vatLeast(VF x, VF limit) {
#if VB == 64 && defined(__AVX512F__)
  return (VF)_mm512_maskz_max_ps((__mmask16)-1, (__m512)limit, (__m512)x);
#elif VB == 32 && defined(__AVX__)
  return (VF)_mm256_max_ps((__m256)limit, (__m256)x);
#elif VB == 16 && defined(__x86_64__)
  return (VF)_mm_max_ps((__m128)limit, (__m128)x);
#else
  return vsel(x < limit, limit, x);
#endif
}

NABLA_INLINE VD vatMost(VD x, VD limit) {
#if VB == 64 && defined(__AVX512F__)
  return (VD)_mm512_maskz_min_pd((__mmask8)-1, (__m512d)limit, (__m512d)x);
#elif VB == 32 && defined(__AVX__)
  return (VD)_mm256_min_pd((__m256d)limit, (__m256d)x);
#elif VB == 16 && defined(__x86_64__)
  return (VD)_mm_min_pd((__m128d)limit, (__m128d)x);
#else
  return x > limit ? limit : x;
#endif
}
NABLA_INLINE VD vatLeast(VD x, VD limit) {
#if VB == 64 && defined(__AVX512F__)
  return (VD)_mm512_maskz_max_pd((__mmask8)-1, (__m512d)limit, (__m512d)x);
#elif VB == 32 && defined(__AVX__)
  return (VD)_mm256_max_pd((__m256d)limit, (__m256d)x);
#elif VB == 16 && defined(__x86_64__)
  return (VD)_mm_max_pd((__m128d)limit, (__m128d)x);
#else
  return x < limit ? limit : x;
#endif
}

// NaN in either operand gives NaN.
NABLA_INLINE VF vmax(VF a, VF b) { return vsel(a != a, a, vatLeast(b, a)); }
NABLA_INLINE VF vmin(VF a, VF b) { return vsel(a != a, a, vatMost(b, a)); }
NABLA_INLINE VI vmax(VI a, VI b) { return vsel(a > b, a, b); }
NABLA_INLINE VI vmin(VI a, VI b) { return vsel(a < b, a, b); }
NABLA_INLINE VU vmax(VU a, VU b) { return vsel((VI)(a > b), a, b); }
NABLA_INLINE VU vmin(VU a, VU b) { return vsel((VI)(a < b), a, b); }
// For templates over the element: its vector, and scalar forms.
template <class T> struct VectorOf;
template <> struct VectorOf<float> { typedef VF type; };
template <> struct VectorOf<int32_t> { typedef VI type; };
template <> struct VectorOf<uint32_t> { typedef VU type; };
NABLA_INLINE float vmax(float a, float b) { return a > b || a != a ? a : b; }
NABLA_INLINE int32_t vmax(int32_t a, int32_t b) { return a > b ? a : b; }
NABLA_INLINE uint32_t vmax(uint32_t a, uint32_t b) { return a > b ? a : b; }

// Keeps -0, infinities and NaN; from 2^23 on every float is whole.
NABLA_INLINE VF vfloor(VF x) {
  VF magnitude = vabs(x);
  VF r = vcopysign((magnitude + 8388608.f) - 8388608.f, x);  // to nearest
  r = vsel(r > x, r - 1.f, r);
  return vsel(magnitude < 8388608.f, r, x);
}

// Truncates towards zero; x / 0 is 0; INT_MIN / -1 wraps to INT_MIN.
NABLA_INLINE VI vidiv(VI a, VI b) {
  VI q{};
  for (int i = 0; i < VN; i++)
    q[i] = b[i] == 0 ? 0 : b[i] == -1 ? (int32_t)(0u - (uint32_t)a[i]) : a[i] / b[i];
  return q;
}
NABLA_INLINE VU vidiv(VU a, VU b) {
  VU q{};
  for (int i = 0; i < VN; i++) q[i] = b[i] == 0 ? 0 : a[i] / b[i];
  return q;
}

// ---- conversions ----
NABLA_INLINE VF vtof(VI a) { return __builtin_convertvector(a, VF); }
// Both halves are exact, so the sum rounds once.
NABLA_INLINE VF vtof(VU a) { return vtof((VI)(a >> 16)) * 65536.f + vtof((VI)(a & 0xffffu)); }
// Towards zero, saturating; NaN is 0.
NABLA_INLINE VI vtoi(VF a) {
  VI fits = (a >= -2147483648.f) & (a < 2147483648.f);
  VI r = __builtin_convertvector(vsel(fits, a, VF{}), VI);
  r = vsel(a >= 2147483648.f, splat((int32_t)0x7fffffff), r);
  return vsel(a < -2147483648.f, splat((int32_t)0x80000000), r);
}
NABLA_INLINE VU vtou(VF a) {
  VI high = a >= 2147483648.f;
  VF low = vsel(high, a - 2147483648.f, a);
  VI fits = (low > 0.f) & (low < 2147483648.f);
  VU r = (VU)__builtin_convertvector(vsel(fits, low, VF{}), VI) + ((VU)high & 0x80000000u);
  return vsel(a >= 4294967296.f, splat(0xffffffffu), r);
}

// bfloat16 in the low 16 bits of each lane. Rounds to nearest even; NaN stays NaN.
NABLA_INLINE VF vfromBF16(VU h) { return (VF)(h << 16); }
NABLA_INLINE VU vtoBF16(VF x) {
  VU u = (VU)x;
  VU rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  return vsel(x != x, (u >> 16) | 0x40u, rounded);
}

// IEEE half in the low 16 bits of each lane. Rounds to nearest even, overflows to infinity, keeps denormals and NaN.
NABLA_INLINE VF vfromF16(VU h) {
  VU magnitude = h & 0x7fffu;
  VU sign = (h & 0x8000u) << 16;
  // 2^112 times too small as float bits; the product is exact also for denormal halves.
  VU bits = magnitude << 13;
  VF small = vtof((VI)magnitude) * 5.9604644775390625e-8f;  // denormal half: units of 2^-24
  VU normal = bits + (112u << 23);
  VU special = bits + (224u << 23);
  VU r = vsel((VI)(magnitude >= 0x7c00u), special, normal);
  r = vsel((VI)(magnitude < 0x0400u), (VU)small, r);
  return (VF)(r | sign);
}
NABLA_INLINE VU vtoF16(VF x) {
  VU u = (VU)x;
  VU sign = (u >> 16) & 0x8000u;
  VU magnitude = u & 0x7fffffffu;
  VU normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
  // Below 2^-14: adding 1/2 lets the adder round to units of 2^-24.
  VU small = (VU)((VF)magnitude + 0.5f) - 0x3f000000u;
  VU r = vsel((VI)(magnitude < 0x38800000u), small, normal);
  r = vsel((VI)(magnitude >= 0x477ff000u), splat(0x7c00u), r);
  r = vsel((VI)(magnitude > 0x7f800000u), splat(0x7e00u), r);
  return r | sign;
}

// ---- all 16 virtual lanes to one, always in this tree: i with i + 8, then + 4, + 2, + 1 ----
template <class V, class T, class F> NABLA_INLINE T htree(const V* lanes, F f) {
  T t[LANES];
  for (int i = 0; i < LANES; i++) t[i] = lanes[i / VN][i % VN];
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) t[i] = f(t[i], t[i + half]);
  return t[0];
}
NABLA_INLINE float hsum(const VF* lanes) {
  return htree<VF, float>(lanes, [](float a, float b) { return a + b; });
}
NABLA_INLINE float hprod(const VF* lanes) {
  return htree<VF, float>(lanes, [](float a, float b) { return a * b; });
}
NABLA_INLINE float hmax(const VF* lanes) {
  return htree<VF, float>(lanes, [](float a, float b) { return a > b || a != a ? a : b; });
}
NABLA_INLINE float hmin(const VF* lanes) {
  return htree<VF, float>(lanes, [](float a, float b) { return a < b || a != a ? a : b; });
}

// ---- copies without libc ----
NABLA_INLINE void copyBytes(char* to, const char* from, idx bytes) {
  idx i = 0;
  for (; i + VB <= bytes; i += VB) *(VUBytes*)(to + i) = *(const VUBytes*)(from + i);
  for (; i + 8 <= bytes; i += 8) *(U64Bytes*)(to + i) = *(const U64Bytes*)(from + i);
  for (; i < bytes; i++) to[i] = from[i];
}
NABLA_INLINE void zeroFloats(float* to, idx n) {
  idx i = 0;
  for (; i + VN <= n; i += VN) st(to + i, VF{});
  if (i < n) stTail(to + i, VF{}, tailOf(n - i));
}
NABLA_INLINE void copyFloats(float* to, const float* from, idx n) {
  idx i = 0;
  for (; i + VN <= n; i += VN) st(to + i, ld(from + i));
  if (i < n) {
    Tail tail = tailOf(n - i);
    stTail(to + i, ldTail(from + i, tail), tail);
  }
}

// ---- shares ----
struct Range { idx begin, end; };
// The part-th of `parts` nearly equal shares of 0 .. n-1, cut at multiples of `grain`.
NABLA_INLINE Range share(idx n, idx grain, idx part, idx parts) {
  idx units = (n + grain - 1) / grain;
  idx begin = units * part / parts * grain, end = units * (part + 1) / parts * grain;
  return Range{begin < n ? begin : n, end < n ? end : n};
}
NABLA_INLINE idx least(idx a, idx b) { return a < b ? a : b; }
NABLA_INLINE idx most(idx a, idx b) { return a > b ? a : b; }

}  // namespace KNS
