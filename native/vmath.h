// Elementary functions over vectors: exp, log, sin, tanh, erf, pow, whole range, with NaN, infinities, signed zeros and denormals.
// Largest error over all floats, asserted by the native tests: exp 1.01 ulp, log 0.9, tanh 1.5, erf 1.2, sin 1.2, pow 0.6.
// Coefficients are minimax fits printed by test/coefficients.py. sin and pow reduce in f64 without fused operations, so their
// bits are the same on every machine; the others have one value where multiply-adds fuse and one where they do not.
// (Not called math.h: an include path that names this folder must not hide the system's header.)
#pragma once
#include "several.h"

namespace KNS {

// Horner: c + x * (next + ...).
template <class F> NABLA_INLINE VF poly(const F&, float c) { return splat(c); }
template <class F, class... R> NABLA_INLINE auto poly(const F& x, float c, R... rest) { return vfma(poly(x, rest...), x, splat(c)); }

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

// 2^n as a float for the n in the low bits of a number: what the magic number adds above them, the shift pushes out.
template <class I> NABLA_INLINE auto exponent(const I& n) { return as<VF>((n << 23) + 0x3f800000); }

// (1 + t) * 2^n, denormal or infinite where that is: rounded as one product. `shifted` is n above the magic number.
NABLA_INLINE VF scaled(VF t, VF n, VF shifted) {
#if VB == 64 && defined(__AVX512F__)
  (void)shifted;
  return (VF)_mm512_maskz_scalef_ps((__mmask16)-1, (__m512)(1.f + t), (__m512)n);  // one instruction for eight
#else
  (void)n;
  // Two factors reach denormals and infinity, and only the second product rounds.
  const VI whole = (VI)shifted, half = whole >> 1;
  const VF scale = exponent(half);
  return vfma(t, scale, scale) * exponent(whole - half);
#endif
}
NABLA_EACH(scaled)

// Every function takes a vector, or Several.

// e^x for -104 <= x <= 89 or NaN.
template <class F> NABLA_INLINE F expInRange(F x) {
  const float magic = 12582912.f;  // 1.5 * 2^23: adding it rounds to a whole number in the low bits
  const F shifted = vfma(x, splat(0x1.715476p+0f), splat(magic));
  const F n = shifted - magic;
  F r = vfma(n, splat(-0x1.62e4p-1f), x);  // the head of ln 2 has few bits: exact without fusing too
  r = vfma(n, splat(-0x1.7f7d1cp-20f), r);
  const F s = r * r;
  F q = vfma(poly(r, 0x1.123d70p-7f, 0x1.6ab89ep-10f), s, poly(r, 0x1.55548cp-3f, 0x1.55585ap-5f));
  q = vfma(q, r, splat(0x1.fffffcp-2f));
  return scaled(vfma(s, q, r), n, shifted);
}

template <class F> NABLA_INLINE F vexp(F x) { return expInRange(vatLeast(vatMost(x, splat(89.f)), splat(-104.f))); }

template <class F> NABLA_INLINE F vlog(F x) {
  const VF inf = splat(__builtin_inff());
  const auto denormal = x < 0x1p-126f;
  const auto u = as<VU>(vsel(denormal, x * 0x1p23f, x));
  const auto e = as<VI>(u - 0x3f2aaaabu) >> 23;  // x = 2^e * m with m in [2/3, 4/3)
  const F f = as<VF>(u - (as<VU>(e) << 23)) - 1.f;
  F n = vtof(e);
  n = vsel(denormal, n - 23.f, n);
  const F s = f * f;
  const F even = poly(s, 0x1.555556p-2f, 0x1.99985ep-3f, 0x1.24d7b2p-3f, 0x1.bb446ap-4f, 0x1.df0e0cp-4f);
  const F odd = poly(s, -0x1.ffff02p-3f, -0x1.559bb0p-3f, -0x1.f337d0p-4f, -0x1.08239ap-3f);
  F y = vfma(splat(-0.5f), s, n * 0x1.7f7d1cp-20f);
  y = vfma(s * f, vfma(odd, f, even), y);
  F r = vfma(n, splat(0x1.62e4p-1f), f + y);
  r = vsel(x > 0.f, r, vsel(x == 0.f, -inf, splat(__builtin_nanf(""))));
  return vsel(x < inf, r, x);  // infinity and NaN
}

template <class F> NABLA_INLINE F vtanh(F x) {
  const F a = vabs(x);
  const F s = a * a;
  const F p = poly(s, -0x1.55555p-2f, 0x1.110f52p-3f, -0x1.b9bb3cp-5f, 0x1.617ffp-6f, -0x1.02975p-7f, 0x1.f2568p-10f);
  const F small = vfma(a * s, p, a);
  // e^2a = 2^n * 2^f, by one product: an error of the exponent hardly shows in what is near 1.
  const float magic = 12582912.f;
  const F t = vatMost(a, splat(10.f));
  const F shifted = vfma(t, splat(0x1.715476p+1f), splat(magic));
  const F f = vfma(t, splat(0x1.715476p+1f), magic - shifted);
  const F g = f * f;
  F q = vfma(poly(g, 0x1.ebfbe6p-3f, 0x1.3b21c6p-7f, 0x1.4bc502p-13f), f,
             poly(g, 0x1.62e432p-1f, 0x1.c6ada6p-5f, 0x1.5fc02ap-10f));
  q = vfma(q, f, splat(1.f));
  const F large = 1.f - 2.f / vfma(q, exponent(as<VI>(shifted)), splat(1.f));
  return vcopysign(vsel(a < 0.7f, small, large), x);
}

template <class F> NABLA_INLINE F verf(F x) {
  const F a = vabs(x);
  // Below 1 a polynomial in a^2; beyond, the root of erfc (shorter than erfc) in a - 1.75. One chain, whose coefficients each lane picks.
  const auto small = a < 1.f;
  const F t = vatMost(a, splat(3.96f)) - 1.75f;
  const F z = vsel(small, a * a, t);
  F q = vsel(small, VF{}, poly(t, -0x1.474f86p-10f, 0x1.b03b58p-12f, 0x1.047f46p-19f, -0x1.8974fp-17f));
  q = vfma(q, z, vsel(small, splat(0x1.4771fep-14f), splat(-0x1.64fd8ap-10f)));
  q = vfma(q, z, vsel(small, splat(-0x1.a3515ep-11f), splat(0x1.9cd87cp-7f)));
  q = vfma(q, z, vsel(small, splat(0x1.53f224p-8f), splat(-0x1.da4e36p-7f)));
  q = vfma(q, z, vsel(small, splat(-0x1.b7f71ap-6f), splat(-0x1.7cee42p-5f)));
  q = vfma(q, z, vsel(small, splat(0x1.ce2ce6p-4f), splat(0x1.63cdd6p-3f)));
  q = vfma(q, z, vsel(small, splat(-0x1.81273ep-2f), splat(-0x1.d41a58p-3f)));
  q = vfma(q, z, vsel(small, splat(0x1.06eba8p-3f), splat(0x1.d8e06p-4f)));
  return vcopysign(vsel(small, vfma(a, q, a), 1.f - q * q), x);
}

// 1 / (1 + e^-x), through e^-|x| so that nothing overflows: at most 2.4 ulp, down to the denormals.
template <class F> NABLA_INLINE F vsigmoid(F x) {
  const F e = expInRange(vatLeast(splat(-0.f) - vabs(x), splat(-104.f)));
  return vsel(as<VI>(x) < 0, e, splat(1.f)) / (1.f + e);
}

// ---- f64 pairs: the lanes of one VF in two VD ----
struct Wide { VD lo, hi; };
NABLA_INLINE Wide widen(VF x) {
  return Wide{vwiden(lowHalf(x)), vwiden(highHalf(x))};
}
NABLA_INLINE VF narrow(VD lo, VD hi) {
  return joinHalves<VF>(vnarrow(lo), vnarrow(hi));
}
NABLA_INLINE VI narrow(VL lo, VL hi) {
  return joinHalves<VI>(__builtin_convertvector(lo, VIHalf), __builtin_convertvector(hi, VIHalf));
}

// x = quadrant * pi/2 + r with |r| <= pi/4, for |x| < 10^6: the product with the 33-bit head is exact.
NABLA_INLINE VD reduceQuarter(VD x, VL& quadrant) {
  const double magic = 6755399441055744.0;  // 1.5 * 2^52
  VD shifted = x * 0x1.45f306dc9c883p-1 + magic;
  VD n = shifted - magic;
  quadrant = (VL)shifted;  // in the low bits
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

struct HugeLanes {
  VF x;
  VI huge, quadrant;
  VD r[2];
};
NABLA_FUNCTION __attribute__((noinline, cold)) void reduceHugeLanes(HugeLanes& l) {
  for (int i = 0; i < VN; i++) {
    if (!l.huge[i]) continue;
    const bool finite = (l.x[i] < 0 ? -l.x[i] : l.x[i]) < __builtin_inff();
    int32_t q = 0;
    l.r[i / (VN / 2)][i % (VN / 2)] = finite ? reduceQuarterHuge(l.x[i], q) : __builtin_nan("");
    l.quadrant[i] = q;
  }
}

NABLA_INLINE VF vsin(VF x) {
  Wide w = widen(x);
  VI huge = ~(vabs(x) < 1e6f);
  VL q0, q1;
  VD r0 = reduceQuarter(w.lo, q0), r1 = reduceQuarter(w.hi, q1);
  VI quadrant = narrow(q0, q1);
  if (vany(huge)) {
    HugeLanes lanes = {x, huge, quadrant, {r0, r1}};
    reduceHugeLanes(lanes);
    quadrant = lanes.quadrant;
    r0 = lanes.r[0], r1 = lanes.r[1];
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

NABLA_EACH(vsin)

// log2 of 2^n * (1 + f), -0.3 <= f < 0.42.
NABLA_INLINE VD log2Wide(VD n, VD f) {
  VD s = f / (f + 2.0), t = s * s;
  VD p = (0x1.5ceba15bee81ap-2 * t + 0x1.a58d582737659p-2) * (t * t) + (0x1.277780586de50p-1 * t + 0x1.ec709d122ac7fp-1);
  return n + s * (p * t + 0x1.71547652bee8ap+1);
}

// 2^t rounded to f32 later: |t| is capped where f32 has long been 0 or infinite. NaN stays.
NABLA_INLINE VD exp2Wide(VD t) {
  t = vatLeast(vatMost(t, VD{} + 300.0), VD{} - 300.0);
  const double magic = 6755399441055744.0;
  VD shifted = t + magic;
  VD f = t - (shifted - magic);
  VD g = f * f;
  VD low = (0x1.c6b0865cafaabp-5 * f + 0x1.ebfbe0a67deebp-3) * g + (0x1.62e42ffc901a7p-1 * f + 0x1.ffffffffab9b1p-1);
  VD high = (0x1.05a019caeb483p-16 * f + 0x1.4487c21ad896ep-13) * g + (0x1.5d850d2bc72e0p-10 * f + 0x1.3b29c1fbbd40ap-7);
  return (high * (g * g) + low) * (VD)(((VL)shifted << 52) + 0x3ff0000000000000LL);
}

// Special cases as in C: x^0 = 1^y = (-1)^(+-inf) = 1; a negative base needs a whole exponent.
NABLA_INLINE VF vpow(VF x, VF y) {
  const VF one = splat(1.f), inf = splat(__builtin_inff());
  VF a = vabs(x), b = vabs(y);
  VI ordinary = (a > 0.f) & (a < inf);
  // a = 2^n * (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); whatever comes of 0, infinity and NaN is replaced below.
  VI denormal = a < 0x1p-126f;
  VU u = (VU)vsel(denormal, a * 0x1p23f, a);
  VI e = (VI)(u - 0x3f3504f3u) >> 23;
  Wide f = widen((VF)(u - ((VU)e << 23)) - 1.f), n = widen(vtof(vsel(denormal, e - 23, e))), wy = widen(y);
  VF r = narrow(exp2Wide(log2Wide(n.lo, f.lo) * wy.lo), exp2Wide(log2Wide(n.hi, f.hi) * wy.hi));
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

NABLA_EACH(vpow)

}  // namespace KNS
