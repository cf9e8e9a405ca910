// Vector functions against libm in f64, over the whole range of floats.
#include "check.h"
#include "probe.h"

namespace {

float asFloat(uint32_t u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
uint32_t asBits(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  return u;
}

constexpr idx CHUNK = 4096;

// Every stride-th float, and the special ones.
template <class F> void sweep(uint32_t stride, F visit) {
  std::vector<float> x(CHUNK);
  uint64_t bits = 0;
  const float special[] = {0.f, -0.f, 1.f, -1.f, INFINITY, -INFINITY, NAN, 0x1p-149f, -0x1p-149f, 0x1p-126f, 0x1.fffffep127f,
                           88.72284f, -103.97208f, -87.33655f, 0.7f, 1.f, 3.9192059f, 1e5f, 1e6f, 1.57079637f, 3.14159274f};
  idx at = 0;
  for (float f : special) x[(size_t)at++] = f;
  while (bits < (1ull << 32)) {
    while (at < CHUNK) {
      x[(size_t)at++] = asFloat((uint32_t)bits);
      if (bits < (1ull << 32)) bits += stride;
    }
    visit(x.data());
    at = 0;
  }
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Row {
  const char* name;
  double (*want)(double);
  double bound;
};
const Row rows[8] = {{"exp", std::exp, 1.01},   {"log", std::log, 0.9},     {"sin", std::sin, 1.2},   {"tanh", std::tanh, 1.5},
                     {"erf", std::erf, 1.2},   {"floor", std::floor, 0.0}, {"sqrt", std::sqrt, 0.5}, {"sigmoid", sigmoid, 2.4}};

void testUnary(const Isa& isa, uint32_t stride) {
  for (int f = 0; f < 8; f++) {
    double worst = 0;
    float at = 0;
    std::vector<float> y(CHUNK);
    sweep(stride, [&](const float* x) {
      isa.probe->unary[f](x, y.data(), CHUNK);
      for (idx i = 0; i < CHUNK; i++) {
        double want = rows[f].want((double)x[i]);
        double ulps = ulpsBetween(y[(size_t)i], want);
        if (ulps > worst) worst = ulps, at = x[i];
        if (want == 0 && x[i] == 0 && std::signbit(want) != std::signbit(y[(size_t)i])) worst = 1e30, at = x[i];
      }
    });
    std::printf("  %-8s max %.3f ulp at %a\n", rows[f].name, worst, (double)at);
    CHECK(worst <= rows[f].bound, "%s %s: %g ulp at %a", isa.table->name, rows[f].name, worst, (double)at);
  }
}

void testPow(const Isa& isa, int rounds) {
  std::vector<float> a(CHUNK), b(CHUNK), y(CHUNK);
  double worst = 0;
  float atA = 0, atB = 0;
  auto visit = [&] {
    isa.probe->pow(a.data(), b.data(), y.data(), CHUNK);
    for (size_t i = 0; i < (size_t)CHUNK; i++) {
      double want = std::pow((double)a[i], (double)b[i]);
      double ulps = ulpsBetween(y[i], want);
      if (want == 0 && std::signbit(want) != std::signbit(y[i])) ulps = 1e30;
      if (std::isinf(want) && (double)y[i] != want) ulps = 1e30;
      if (ulps > worst) worst = ulps, atA = a[i], atB = b[i];
    }
  };
  const float special[] = {0.f, -0.f, 1.f, -1.f, 2.f, -2.f, 3.f, -3.f, 0.5f, -0.5f, 1.5f, -1.5f, INFINITY, -INFINITY, NAN,
                           0x1p-149f, -0x1p-149f, 0x1.fffffep127f, -0x1.fffffep127f, 16777215.f, -16777215.f, 16777216.f,
                           8388607.f, -8388607.f, 8388607.5f, 127.f, 128.f, -149.f, -150.f, 0.99999994f, 1.0000001f, 1e9f, -1e9f, 10.f};
  constexpr size_t S = sizeof special / sizeof *special;
  static_assert(S * S <= (size_t)CHUNK, "one chunk");
  for (size_t i = 0; i < (size_t)CHUNK; i++) a[i] = special[i / S % S], b[i] = special[i % S];
  visit();
  Rng rng(7);
  for (int round = 0; round < rounds; round++) {
    for (size_t i = 0; i < (size_t)CHUNK; i++) {
      a[i] = asFloat(rng.bits());
      b[i] = asFloat(rng.bits());
      if (round % 3 == 1) a[i] = std::fabs(a[i]), b[i] = rng.uniform() * 88.f / (std::fabs(std::log2(a[i])) + 1e-3f);
      if (round % 3 == 2) a[i] = 1.f + rng.uniform() * 0.01f, b[i] = rng.uniform() * 9000.f;
    }
    visit();
  }
  std::printf("  %-8s max %.3f ulp at %a, %a\n", "pow", worst, (double)atA, (double)atB);
  CHECK(worst <= 0.6, "%s pow: %g ulp at %a, %a", isa.table->name, worst, (double)atA, (double)atB);
}

int32_t saturated(float x) {
  if (std::isnan(x)) return 0;
  if (x >= 0x1p31f) return INT32_MAX;
  if (x < -0x1p31f) return INT32_MIN;
  return (int32_t)x;
}
uint32_t saturatedU(float x) {
  if (!(x > 0)) return 0;
  if (x >= 0x1p32f) return UINT32_MAX;
  return (uint32_t)x;
}

// f32 to half by halves: the nearest of the candidates around x, ties to the even one.
uint16_t halfOf(float x, const std::vector<double>& values) {
  uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x)) return 0x7e00 | sign;
  double m = std::fabs((double)x);
  if (m >= 65520) return 0x7c00 | sign;
  size_t lo = 0, hi = 0x7bff;
  while (lo < hi) {
    size_t mid = (lo + hi + 1) / 2;
    if (values[mid] <= m) lo = mid;
    else hi = mid - 1;
  }
  if (lo < 0x7bff) {
    double below = m - values[lo], above = values[lo + 1] - m;
    if (above < below || (above == below && (lo & 1))) lo++;
  } else if (m - values[lo] >= 16) {
    lo = 0x7c00;
  }
  return (uint16_t)lo | sign;
}

void testConversions(const Isa& isa, uint32_t stride) {
  const Probe& p = *isa.probe;
  std::vector<double> halves(0x7c00);
  for (unsigned h = 0; h < 0x7c00; h++) {
    int e = (int)(h >> 10);
    halves[h] = e == 0 ? std::ldexp(h, -24) : std::ldexp(1024 + (h & 1023), e - 25);
  }
  std::vector<int32_t> i32(CHUNK);
  std::vector<uint32_t> u32(CHUNK);
  std::vector<uint16_t> h16(CHUNK), b16(CHUNK);
  std::vector<float> back(CHUNK);
  int bad[4] = {};
  sweep(stride, [&](const float* x) {
    p.toI32(x, i32.data(), CHUNK);
    p.toU32(x, u32.data(), CHUNK);
    p.toF16(x, h16.data(), CHUNK);
    p.toBF16(x, b16.data(), CHUNK);
    for (size_t i = 0; i < (size_t)CHUNK; i++) {
      bad[0] += i32[i] != saturated(x[i]);
      bad[1] += u32[i] != saturatedU(x[i]);
      bad[2] += h16[i] != halfOf(x[i], halves);
      if (std::isnan(x[i])) {
        bad[3] += !std::isnan(asFloat((uint32_t)b16[i] << 16));
      } else {
        uint32_t u = asBits(x[i]), low = u & 0xffff, want = u >> 16;
        want += low > 0x8000 || (low == 0x8000 && (want & 1));
        bad[3] += b16[i] != want;
      }
    }
  });
  CHECK(bad[0] == 0, "%s f32 -> i32: %d wrong", isa.table->name, bad[0]);
  CHECK(bad[1] == 0, "%s f32 -> u32: %d wrong", isa.table->name, bad[1]);
  CHECK(bad[2] == 0, "%s f32 -> f16: %d wrong", isa.table->name, bad[2]);
  CHECK(bad[3] == 0, "%s f32 -> bf16: %d wrong", isa.table->name, bad[3]);

  int wrong = 0;
  for (uint32_t base = 0; base < 65536; base += CHUNK) {
    for (uint32_t i = 0; i < CHUNK; i++) h16[i] = (uint16_t)(base + i);
    p.fromF16(h16.data(), back.data(), CHUNK);
    for (uint32_t i = 0; i < CHUNK; i++) {
      uint32_t m = h16[i] & 0x7fff;
      double want = m > 0x7c00 ? NAN : m == 0x7c00 ? INFINITY : halves[m];
      if (h16[i] >> 15) want = -want;
      wrong += std::isnan(want) ? !std::isnan(back[i]) : (double)back[i] != want || std::signbit(back[i]) != std::signbit(want);
    }
    p.fromBF16(h16.data(), back.data(), CHUNK);
    for (uint32_t i = 0; i < CHUNK; i++) wrong += asBits(back[i]) != (uint32_t)h16[i] << 16;
  }
  CHECK(wrong == 0, "%s f16, bf16 -> f32: %d wrong", isa.table->name, wrong);

  Rng rng(3);
  for (int round = 0; round < 50; round++) {
    for (size_t i = 0; i < (size_t)CHUNK; i++) u32[i] = rng.bits() >> (rng.bits() & 31), i32[i] = (int32_t)(u32[i] * (rng.coin() ? 1u : -1u));
    u32[0] = UINT32_MAX, u32[1] = 0x80000000u, u32[2] = 16777217, u32[3] = 0, i32[0] = INT32_MIN, i32[1] = INT32_MAX, i32[2] = -1;
    p.fromI32(i32.data(), back.data(), CHUNK);
    for (size_t i = 0; i < (size_t)CHUNK; i++) wrong += back[i] != (float)i32[i];
    p.fromU32(u32.data(), back.data(), CHUNK);
    for (size_t i = 0; i < (size_t)CHUNK; i++) wrong += back[i] != (float)u32[i];
  }
  CHECK(wrong == 0, "%s i32, u32 -> f32: %d wrong", isa.table->name, wrong);
}

void testOthers(const Isa& isa) {
  const Probe& p = *isa.probe;
  std::vector<float> a(CHUNK), b(CHUNK), hi(CHUNK), lo(CHUNK);
  const float special[] = {0.f, 1.f, -1.f, INFINITY, -INFINITY, NAN, 3.5f, -3.5f};
  for (size_t i = 0; i < (size_t)CHUNK; i++) a[i] = special[i / 8 % 8], b[i] = special[i % 8];
  p.maximum(a.data(), b.data(), hi.data(), CHUNK);
  p.minimum(a.data(), b.data(), lo.data(), CHUNK);
  int wrong = 0;
  for (size_t i = 0; i < (size_t)CHUNK; i++) {
    bool nan = std::isnan(a[i]) || std::isnan(b[i]);
    wrong += nan ? !std::isnan(hi[i]) || !std::isnan(lo[i]) : hi[i] != std::fmax(a[i], b[i]) || lo[i] != std::fmin(a[i], b[i]);
  }
  CHECK(wrong == 0, "%s max, min: %d wrong", isa.table->name, wrong);

  std::vector<int32_t> n(CHUNK), d(CHUNK), q(CHUNK);
  std::vector<uint32_t> un(CHUNK), ud(CHUNK), uq(CHUNK);
  const int32_t whole[] = {0, 1, -1, 7, -7, INT32_MIN, INT32_MAX, 3};
  Rng rng(5);
  for (size_t i = 0; i < (size_t)CHUNK; i++) {
    n[i] = i < 64 ? whole[i / 8] : (int32_t)rng.bits();
    d[i] = i < 64 ? whole[i % 8] : (int32_t)rng.bits() >> (rng.bits() & 31);
    un[i] = (uint32_t)n[i], ud[i] = (uint32_t)d[i];
  }
  p.divide(n.data(), d.data(), q.data(), CHUNK);
  p.divideU(un.data(), ud.data(), uq.data(), CHUNK);
  for (size_t i = 0; i < (size_t)CHUNK; i++) {
    wrong += q[i] != (d[i] == 0 ? 0 : (int32_t)((int64_t)n[i] / d[i]));
    wrong += uq[i] != (ud[i] == 0 ? 0 : un[i] / ud[i]);
  }
  CHECK(wrong == 0, "%s integer division: %d wrong", isa.table->name, wrong);

  // Far out the functions are what they tend to.
  const float inf = INFINITY;
  const float far[16] = {inf, -inf, 4.f, -4.f, 10.f, -10.f, 1e30f, -1e30f, inf, -inf, 1e3f, -1e3f, 20.f, -20.f, 1e9f, -1e9f};
  float limit[16];
  for (int f : {3, 4}) {  // tanh, erf
    p.unary[f](far, limit, 16);
    for (int i = 0; i < 16; i++) wrong += (f == 4 || (i != 2 && i != 3)) && limit[i] != std::copysign(1.f, far[i]);
  }
  CHECK(wrong == 0, "%s limits of tanh and erf: %d wrong", isa.table->name, wrong);

  float lanes[16], t[16];
  for (float& x : lanes) x = rng.uniform();
  std::memcpy(t, lanes, sizeof t);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; i++) t[i] += t[i + half];
  CHECK(p.sum16(lanes) == t[0], "%s lane tree", isa.table->name);
}

}  // namespace

extern bool quick;

void testMath(const Isa& isa) {
  uint32_t stride = quick ? 4099 : 307;  // odd: visits every exponent and many low bits
  testUnary(isa, stride);
  testPow(isa, quick ? 60 : 600);
  testConversions(isa, stride);
  testOthers(isa);
}
