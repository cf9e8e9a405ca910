// Timing: elementary functions, reductions and random words in the first cache on one thread, then GFLOP/s of matrix products at one
// and two threads. Nothing here is asserted: machines are shared.
#include <chrono>

#include "../generated/opcodes.h"
#include "check.h"
#include "probe.h"

using nabla::GemmTask;

namespace {

double secondsPerCall(const Isa& isa, const GemmTask& t, int threads) {
  using clock = std::chrono::steady_clock;
  double best = 1e30;
  double flops = 2.0 * (double)t.m * (double)t.n * (double)t.k;
  int calls = (int)std::max(3.0, 4e8 * threads / flops);
  Gate gate;
  gate.count = threads;
  for (int round = 0; round < 7; round++) {
    clock::time_point begin, end;
    spmd(threads, isa.table->gemmScratch(t), [&](Worker& w) {
      gate.wait();
      if (w.index == 0) begin = clock::now();
      for (int c = 0; c < calls; c++) {
        isa.table->gemm(t, w);
        gate.wait();
      }
      if (w.index == 0) end = clock::now();
    });
    best = std::min(best, std::chrono::duration<double>(end - begin).count() / calls);
  }
  return best;
}

void row(const Isa& isa, const char* what, idx m, idx n, idx k, bool at, bool bt) {
  Rng rng(1);
  Buffer<float> a(m * k, 16), b(k * n, 16), c(m * n, 16);
  fill(a, rng), fill(b, rng);
  GemmTask t{};
  t.m = m, t.n = n, t.k = k;
  t.a = a.data, t.b = b.data, t.out = c.data;
  t.aRow = at ? 1 : k, t.aCol = at ? m : 1, t.bRow = bt ? 1 : n, t.bCol = bt ? k : 1;
  t.outRow = n, t.outCol = 1;
  double flops = 2.0 * (double)m * (double)n * (double)k;
  double one = secondsPerCall(isa, t, 1), two = secondsPerCall(isa, t, 2);
  std::printf("  %-28s %4tdx%4tdx%4td%s%s  %7.1f %7.1f GFLOP/s   %8.2f %8.2f us\n", what, m, n, k, at ? " A^T" : "", bt ? " B^T" : "", flops / one / 1e9,
              flops / two / 1e9, one * 1e6, two * 1e6);
}

// Of several rounds the quickest, in seconds a call.
template <class F> double quickest(F f) {
  using clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int round = 0; round < 9; round++) {
    const clock::time_point begin = clock::now();
    for (int c = 0; c < 500; c++) f();
    best = std::min(best, std::chrono::duration<double>(clock::now() - begin).count() / 500);
  }
  return best;
}

void functions(const Isa& isa) {
  constexpr idx n = 2048;
  const Probe& p = *isa.probe;
  Rng rng(2);
  alignas(64) static float x[n], positive[n], exponent[n], y[n];
  for (idx i = 0; i < n; i++) x[i] = 8 * rng.uniform(), positive[i] = std::fabs(x[i]) + 1e-3f, exponent[i] = 3 * rng.uniform();
  const char* const names[] = {"exp", "log", "sin", "tanh", "erf", "floor", "sqrt", "sigmoid"};
  for (int f = 0; f < 8; f++) {
    const float* from = f == 1 || f == 6 ? positive : x;
    std::printf("  %-28s %6.2f Gelem/s\n", names[f], n / quickest([&] { p.unary[f](from, y, n); }) * 1e-9);
  }
  std::printf("  %-28s %6.2f Gelem/s\n", "pow", n / quickest([&] { p.pow(positive, exponent, y, n); }) * 1e-9);
  std::printf("  %-28s %6.2f Gelem/s\n", "maximum", n / quickest([&] { p.maximum(x, exponent, y, n); }) * 1e-9);
  std::printf("  %-28s %6.3f ns/word\n", "random", quickest([&] { p.random(0, n, 1, 2, (uint32_t*)y); }) / n * 1e9);
}

void reductions(const Isa& isa) {
  const Probe& p = *isa.probe;
  Rng rng(3);
  alignas(64) static float x[4096], y[4096];
  for (float& v : x) v = rng.uniform();
  const uint32_t* s = (const uint32_t*)x;
  uint32_t* d = (uint32_t*)y;
  struct Kind {
    const char* name;
    int32_t op;
  };
  for (const Kind& k : {Kind{"sum", nabla::OP_reduceSum_f}, Kind{"max", nabla::OP_reduceMax_f}, Kind{"argMax", nabla::OP_argMax_f}}) {
    auto say = [&](const char* what, idx elements, double seconds) {
      std::printf("  %-6s %-21s %7.1f GB/s\n", k.name, what, 4e-9 * (double)elements / seconds);
    };
    say("of a row of 1024", 1024, quickest([&] { p.foldLong(k.op, s, 1024, d); }));
    say("of 4 rows of 64", 256, quickest([&] { p.foldRows(k.op, s, 4, 64, d); }));
    say("of 25 rows of 10", 250, quickest([&] { p.foldRows(k.op, s, 25, 10, d); }));
    say("of 256 columns of 16", 4096, quickest([&] { p.foldColumns(k.op, s, 256, 16, d); }));
    say("of 10 columns of 25", 250, quickest([&] { p.foldStack(k.op, s, 10, 25, d); }));
  }
}

}  // namespace

void bench(const Isa& isa) {
  functions(isa);
  reductions(isa);
  for (idx n : {128, 256, 512, 768, 1024}) row(isa, "square", n, n, n, false, false);
  row(isa, "layer 1, batch 32", 32, 128, 784, false, false);
  row(isa, "layer 1 dW, batch 32", 784, 128, 32, true, false);
  row(isa, "layer 2, batch 32", 32, 128, 128, false, false);
  row(isa, "layer 2 dX, batch 32", 32, 128, 128, false, true);
  row(isa, "layer 2 dW, batch 32", 128, 128, 32, true, false);
  row(isa, "head, batch 32", 32, 10, 128, false, false);
  row(isa, "head dX, batch 32", 32, 128, 10, false, true);
  row(isa, "head dW, batch 32", 128, 10, 32, true, false);
  row(isa, "layer 1, batch 128", 128, 128, 784, false, false);
  row(isa, "layer 1 dW, batch 128", 784, 128, 128, true, false);
  row(isa, "dX 784, batch 128", 128, 784, 128, false, true);
  row(isa, "head dW, batch 128", 128, 10, 128, true, false);
  row(isa, "deep", 64, 64, 1024, false, false);
  row(isa, "gemv row", 1, 1024, 1024, false, false);
  row(isa, "gemv column", 1024, 1, 1024, false, false);
  row(isa, "tiny net forward", 1000, 5, 10, false, false);
  row(isa, "tiny net dW", 10, 5, 1000, true, false);
}
