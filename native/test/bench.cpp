// Timing: GFLOP/s of matrix products at one and two threads. Nothing here is asserted: machines are shared.
#include <chrono>

#include "check.h"

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

}  // namespace

void bench(const Isa& isa) {
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
