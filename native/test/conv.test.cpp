// The convolution trio against one naive f64 loop: strides, padding and cropping, dilation, groups, 1 to 3 axes, depthwise.
#include "check.h"

using nabla::ConvTask;

extern bool quick;

namespace {

struct Context {
  float* out;
  idx cols;
  std::atomic<idx> seen;
};
void apply(const void* ctx, float* acc, idx ld, idx batch, idx row, idx rows, idx col, idx cols, Worker&) {
  Context& c = *(Context*)ctx;
  for (idx i = 0; i < rows; i++)
    for (idx j = 0; j < cols; j++) c.out[(row + i) * c.cols + col + j] = acc[i * ld + j];
  c.seen.fetch_add(batch == 0 ? rows * cols : -1000000, std::memory_order_relaxed);
}

// Visits every (x element, w element, y element) that multiply.
template <class F> void visit(const ConvTask& t, F f) {
  idx cg = t.c / t.groups, og = t.o / t.groups;
  for (idx n = 0; n < t.n; n++)
    for (idx p0 = 0; p0 < t.size[0]; p0++)
      for (idx p1 = 0; p1 < t.size[1]; p1++)
        for (idx p2 = 0; p2 < t.size[2]; p2++)
          for (idx k0 = 0; k0 < t.kernel[0]; k0++)
            for (idx k1 = 0; k1 < t.kernel[1]; k1++)
              for (idx k2 = 0; k2 < t.kernel[2]; k2++) {
                idx p[3] = {p0, p1, p2}, k[3] = {k0, k1, k2}, s[3];
                bool inside = true;
                for (int d = 0; d < 3; d++) {
                  s[d] = p[d] * t.stride[d] + k[d] * t.dilation[d] - t.padLo[d];
                  inside = inside && s[d] >= 0 && s[d] < t.in[d];
                }
                if (!inside) continue;
                idx x = ((n * t.in[0] + s[0]) * t.in[1] + s[1]) * t.in[2] + s[2];
                idx w = (k0 * t.kernel[1] + k1) * t.kernel[2] + k2;
                idx y = ((n * t.size[0] + p0) * t.size[1] + p1) * t.size[2] + p2;
                for (idx g = 0; g < t.groups; g++)
                  for (idx c = 0; c < cg; c++)
                    for (idx o = 0; o < og; o++) f(x * t.c + g * cg + c, (w * cg + c) * t.o + g * og + o, y * t.o + g * og + o);
              }
}

uint64_t runCase(const Isa& isa, ConvTask t, Rng& rng, uint64_t hash) {
  idx taps = t.kernel[0] * t.kernel[1] * t.kernel[2];
  idx xs = t.n * t.in[0] * t.in[1] * t.in[2] * t.c, ws = taps * (t.c / t.groups) * t.o, ys = t.n * t.size[0] * t.size[1] * t.size[2] * t.o;
  Buffer<float> x(xs), w(ws), y(ys);
  fill(x, rng), fill(w, rng), fill(y, rng);
  const Buffer<float>* operands[3] = {&x, &w, &y};
  for (int op = 0; op < 3; op++) {
    // op 0: y from x, w; 1: x from y, w; 2: w from x, y.
    int result = op == 0 ? 2 : op == 1 ? 0 : 1;
    t.a = op == 1 ? y.data : x.data;
    t.b = op == 2 ? y.data : w.data;
    idx n = operands[result]->size, cols = result == 0 ? t.c : t.o;
    std::vector<double> want((size_t)n, 0.0), size((size_t)n, 0.0);
    visit(t, [&](idx xi, idx wi, idx yi) {
      idx at = result == 0 ? xi : result == 1 ? wi : yi;
      double term = op == 0 ? (double)x[xi] * (double)w[wi] : op == 1 ? (double)y[yi] * (double)w[wi] : (double)x[xi] * (double)y[yi];
      want[(size_t)at] += term, size[(size_t)at] += std::fabs(term);
    });
    auto kernel = op == 0 ? isa.table->conv : op == 1 ? isa.table->convInputGrad : isa.table->convFilterGrad;
    Buffer<float> first(n);
    int threads[] = {1, 2, 3};
    for (int mode = 0; mode < 5; mode++) {
      // Modes: plain at 1, 2, 3 threads; epilogue inside out; epilogue on scratch.
      Buffer<float> out(n), copied(n);
      for (idx i = 0; i < n; i++) out[i] = copied[i] = -77.f;
      Context context{copied.data, cols, {0}};
      t.epilogue = {nullptr, nullptr};
      if (mode >= 3) t.epilogue = {apply, &context};
      t.out = mode == 4 ? nullptr : out.data;
      spmd(mode < 3 ? threads[mode] : 2, isa.table->convScratch(t), [&](Worker& wk) { kernel(t, wk); });
      const Buffer<float>& got = mode >= 3 ? copied : out;
      if (mode >= 3) CHECK(context.seen == n, "conv %d epilogue saw %td of %td", op, (idx)context.seen, n);
      if (mode > 0) {
        CHECK(sameBits(first, got), "%s conv %d mode %d differs: n %td c %td o %td g %td", isa.table->name, op, mode, t.n, t.c, t.o, t.groups);
        continue;
      }
      std::memcpy(first.data, out.data, (size_t)n * sizeof(float));
      double worst = 0;
      for (size_t i = 0; i < (size_t)n; i++) worst = std::max(worst, std::fabs((double)out[(idx)i] - want[i]) / (size[i] * 1e-6 + 1e-30));
      CHECK(worst <= 1, "%s conv %d: n %td in %tdx%tdx%td kernel %tdx%tdx%td c %td o %td g %td: error %g", isa.table->name, op, t.n, t.in[0],
            t.in[1], t.in[2], t.kernel[0], t.kernel[1], t.kernel[2], t.c, t.o, t.groups, worst);
    }
    hash = hashBytes(hash, first.data, (size_t)n * sizeof(float));
  }
  return hash;
}

// Random geometry with the result size that high padding `hi` implies; now and then one without results.
bool geometry(ConvTask& t, Rng& rng, int axes, idx biggest) {
  for (int d = 0; d < 3; d++) {
    if (d < 3 - axes) {
      t.in[d] = t.kernel[d] = t.size[d] = t.stride[d] = t.dilation[d] = 1, t.padLo[d] = 0;
      continue;
    }
    t.in[d] = rng.between(rng.below(9) == 0 ? 0 : 1, biggest);
    t.kernel[d] = rng.between(1, 4);
    t.stride[d] = rng.between(1, 3);
    t.dilation[d] = rng.between(1, 2);
    t.padLo[d] = rng.between(-1, 2);
    idx hi = rng.between(-1, 2), span = t.in[d] + t.padLo[d] + hi - (t.kernel[d] - 1) * t.dilation[d] - 1;
    if (span < 0 && rng.coin()) return false;
    t.size[d] = span < 0 ? 0 : span / t.stride[d] + 1;
  }
  return true;
}

}  // namespace

uint64_t testConv(const Isa& isa) {
  Rng rng(21);
  uint64_t hash = HASH_START;
  for (int round = 0; round < (quick ? 60 : 250); round++) {
    ConvTask t{};
    int axes = (int)rng.between(1, 3);
    if (!geometry(t, rng, axes, axes == 3 ? 5 : 11)) continue;
    t.n = rng.between(0, 3);
    t.groups = rng.below(3) == 0 ? rng.between(1, 4) : 1;
    t.c = t.groups * rng.between(1, 9), t.o = t.groups * rng.between(1, 21);
    if (rng.below(5) == 0) t.groups = t.c = t.o = rng.between(2, 40);
    hash = runCase(isa, t, rng, hash);
  }
  // Images abreast: strips of every width, channels that end inside a vector, results turned and not.
  for (int round = 0; round < (quick ? 60 : 250); round++) {
    ConvTask t{};
    int axes = (int)rng.between(1, 3);
    if (!geometry(t, rng, axes, axes == 3 ? 3 : axes == 2 ? 6 : 11)) continue;
    t.n = rng.between(8, 35);
    t.groups = rng.below(4) == 0 ? rng.between(2, 3) : 1;
    t.c = t.groups * rng.between(1, 18), t.o = t.groups * rng.between(1, 36);
    hash = runCase(isa, t, rng, hash);
  }
  struct {
    idx n, h, w, k, c, o, groups, stride, pad;
  } large[] = {{2, 9, 10, 3, 40, 300, 1, 1, 1}, {2, 14, 14, 5, 1, 17, 1, 1, 2}, {1, 4, 4, 3, 600, 9, 1, 1, 1}, {1, 6, 5, 1, 33, 65, 1, 2, 0}, {2, 8, 8, 3, 300, 300, 300, 1, 1},
               // Abreast: many columns, several passes over k, lines cut in chunks; a filter's line cut in chunks; depthwise strides.
               {9, 3, 4, 3, 20, 300, 1, 1, 1}, {8, 3, 3, 3, 400, 18, 1, 1, 1}, {8, 2, 120, 3, 64, 5, 1, 2, 1}, {1, 2, 600, 2, 9, 33, 1, 1, 0}, {3, 9, 11, 3, 37, 37, 37, 2, 1},
               // Stacked: a line cut in chunks, columns packed, many rows, strides, more pixels than one pass sums.
               {1, 2, 600, 3, 2, 5, 1, 1, 1}, {2, 6, 7, 3, 3, 70, 1, 1, 1}, {1, 9, 11, 5, 7, 34, 1, 1, 2}, {3, 9, 23, 4, 6, 9, 3, 3, 2}, {5, 21, 17, 3, 3, 16, 1, 1, 1}};
  for (auto& s : large) {
    ConvTask t{};
    t.n = s.n, t.c = s.c, t.o = s.o, t.groups = s.groups;
    idx in[] = {1, s.h, s.w}, kernel[] = {1, s.k, s.k}, stride[] = {1, s.stride, s.stride}, pad[] = {0, s.pad, s.pad};
    for (int d = 0; d < 3; d++) {
      t.in[d] = in[d], t.kernel[d] = kernel[d], t.stride[d] = stride[d], t.padLo[d] = pad[d], t.dilation[d] = 1;
      t.size[d] = (in[d] + 2 * pad[d] - kernel[d]) / stride[d] + 1;
    }
    hash = runCase(isa, t, rng, hash);
  }
  return hash;
}
