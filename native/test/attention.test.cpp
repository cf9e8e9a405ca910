// Attention, forward and backward, against f64 loops: sizes around the blocks, groups, causality, masks, strides, thread counts.
#include <memory>
#include "check.h"

using nabla::AttentionTask;
using nabla::HeadsView;

extern bool quick;

namespace {

struct Case {
  idx batch, queries, keys, heads, groups, width, valueWidth;
  bool causal;
  int mask;   // 0 none, 1 per key, 2 whole
  idx gap;    // floats between rows of heads: operands that are slices of something wider
};

// Operand [batch, time, heads, width] whose rows of heads are `gap` apart; the last row ends the memory.
struct Heads {
  idx time, heads, width, row;
  Buffer<float> data;
  Heads(idx batch, idx t, idx h, idx w, idx gap, Rng& rng)
      : time(t), heads(h), width(w), row(h * w + gap), data((batch * t - 1) * (h * w + gap) + h * w) {
    fill(data, rng);
  }
  HeadsView view() const { return {data.data, time * row, row, width}; }
  double at(idx b, idx t, idx h, idx c) const { return data[(b * time + t) * row + h * width + c]; }
};

bool near(float got, double want, double scale) { return std::fabs((double)got - want) <= 4e-6 * (1 + scale); }

uint64_t runCase(const Isa& isa, const Case& c, Rng& rng, uint64_t hash) {
  const idx B = c.batch, Q = c.queries, K = c.keys, H = c.heads, G = c.groups, W = c.width, V = c.valueWidth;
  Heads q(B, Q, H, W, c.gap, rng), k(B, K, G, W, c.gap, rng), v(B, K, G, V, c.gap, rng), g(B, Q, H, V, c.gap, rng);
  Buffer<uint8_t> visible(c.mask == 2 ? B * H * Q * K : B * K);
  for (idx i = 0; i < visible.size; i++) visible[i] = rng.below(3) > 0;
  // A query that sees nothing, where it has a mask of its own.
  if (c.mask == 2) std::memset(visible.data, 0, (size_t)K);
  AttentionTask t{};
  t.batch = B, t.queries = Q, t.keys = K, t.heads = H, t.groups = G, t.width = W, t.valueWidth = V;
  t.scale = 0.7f;
  t.causal = c.causal;
  t.q = q.view(), t.k = k.view(), t.v = v.view(), t.g = g.view();
  if (c.mask) {
    t.visible = visible.data;
    t.maskBatch = c.mask == 2 ? H * Q * K : K;
    t.maskHead = c.mask == 2 ? Q * K : 0;
    t.maskQuery = c.mask == 2 ? K : 0;
    t.maskKey = 1;
  }
  auto seen = [&](idx b, idx h, idx i, idx j) {
    if (c.causal && j > i) return false;
    return !t.visible || visible[b * t.maskBatch + h * t.maskHead + i * t.maskQuery + j] != 0;
  };

  // In f64.
  std::vector<double> out(B * Q * H * V), logSum(B * Q * H), delta(B * Q * H), dq(B * Q * H * W), dk(B * K * G * W), dv(B * K * G * V);
  for (idx b = 0; b < B; b++)
    for (idx h = 0; h < H; h++)
      for (idx i = 0; i < Q; i++) {
        const idx row = (b * Q + i) * H + h, group = h / (H / G);
        std::vector<double> share(K);
        double sum = 0;
        for (idx j = 0; j < K; j++) {
          if (!seen(b, h, i, j)) continue;
          double s = 0;
          for (idx p = 0; p < W; p++) s += q.at(b, i, h, p) * k.at(b, j, group, p);
          sum += share[j] = std::exp(s * t.scale);
        }
        logSum[row] = sum > 0 ? std::log(sum) : std::numeric_limits<double>::infinity();
        for (idx j = 0; j < K; j++) {
          if (share[j] == 0) continue;
          share[j] /= sum;
          for (idx p = 0; p < V; p++) out[row * V + p] += share[j] * v.at(b, j, group, p);
        }
        for (idx p = 0; p < V; p++) delta[row] += out[row * V + p] * g.at(b, i, h, p);
        for (idx j = 0; j < K; j++) {
          if (share[j] == 0) continue;
          double ofShare = -delta[row];
          const idx col = (b * K + j) * G + group;
          for (idx p = 0; p < V; p++) {
            ofShare += g.at(b, i, h, p) * v.at(b, j, group, p);
            dv[col * V + p] += share[j] * g.at(b, i, h, p);
          }
          for (idx p = 0; p < W; p++) {
            dq[row * W + p] += share[j] * ofShare * t.scale * k.at(b, j, group, p);
            dk[col * W + p] += share[j] * ofShare * t.scale * q.at(b, i, h, p);
          }
        }
      }

  std::unique_ptr<Buffer<float>> first[5];
  for (int threads : {1, 2, 3, 7}) {
    std::unique_ptr<Buffer<float>> result[5];
    const idx sizes[5] = {B * Q * H * V, B * Q * H, B * Q * H * W, B * K * G * W, B * K * G * V};
    for (int i = 0; i < 5; i++) {
      result[i].reset(new Buffer<float>(sizes[i]));
      std::memset(result[i]->data, 0xff, (size_t)sizes[i] * 4);
    }
    AttentionTask own = t;
    own.out = result[0]->data, own.logSumOut = result[1]->data;
    own.dq = result[2]->data, own.dk = result[3]->data, own.dv = result[4]->data;
    const idx scratch = isa.table->attentionScratch(own);
    spmd(threads, scratch, [&](Worker& w) { isa.table->attention(own, w); });
    Buffer<float> less(B * Q * H);
    for (idx i = 0; i < less.size; i++) less[i] = (float)delta[i];
    own.logSum = {result[1]->data, Q * H, H, 1};
    own.delta = {less.data, Q * H, H, 1};
    spmd(threads, scratch, [&](Worker& w) { isa.table->attentionBackward(own, w); });
    const std::vector<double>* want[5] = {&out, &logSum, &dq, &dk, &dv};
    for (int i = 0; i < 5; i++) {
      if (threads == 1) {
        idx wrong = 0;
        for (idx n = 0; n < sizes[i]; n++) {
          const double w = (*want[i])[n];
          wrong += !(std::isinf(w) ? (*result[i])[n] == w : near((*result[i])[n], w, std::fabs(w) + 0.1 * (double)(i > 1 ? Q + K : 0)));
        }
        CHECK(wrong == 0, "%s attention %ldx%ldx%ldx%ld/%ld width %ld/%ld causal %d mask %d: %ld of result %d wrong", isa.table->name,
              (long)B, (long)Q, (long)K, (long)H, (long)G, (long)W, (long)V, c.causal, c.mask, (long)wrong, i);
        hash = hashBytes(hash, result[i]->data, (size_t)sizes[i] * 4);
        first[i] = std::move(result[i]);
      } else {
        CHECK(sameBits(*first[i], *result[i]), "%s attention: %d threads differ in result %d", isa.table->name, threads, i);
      }
    }
  }
  return hash;
}

}  // namespace

uint64_t testAttention(const Isa& isa) {
  Rng rng(29);
  uint64_t hash = HASH_START;
  const Case cases[] = {
      {1, 1, 1, 1, 1, 1, 1, false, 0, 0},      {1, 1, 130, 2, 1, 8, 8, false, 0, 0},   {2, 32, 64, 2, 2, 16, 16, false, 0, 0},
      {1, 33, 65, 2, 1, 17, 5, false, 0, 3},   {2, 128, 128, 2, 2, 32, 32, true, 0, 64}, {1, 130, 130, 4, 2, 33, 40, true, 1, 1},
      {2, 70, 129, 2, 1, 12, 15, false, 2, 0}, {1, 97, 40, 3, 3, 24, 24, true, 2, 7},  {1, 40, 97, 3, 1, 24, 24, true, 0, 7},
      {3, 31, 63, 2, 2, 7, 64, false, 1, 0},
  };
  for (const Case& c : cases) hash = runCase(isa, c, rng, hash);
  for (int n = 0; n < (quick ? 10 : 60); n++) {
    Case c{};
    c.batch = rng.between(1, 2);
    c.queries = rng.between(1, 80);
    c.keys = rng.between(1, 140);
    c.groups = rng.between(1, 2);
    c.heads = c.groups * rng.between(1, 2);
    c.width = rng.between(1, 40);
    c.valueWidth = rng.between(1, 40);
    c.causal = rng.coin();
    c.mask = (int)rng.below(3);
    c.gap = rng.below(4);
    hash = runCase(isa, c, rng, hash);
  }
  return hash;
}
