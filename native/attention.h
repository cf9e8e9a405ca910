// Attention in tiles, forward and backward: scores exist for a block of keys and a block of queries at a time, never all at once.
// A tile lies keys x queries, so that a softmax's sums and maxima go from row to row without crossing lanes: their order, and
// therefore the bits, depend on nothing but the block of keys. Queries and gradients are packed once a block, all else is read in place.
// Dao, "FlashAttention-2: faster attention with better parallelism and work partitioning", 2023.
#pragma once
#include "tile.h"
#include "vmath.h"

namespace KNS {

using nabla::AttentionTask;
using nabla::HeadsView;
using nabla::Worker;

constexpr idx BLOCK_KEYS = 64, BLOCK_QUERIES = 32;

NABLA_INLINE idx queryBlocks(const AttentionTask& t) { return (t.queries + BLOCK_QUERIES - 1) / BLOCK_QUERIES; }

// Floats: packed queries and gradients, two tiles, results of a block of queries, and a few numbers for each of its queries.
NABLA_FUNCTION idx attentionScratch(const AttentionTask& t) {
  const idx widths = 2 * (t.width + t.valueWidth), tiles = 2 * BLOCK_KEYS, rows = 8;
  return (widths + tiles + rows) * BLOCK_QUERIES * (idx)sizeof(float);
}

// One head of one sequence, and a block of its queries.
struct AttentionBlock {
  const AttentionTask& t;
  idx batch, head, first, rows;  // queries first .. first + rows-1

  const float* at(const HeadsView& x, idx time, idx which) const { return x.data + batch * x.batch + time * x.time + which * x.head; }
  idx group() const { return head / (t.heads / t.groups); }
  const float* query() const { return at(t.q, first, head); }
  const float* key(idx j) const { return at(t.k, j, group()); }
  const float* value(idx j) const { return at(t.v, j, group()); }
  // Keys that some query of the block may see.
  idx keys() const { return t.causal ? least(t.keys, first + rows) : t.keys; }
  // A row of out, logSum or a gradient of q: [batch, queries, heads].
  idx row() const { return (batch * t.queries + first) * t.heads + head; }
};

// c[rows x cols] += a b, with a's rows or columns adjoining and b's columns; b may be packed in strips.
NABLA_INLINE void product(float* c, idx ldc, idx rows, idx cols, idx k, const float* a, idx lda, Unit unit, const float* b, idx ldb,
                          bool first = false) {
  Block block;
  block.rows = rows, block.cols = cols, block.k = k;
  block.a = a, block.lda = lda, block.unit = unit;
  block.packedA = block.far = false;
  block.packedB = ldb == 0;
  block.b = b, block.ldb = ldb;
  block.c = c, block.ldc = ldc;
  block.first = first;
  blockTimes(block);
}
constexpr idx PACKED = 0;

NABLA_INLINE idx lanesOf(idx rows) { return wholeVectors(rows); }

// Sets scores of pairs that do not see each other to -infinity: keys from .. from + keys-1 by the block's queries.
NABLA_FUNCTION void hide(const AttentionBlock& b, float* scores, idx from, idx keys) {
  const AttentionTask& t = b.t;
  const VF never = splat(-__builtin_inff());
  if (t.causal) {
    VI lane{};
    for (int i = 0; i < VN; i++) lane[i] = i;
    for (idx j = most(0, b.first - from + 1); j < keys; j++) {
      const int32_t seeing = (int32_t)(from + j - b.first);  // the first query that sees it
      for (idx i = 0; i < lanesOf(b.rows) && i < seeing; i += VN) {
        float* at = scores + j * BLOCK_QUERIES + i;
        st(at, vsel(lane + (int32_t)i < seeing, never, ld(at)));
      }
    }
  }
  if (!t.visible) return;
  const uint8_t* mask = t.visible + b.batch * t.maskBatch + b.head * t.maskHead + b.first * t.maskQuery + from * t.maskKey;
  for (idx j = 0; j < keys; j++) {
    float* at = scores + j * BLOCK_QUERIES;
    const uint8_t* seen = mask + j * t.maskKey;
    if (t.maskQuery == 0) {
      if (*seen) continue;
      for (idx i = 0; i < lanesOf(b.rows); i += VN) st(at + i, never);
    } else {
      for (idx i = 0; i < b.rows; i++) at[i] = seen[i * t.maskQuery] ? at[i] : -__builtin_inff();
    }
  }
}

// to = scale x', packed in strips: x is rows of `width` floats, `stride` apart.
NABLA_INLINE void packScaled(float* to, const float* x, idx stride, idx rows, idx width, float scale) {
  packB(to, x, 1, stride, rows, width);
  for (idx i = 0; i < lanesOf(rows) * width; i += VN) st(to + i, ld(to + i) * scale);
}

// The scores of a tile: key j of the block with query i at tile[j * BLOCK_QUERIES + i].
NABLA_INLINE void scoresOf(const AttentionBlock& b, float* tile, const float* packed, idx from, idx keys) {
  product(tile, BLOCK_QUERIES, keys, b.rows, b.t.width, b.key(from), b.t.k.time, Unit::Cols, packed, PACKED, true);
  hide(b, tile, from, keys);
}

// ---- forward ----

// Scores become exponentials less the largest so far, of which `largest`, `sum` and `fade` (what older sums are to be multiplied by) tell.
NABLA_FUNCTION void exponentials(float* tile, idx keys, idx lanes, float* largest, float* sum, float* fade) {
  const VF none = splat(-__builtin_inff());
  for (idx i = 0; i < lanes; i += VN) {
    VF top = ld(largest + i);
    const VF before = top;
    for (idx j = 0; j < keys; j++) top = vmax(top, ld(tile + j * BLOCK_QUERIES + i));
    const VF shift = vsel(top == none, VF{}, top);
    const VF faded = vexp(before - shift);
    VF total = ld(sum + i) * faded;
    for (idx j = 0; j < keys; j++) {
      float* at = tile + j * BLOCK_QUERIES + i;
      const VF e = vexp(ld(at) - shift);
      total += e;
      st(at, e);
    }
    st(largest + i, top);
    st(sum + i, total);
    st(fade + i, faded);
  }
}

NABLA_FUNCTION void attend(const AttentionBlock& b, float* scratch) {
  const AttentionTask& t = b.t;
  float* packed = scratch;
  float* tile = packed + t.width * BLOCK_QUERIES;
  float* result = tile + BLOCK_KEYS * BLOCK_QUERIES;  // rows x valueWidth
  float* largest = result + t.valueWidth * BLOCK_QUERIES;
  float *sum = largest + BLOCK_QUERIES, *fade = sum + BLOCK_QUERIES;
  const idx width = t.valueWidth, lanes = lanesOf(b.rows);
  packScaled(packed, b.query(), t.q.time, b.rows, t.width, t.scale);
  zeroFloats(result, b.rows * width);
  zeroFloats(sum, lanes);
  for (idx i = 0; i < lanes; i++) largest[i] = -__builtin_inff();

  auto multiply = [&](const float* factors) NABLA_LAMBDA {
    for (idx i = 0; i < b.rows; i++) {
      float* row = result + i * width;
      idx c = 0;
      for (; c + VN <= width; c += VN) st(row + c, ld(row + c) * factors[i]);
      if (c < width) stTail(row + c, ldTail(row + c, tailOf(width - c)) * factors[i], tailOf(width - c));
    }
  };
  for (idx from = 0; from < b.keys(); from += BLOCK_KEYS) {
    const idx keys = least(BLOCK_KEYS, b.keys() - from);
    scoresOf(b, tile, packed, from, keys);
    exponentials(tile, keys, lanes, largest, sum, fade);
    if (from > 0) multiply(fade);
    product(result, width, b.rows, width, keys, tile, BLOCK_QUERIES, Unit::Rows, b.value(from), t.v.time);
  }

  float* logSum = t.logSumOut + b.row();
  for (idx i = 0; i < lanes; i += VN) {
    const VF top = ld(largest + i);
    const VI none = top == -__builtin_inff();  // sees no key: its shares are 0
    const VF total = vsel(none, splat(1.f), ld(sum + i));
    st(fade + i, 1.f / total);
    st(sum + i, vsel(none, splat(__builtin_inff()), vlog(total) + top));
  }
  multiply(fade);
  for (idx i = 0; i < b.rows; i++) {
    logSum[i * t.heads] = sum[i];
    copyFloats(t.out + (b.row() + i * t.heads) * width, result + i * width, width);
  }
}

// By blocks of queries; whole heads to a thread where there are enough.
NABLA_FUNCTION void attention(const AttentionTask& t, Worker& w) {
  const idx blocks = queryBlocks(t), heads = t.batch * t.heads;
  const Range range = share(heads * blocks, heads >= w.count ? blocks : 1, w.index, w.count);
  for (idx i = range.begin; i < range.end; i++) {
    const idx head = i / blocks, first = i % blocks * BLOCK_QUERIES;
    attend(AttentionBlock{t, head / t.heads, head % t.heads, first, least(BLOCK_QUERIES, t.queries - first)}, (float*)w.scratch);
  }
}

// ---- backward ----

// From scores and the products of gradients and values: shares into `tile`, the scores' gradient into `grad`.
NABLA_FUNCTION void sharesAndGradient(float* tile, float* grad, idx keys, idx lanes, const float* logSum, const float* delta, float scale) {
  for (idx i = 0; i < lanes; i += VN) {
    const VF sum = ld(logSum + i), less = ld(delta + i);
    for (idx j = 0; j < keys; j++) {
      float *at = tile + j * BLOCK_QUERIES + i, *to = grad + j * BLOCK_QUERIES + i;
      const VF share = vexp(ld(at) - sum);
      st(at, share);
      st(to, share * (ld(to) - less) * scale);
    }
  }
}

// Adds what a block of queries has to say to the gradients of its group's keys and values, and writes that of its queries.
NABLA_FUNCTION void attendBackward(const AttentionBlock& b, float* scratch) {
  const AttentionTask& t = b.t;
  float* queries = scratch;
  float* grads = queries + t.width * BLOCK_QUERIES;
  float* tile = grads + t.valueWidth * BLOCK_QUERIES;
  float* grad = tile + BLOCK_KEYS * BLOCK_QUERIES;
  float* logSum = grad + BLOCK_KEYS * BLOCK_QUERIES;
  float* delta = logSum + BLOCK_QUERIES;
  const idx lanes = lanesOf(b.rows), group = b.group();
  const float *g = b.at(t.g, b.first, b.head), *q = b.query();
  float* dq = t.dq + b.row() * t.width;
  packScaled(queries, q, t.q.time, b.rows, t.width, t.scale);
  packB(grads, g, 1, t.g.time, b.rows, t.valueWidth);
  zeroFloats(logSum, lanes);
  zeroFloats(delta, lanes);
  for (idx i = 0; i < b.rows; i++) {
    logSum[i] = *b.at(t.logSum, b.first + i, b.head);
    delta[i] = *b.at(t.delta, b.first + i, b.head);
    zeroFloats(dq + i * t.heads * t.width, t.width);
  }
  for (idx from = 0; from < b.keys(); from += BLOCK_KEYS) {
    const idx keys = least(BLOCK_KEYS, b.keys() - from);
    const idx row = (b.batch * t.keys + from) * t.groups + group;
    scoresOf(b, tile, queries, from, keys);
    product(grad, BLOCK_QUERIES, keys, b.rows, t.valueWidth, b.value(from), t.v.time, Unit::Cols, grads, PACKED, true);
    sharesAndGradient(tile, grad, keys, lanes, logSum, delta, t.scale);
    product(t.dv + row * t.valueWidth, t.groups * t.valueWidth, keys, t.valueWidth, b.rows, tile, BLOCK_QUERIES, Unit::Cols, g, t.g.time);
    product(t.dk + row * t.width, t.groups * t.width, keys, t.width, b.rows, grad, BLOCK_QUERIES, Unit::Cols, q, t.q.time);
    product(dq, t.heads * t.width, b.rows, t.width, keys, grad, BLOCK_QUERIES, Unit::Rows, b.key(from), t.k.time);
  }
}

// A thread has all heads of a group and all their queries: nobody else writes to the gradients of its keys and values.
NABLA_FUNCTION void attentionBackward(const AttentionTask& t, Worker& w) {
  const idx each = t.heads / t.groups, blocks = queryBlocks(t);
  const Range range = share(t.batch * t.groups, 1, w.index, w.count);
  for (idx i = range.begin; i < range.end; i++) {
    const idx batch = i / t.groups, group = i % t.groups;
    for (idx j = 0; j < t.keys; j++) {
      const idx row = (batch * t.keys + j) * t.groups + group;
      zeroFloats(t.dk + row * t.width, t.width);
      zeroFloats(t.dv + row * t.valueWidth, t.valueWidth);
    }
    for (idx h = 0; h < each * blocks; h++) {
      const idx first = h % blocks * BLOCK_QUERIES;
      attendBackward(AttentionBlock{t, batch, group * each + h / blocks, first, least(BLOCK_QUERIES, t.queries - first)}, (float*)w.scratch);
    }
  }
}

}  // namespace KNS
