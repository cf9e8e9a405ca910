// Elementary functions over vectors: exp, log, sin, tanh, erf, pow, whole range, with NaN, infinities, signed zeros and denormals.
// Largest error over all floats, asserted by the native tests: exp 1.1 ulp, log 1.1, tanh 1.5, erf 1.2, sin 1.2, pow 0.6.
// Coefficients are minimax fits printed by test/coefficients.py. sin and pow reduce in f64 without fused operations, so their
// bits are the same on every machine; the others have one value where multiply-adds fuse and one where they do not.
// (Not called math.h: an include path that names this folder must not hide the system's header.)
#pragma once
#include "vec.h"

namespace KNS {

NABLA_INLINE VF poly(VF x, float c) { (void)x; return splat(c); }
// Horner: c + x * (next + ...).
template <class... R> NABLA_INLINE VF poly(VF x, float c, R... rest) { return vfma(poly(x, rest...), x, splat(c)); }

NABLA_INLINE bool vany(VI m) {
#if VB == 64 && defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)m) != 0;
#elif VB == 32 && defined(__AVX2__)
  return _mm256_movemask_ps((__m256)m) != 0;
#elif VB == 16 && defined(__x86_64__)
  return _mm_movemask_ps((__m128)m) != 0;
#else
  VL l = (VL)m;
  int64_t any = 0;
  for (int i = 0; i < VB / 8; i++) any |= l[i];
  return any != 0;
#endif
}

// 2^n as a float for -126 <= n <= 127.
NABLA_INLINE VF exponent(VI n) { return (VF)((VU)(n + 127) << 23); }

// e^x for -104 <= x <= 89 or NaN.
NABLA_INLINE VF expInRange(VF x) {
  const float magic = 12582912.f;  // 1.5 * 2^23: adding it rounds to a whole number in the low bits
  VF shifted = vfma(x, splat(0x1.715476p+0f), splat(magic));
  VF n = shifted - magic;
  VI whole = (VI)shifted - 0x4b400000;
  VF r = vfma(n, splat(-0x1.62e4p-1f), x);  // the head of ln 2 has few bits: exact without fusing too
  r = vfma(n, splat(-0x1.7f7d1cp-20f), r);
  VF q = poly(r, 0x1.fffffcp-2f, 0x1.55548cp-3f, 0x1.55585ap-5f, 0x1.123d70p-7f, 0x1.6ab89ep-10f);
  VF p = vfma(r * r, q, r) + 1.f;
  VI half = whole >> 1;  // two steps reach denormals and infinity, rounding once
  return p * exponent(half) * exponent(whole - half);
}

NABLA_INLINE VF vexp(VF x) {
  x = vsel(x > 89.f, splat(89.f), x);
  return expInRange(vsel(x < -104.f, splat(-104.f), x));
}

NABLA_INLINE VF vlog(VF x) {
  VI denormal = x < 0x1p-126f;
  VU u = (VU)vsel(denormal, x * 0x1p23f, x);
  VI e = (VI)(u - 0x3f2aaaabu) >> 23;  // x = 2^e * m with m in [2/3, 4/3)
  VF f = (VF)(u - ((VU)e << 23)) - 1.f;
  VF n = vtof(e) + vsel(denormal, splat(-23.f), VF{});
  VF p = poly(f, 0x1.555556p-2f, -0x1.ffff02p-3f, 0x1.99985ep-3f, -0x1.559bb0p-3f, 0x1.24d7b2p-3f, -0x1.f337d0p-4f,
              0x1.bb446ap-4f, -0x1.08239ap-3f, 0x1.df0e0cp-4f);
  VF square = f * f;
  VF y = square * f * p;
  y = vfma(n, splat(0x1.7f7d1cp-20f), y);
  y = vfma(splat(-0.5f), square, y);
  VF r = vfma(n, splat(0x1.62e4p-1f), f + y);
  r = vsel(x == splat(__builtin_inff()), x, r);
  r = vsel(x == 0.f, splat(-__builtin_inff()), r);
  return vsel((x < 0.f) | (x != x), splat(__builtin_nanf("")), r);
}

NABLA_INLINE VF vtanh(VF x) {
  VF a = vabs(x);
  VF s = a * a;
  VF p = poly(s, -0x1.555532p-2f, 0x1.1106f6p-3f, -0x1.b835a4p-5f, 0x1.51f8cep-6f, -0x1.750ce4p-8f);
  VF small = vfma(a * s, p, a);
  VF capped = vsel(a > 10.f, splat(10.f), a);
  VF large = 1.f - 2.f / (expInRange(capped + capped) + 1.f);
  return vcopysign(vsel(a < 0.625f, small, large), x);
}

NABLA_INLINE VF verf(VF x) {
  VF a = vabs(x);
  VF p = poly(a * a, 0x1.06eba8p-3f, -0x1.812740p-2f, 0x1.ce2d64p-4f, -0x1.b80118p-6f, 0x1.5449e4p-8f, -0x1.a606c2p-11f,
              0x1.4f562ep-14f);
  VF small = vfma(a, p, a);
  VF c = vsel(a > 4.f, splat(4.f), a);
  VF q = poly(c, -0x1.20ef5ap+0f, -0x1.453082p-1f, -0x1.b3414ep-4f, 0x1.85b3ecp-6f, -0x1.deeaa6p-9f, 0x1.557b30p-12f,
              -0x1.82992ep-17f);
  VF large = 1.f - expInRange(c * q);  // erfc(x) = e^(x q(x))
  return vcopysign(vsel(a < 0.921875f, small, large), x);
}

// 1 / (1 + e^-x), through e^-|x| so that nothing overflows: at most 2 ulp, down to the denormals.
NABLA_INLINE VF vsigmoid(VF x) {
  VF e = vexp(-vabs(x));
  return vsel((VI)x < 0, e, splat(1.f)) / (1.f + e);
}

// ---- f64 pairs: the lanes of one VF in two VD ----
struct Wide { VD lo, hi; };
NABLA_INLINE Wide widen(VF x) {
  struct { VFHalf lo, hi; } h;
  __builtin_memcpy(&h, &x, VB);
  return Wide{__builtin_convertvector(h.lo, VD), __builtin_convertvector(h.hi, VD)};
}
NABLA_INLINE VF narrow(VD lo, VD hi) {
  struct { VFHalf lo, hi; } h = {__builtin_convertvector(lo, VFHalf), __builtin_convertvector(hi, VFHalf)};
  VF x;
  __builtin_memcpy(&x, &h, VB);
  return x;
}
NABLA_INLINE VI narrow(VL lo, VL hi) {
  struct { VIHalf lo, hi; } h = {__builtin_convertvector(lo, VIHalf), __builtin_convertvector(hi, VIHalf)};
  VI x;
  __builtin_memcpy(&x, &h, VB);
  return x;
}

// x = quadrant * pi/2 + r with |r| <= pi/4, for |x| < 10^6: the product with the 33-bit head is exact.
NABLA_INLINE VD reduceQuarter(VD x, VL& quadrant) {
  const double magic = 6755399441055744.0;  // 1.5 * 2^52
  VD shifted = x * 0x1.45f306dc9c883p-1 + magic;
  VD n = shifted - magic;
  quadrant = (VL)shifted & 3;
  return x - n * 0x1.921fb544p+0 - n * 0x1.0b4611a626331p-34;
}

// The same for any finite |x| >= 2^19, after Payne and Hanek: a 24-bit mantissa times the 96 bits of 2/pi that matter.
NABLA_FUNCTION __attribute__((noinline)) double reduceQuarterHuge(float x, int32_t& quadrant) {
  // 32 zero bits, then 2/pi.
  static const uint32_t bits[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                  0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561};
  uint32_t u;
  __builtin_memcpy(&u, &x, 4);
  int e = (int)((u >> 23) & 255) - 150;  // |x| = mantissa * 2^e, e >= -4
  uint64_t mantissa = (u & 0x7fffffu) | 0x800000u;
  // Bits of 2/pi that weigh 4 or more after scaling add whole turns: start at weight 2.
  int start = 32 + e - 2, word = start >> 5, shift = start & 31;
  uint32_t w[3];
  for (int i = 0; i < 3; i++)
    w[i] = shift == 0 ? bits[word + i] : bits[word + i] << shift | bits[word + i + 1] >> (32 - shift);
  uint64_t p0 = mantissa * w[2], p1 = mantissa * w[1] + (p0 >> 32), p2 = mantissa * w[0] + (p1 >> 32);
  uint64_t top = p2 << 32 | (p1 & 0xffffffffu);
  uint64_t fraction = top << 2 | (uint32_t)p0 >> 30;
  quadrant = (int32_t)(top >> 62) + (int32_t)(fraction >> 63);
  double r = (double)(int64_t)fraction * (0x1.921fb54442d18p+0 * 0x1p-64);
  if (u >> 31) {
    r = -r;
    quadrant = -quadrant;
  }
  return r;
}

NABLA_INLINE VF vsin(VF x) {
  Wide w = widen(x);
  VI huge = ~(vabs(x) < 1e6f);
  VL q0, q1;
  VD r0 = reduceQuarter(w.lo, q0), r1 = reduceQuarter(w.hi, q1);
  VI quadrant = narrow(q0, q1);
  if (vany(huge)) {
    VI finite = vabs(x) < splat(__builtin_inff());
    for (int i = 0; i < VN; i++) {
      if (!huge[i]) continue;
      int32_t q = 0;
      double r = finite[i] ? reduceQuarterHuge(x[i], q) : __builtin_nan("");
      quadrant[i] = q;
      if (i < VN / 2) r0[i] = r;
      else r1[i - VN / 2] = r;
    }
  }
  // r = head + rest keeps what rounding to f32 would lose.
  VF head = narrow(r0, r1);
  Wide back = widen(head);
  VF rest = narrow(r0 - back.lo, r1 - back.hi);
  VF s = head * head;
  VF sp = ((0x1.7c2c4ep-19f * s - 0x1.a05954p-13f) * s + 0x1.111174p-7f) * s - 0x1.555556p-3f;
  VF sine = head + (head * s * sp + (rest - rest * s * 0.5f));
  VF cp = ((0x1.99e0eep-16f * s - 0x1.6c0c1ap-10f) * s + 0x1.55554ap-5f) * s * s;
  VF half = s * 0.5f;
  VF whole = 1.f - half;
  VF cosine = whole + ((1.f - whole - half) + (cp - head * rest));
  VF r = vsel((quadrant & 1) != 0, cosine, sine);
  r = (VF)((VU)r ^ ((VU)(quadrant & 2) << 30));
  return vsel(x == 0.f, x, r);
}

// log2 of a positive normal f64.
NABLA_INLINE VD log2Wide(VD x) {
  VL u = (VL)x;
  VL e = (u - 0x3fe6a09e667f3bccLL) >> 52;  // x = 2^e * m, m in [sqrt(1/2), sqrt(2))
  VD m = (VD)(u - (e << 52));
  VD s = (m - 1.0) / (m + 1.0), t = s * s;
  VD p = ((((0x1.5ceba15bee81ap-2 * t + 0x1.a58d582737659p-2) * t + 0x1.277780586de50p-1) * t + 0x1.ec709d122ac7fp-1) * t +
          0x1.71547652bee8ap+1);
  VD n = (VD)(e + 0x4338000000000000LL) - 6755399441055744.0;  // exact for small e
  return n + s * p;
}

// 2^t rounded to f32 later: |t| is capped where f32 has long been 0 or infinite. NaN stays.
NABLA_INLINE VD exp2Wide(VD t) {
  t = t > 300.0 ? VD{} + 300.0 : t;
  t = t < -300.0 ? VD{} - 300.0 : t;
  const double magic = 6755399441055744.0;
  VD shifted = t + magic;
  VD f = t - (shifted - magic);
  VL n = (VL)shifted - 0x4338000000000000LL;
  VD p = 0x1.05a019caeb483p-16 * f + 0x1.4487c21ad896ep-13;
  p = p * f + 0x1.5d850d2bc72e0p-10;
  p = p * f + 0x1.3b29c1fbbd40ap-7;
  p = p * f + 0x1.c6b0865cafaabp-5;
  p = p * f + 0x1.ebfbe0a67deebp-3;
  p = p * f + 0x1.62e42ffc901a7p-1;
  p = p * f + 0x1.ffffffffab9b1p-1;
  return p * (VD)((n + 1023) << 52);
}

// Special cases as in C: x^0 = 1^y = (-1)^(+-inf) = 1; a negative base needs a whole exponent.
NABLA_INLINE VF vpow(VF x, VF y) {
  const VF one = splat(1.f), inf = splat(__builtin_inff());
  VF a = vabs(x), b = vabs(y);
  VI ordinary = (a > 0.f) & (a < inf);
  Wide wa = widen(vsel(ordinary, a, one)), wy = widen(y);
  VD t0 = log2Wide(wa.lo) * wy.lo, t1 = log2Wide(wa.hi) * wy.hi;
  VF r = narrow(exp2Wide(t0), exp2Wide(t1));
  // 0 and infinity to a power.
  VI up = (a == inf) == (y > 0.f);
  r = vsel(ordinary, r, vsel(up, inf, VF{}));
  r = vsel((a == 1.f) & (b == inf), one, r);
  // From 2^24 on every float is even; below 2^23 floor decides.
  VI whole = (vfloor(b) == b) & (b < inf);
  VF halved = b * 0.5f;
  VI odd = whole & (vfloor(halved) != halved);
  VI negative = (VI)x < 0;
  r = (VF)((VU)r | ((VU)(odd & negative) & 0x80000000u));
  r = vsel((x < 0.f) & ~whole & (a < inf) & (b < inf), splat(__builtin_nanf("")), r);
  r = vsel((x != x) | (y != y), x + y, r);
  return vsel((y == 0.f) | (x == 1.f), one, r);
}

}  // namespace KNS
