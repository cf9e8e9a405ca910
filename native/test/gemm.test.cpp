// Matrix products against f64 loops: shapes, layouts, batches, epilogues, thread counts.
#include "check.h"

using nabla::GemmTask;

extern bool quick;

namespace {

struct Case {
  idx m, n, k;
  idx batch[2];       // {1, 1} for none
  int layoutA, layoutB, layoutC;  // 0 row-major, 1 column-major, 2 both strides odd, 3 broadcast along one stride
  bool sharedA;       // batch stride 0
  int epilogue;       // 0 none, 1 in out, 2 scratch only
  bool bf16 = false;
  float scale = 1;    // of the operands
};

// The nearest bfloat16, ties to even; what is below 2^-126 counts as 0.
double rounded(float x) {
  if (std::fabs(x) < 0x1p-126f) return 0;
  uint32_t u;
  std::memcpy(&u, &x, 4);
  u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000;
  std::memcpy(&x, &u, 4);
  return x;
}

struct Context {
  float* out;
  idx m, n;
  const float* bias;
  std::atomic<idx> seen;
};

// out = 2 * acc + bias[col], at the logical place.
void apply(const void* ctx, float* acc, idx ld, idx batch, idx row, idx rows, idx col, idx cols, Worker&) {
  Context& c = *(Context*)ctx;
  for (idx i = 0; i < rows; i++)
    for (idx j = 0; j < cols; j++)
      c.out[(batch * c.m + row + i) * c.n + col + j] = 2 * acc[i * ld + j] + c.bias[col + j];
  c.seen.fetch_add(rows * cols, std::memory_order_relaxed);
}

struct Layout {
  idx row, col, size;
};
Layout layoutOf(int kind, idx rows, idx cols) {
  if (kind == 0) return {cols, 1, rows * cols};
  if (kind == 1) return {1, rows, rows * cols};
  if (kind == 2) return {2, 2 * rows + 1, (rows - 1) * 2 + (cols - 1) * (2 * rows + 1) + 1};
  return {0, 1, cols};
}

uint64_t runCase(const Isa& isa, const Case& c, Rng& rng, uint64_t hash) {
  Layout la = layoutOf(c.layoutA, c.m, c.k), lb = layoutOf(c.layoutB, c.k, c.n), lc = layoutOf(c.layoutC, c.m, c.n);
  idx batches = c.batch[0] * c.batch[1];
  auto size = [](Layout l, idx n) { return l.size > 0 ? l.size * n : 0; };
  Buffer<float> a(size(la, c.sharedA ? 1 : batches)), b(size(lb, batches)), bias(c.n);
  fill(a, rng), fill(b, rng), fill(bias, rng);
  for (idx i = 0; i < a.size; i++) a[i] *= c.scale;
  for (idx i = 0; i < b.size; i++) b[i] *= c.scale;
  GemmTask t{};
  t.batchRank = batches == 1 ? 0 : 2;
  for (int d = 0; d < 2; d++) {
    idx inner = d == 0 ? c.batch[1] : 1;
    t.batch[d] = c.batch[d];
    t.aBatch[d] = c.sharedA ? 0 : la.size * inner;
    t.bBatch[d] = lb.size * inner;
    t.outBatch[d] = lc.size * inner;
  }
  t.m = c.m, t.n = c.n, t.k = c.k;
  t.a = a.data, t.b = b.data;
  t.aRow = la.row, t.aCol = la.col, t.bRow = lb.row, t.bCol = lb.col;
  t.outRow = lc.row, t.outCol = lc.col;
  t.bf16 = c.bf16;
  idx total = size(lc, batches);
  Buffer<float> first(total);
  for (int threads : {1, 2, 3, 5}) {
    Buffer<float> out(total), other(c.epilogue ? batches * c.m * c.n : 0);
    for (idx i = 0; i < total; i++) out[i] = -77.f;
    t.out = c.epilogue == 2 ? nullptr : out.data;
    Context context{c.epilogue == 2 ? out.data : other.data, c.m, c.n, bias.data, {0}};
    if (c.epilogue) t.epilogue = {apply, &context};
    spmd(threads, isa.table->gemmScratch(t), [&](Worker& w) { isa.table->gemm(t, w); });
    if (c.epilogue) CHECK(context.seen == batches * c.m * c.n, "epilogue saw %td of %td", (idx)context.seen, batches * c.m * c.n);
    if (threads > 1) {
      CHECK(sameBits(first, out), "%s gemm %tdx%tdx%td layouts %d%d%d: 1 and %d threads differ", isa.table->name, c.m, c.n, c.k,
            c.layoutA, c.layoutB, c.layoutC, threads);
      continue;
    }
    std::memcpy(first.data, out.data, (size_t)total * sizeof(float));
    double worst = 0;
    for (idx q = 0; q < batches; q++)
      for (idx i = 0; i < c.m; i++)
        for (idx j = 0; j < c.n; j++) {
          double sum = 0, size = 0;
          for (idx p = 0; p < c.k; p++) {
            const float fa = a[(c.sharedA ? 0 : q) * la.size + i * la.row + p * la.col], fb = b[q * lb.size + p * lb.row + j * lb.col];
            double x = c.bf16 ? rounded(fa) * rounded(fb) : (double)fa * (double)fb;
            sum += x, size += std::fabs(x);
          }
          float got = out[q * lc.size + i * lc.row + j * lc.col];
          if (c.epilogue) {
            if (c.epilogue == 1) got = other[(q * c.m + i) * c.n + j];
            sum = 2 * sum + (double)bias[j], size = 2 * size + 1;
          }
          worst = std::max(worst, std::fabs((double)got - sum) / (size * 1e-6 + (c.bf16 ? (double)c.k * 0x1p-125 : 0) + 1e-44));
        }
    CHECK(worst <= 1, "%s gemm %tdx%tdx%td batch %tdx%td layouts %d%d%d epilogue %d bf16 %d: error %g", isa.table->name, c.m, c.n, c.k,
          c.batch[0], c.batch[1], c.layoutA, c.layoutB, c.layoutC, c.epilogue, c.bf16, worst);
  }
  return hashBytes(hash, first.data, (size_t)total * sizeof(float));
}

void path(const Isa& isa, idx m, idx n, idx k, int layoutA, int layoutB, bool bf16, const char* want) {
  Layout la = layoutOf(layoutA, m, k), lb = layoutOf(layoutB, k, n);
  float out;
  GemmTask t{};
  t.m = m, t.n = n, t.k = k;
  t.aRow = la.row, t.aCol = la.col, t.bRow = lb.row, t.bCol = lb.col;
  t.out = &out, t.outRow = n, t.outCol = 1;
  t.bf16 = bf16;
  const char* got = isa.table->gemmPath(t);
  CHECK(std::strstr(got, want) == got, "%s gemm %tdx%tdx%td layouts %d%d: %s, not %s", isa.table->name, m, n, k, layoutA, layoutB, got, want);
}

void testPaths(const Isa& isa) {
  path(isa, 512, 512, 512, 0, 0, false, "packed A and B, ");
  path(isa, 48, 32, 784, 1, 0, false, isa.table->vectorBytes == 64 ? "direct, " : "packed B, ");
  path(isa, 1000, 5, 10, 0, 0, false, isa.table->vectorBytes == 64 ? "several rows a vector" : "packed B, ");
  path(isa, 512, 512, 512, 0, 0, true, "packed A and B ");
  path(isa, 10, 5, 1000, 1, 0, false, "few results in 8 slices of k");
  path(isa, 506, 1, 13, 0, 0, false, "dot products over 16 lanes");
  path(isa, 1, 784, 128, 0, 1, false, "dot products over 16 lanes");
  path(isa, 1, 128, 784, 0, 0, false, "gemv across the rows");
  path(isa, 1, 128, 784, 0, 0, true, "packed A and B ");
}

}  // namespace

uint64_t testGemm(const Isa& isa) {
  Rng rng(11);
  uint64_t hash = HASH_START;
  const idx sizes[] = {0, 1, 2, 3, 5, 7, 8, 13, 14, 15, 16, 17, 29, 31, 32, 33, 47, 64, 65, 100};
  constexpr idx S = sizeof sizes / sizeof *sizes;
  const int rounds = quick ? 300 : 1500;
  for (int i = 0; i < rounds; i++) {
    Case c{sizes[rng.below(S)], sizes[rng.below(S)], sizes[rng.below(S)], {1, 1}, (int)rng.below(4), (int)rng.below(4), (int)rng.below(3), false, (int)rng.below(3)};
    if (rng.below(3) == 0) c.batch[0] = rng.between(0, 3), c.batch[1] = rng.between(1, 4), c.sharedA = rng.coin();
    if (c.epilogue) c.layoutC = 0;
    c.bf16 = rng.below(4) == 0;
    hash = runCase(isa, c, rng, hash);
  }
  // Several passes over k, several blocks of rows and columns, vectors, and the shapes of the first training job.
  const Case large[] = {
      {33, 70, 1300, {1, 1}, 0, 0, 0, false, 0},  {33, 70, 1300, {1, 1}, 1, 1, 0, false, 1},  {200, 300, 530, {1, 1}, 0, 0, 0, false, 2},
      {520, 290, 600, {1, 1}, 0, 1, 2, false, 0}, {40, 1100, 30, {1, 1}, 1, 0, 0, false, 1},  {300, 40, 520, {1, 1}, 2, 2, 0, false, 0},
      {32, 128, 784, {1, 1}, 0, 0, 0, false, 1},  {784, 128, 32, {1, 1}, 1, 0, 0, false, 2},  {128, 784, 128, {1, 1}, 0, 1, 0, false, 0},
      {1, 1000, 333, {1, 1}, 0, 0, 0, false, 1},  {1, 1000, 333, {1, 1}, 0, 1, 0, false, 2},  {1000, 1, 333, {1, 1}, 0, 0, 0, false, 1},
      {1000, 1, 333, {1, 1}, 1, 2, 1, false, 0},  {1000, 1, 5, {1, 1}, 0, 0, 0, false, 2},    {10, 5, 1000, {1, 1}, 1, 0, 0, false, 1},
      {1, 1, 5000, {1, 1}, 0, 0, 0, false, 1},    {17, 1, 200, {3, 2}, 0, 0, 2, true, 0},     {64, 48, 20, {2, 5}, 0, 1, 0, true, 2},
      {5, 2000, 70, {1, 1}, 3, 0, 0, false, 2},   {600, 3, 700, {1, 1}, 0, 3, 0, false, 1},
  };
  for (const Case& c : large) hash = runCase(isa, c, rng, hash);
  // Each way of its own: few columns, few results of a long sum, short and long dot products, a matrix read in whole rows.
  const idx ways[][3] = {{1000, 5, 10}, {700, 8, 31}, {90, 3, 64}, {1100, 2, 1}, {333, 5, 1}, {10, 5, 1000}, {5, 1, 1000}, {7, 32, 129}, {32, 6, 64},
                         {1, 17, 200}, {1000, 1, 5}, {506, 1, 13}, {77, 1, 16}, {77, 1, 17}, {1, 1, 13}, {1, 1100, 250}, {1, 2048, 133}, {200, 700, 129}};
  for (const auto& way : ways)
    for (int layout = 0; layout < 4; layout++)
      for (int epilogue = 0; epilogue < 3; epilogue++)
        hash = runCase(isa, {way[0], way[1], way[2], {1, 1}, layout % 2, layout / 2, 0, false, epilogue}, rng, hash);
  // Rounded operands: several passes over k, odd k, and products where the smallest floats end.
  const idx deep[][3] = {{33, 70, 2500}, {200, 300, 1031}, {15, 17, 3}, {1, 40, 129}};
  for (const auto& size : deep)
    for (float scale : {1.f, 1e-19f, 3e-20f, 1e-38f})
      hash = runCase(isa, {size[0], size[1], size[2], {1, 1}, 0, 1, 0, false, 1, true, scale}, rng, hash);
  testPaths(isa);
  return hash;
}
