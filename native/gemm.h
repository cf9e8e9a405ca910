// Matrix product with any strides, batched, over threads, with an epilogue run on each finished part while it is in cache.
// Each thread owns a rectangle of some batches and packs for itself; k is never split. See tile.h for why bits cannot vary.
#pragma once
#include "tile.h"

namespace KNS {

using nabla::Epilogue;
using nabla::GemmTask;
using nabla::Worker;

constexpr idx KC = 512;        // most depth of one pass
constexpr idx MC = 12 * MR;    // rows of A packed at once
constexpr idx NC = 1024;       // columns of B packed at once
constexpr idx PART = 256 / NR * NR;  // columns handed to an epilogue at once: whole strips
constexpr idx PANEL_ROWS = 36 * MR;  // of the scratch result when it takes several passes over k

NABLA_INLINE idx roundUp(idx n, idx to) { return (n + to - 1) / to * to; }

// Floats of each part of the scratch memory, for the whole task and therefore for any share of it.
struct GemmScratch {
  idx a, b, panel, vector;
};
NABLA_INLINE GemmScratch gemmParts(const GemmTask& t) {
  idx k = least(most(t.k, 1), KC);
  GemmScratch s;
  s.a = roundUp(least(most(t.m, t.n), MC) * k, LANES);
  s.b = roundUp(k * roundUp(least(most(t.m, t.n), NC), NR), LANES);
  s.panel = least(most(t.m, t.n), PANEL_ROWS) * PART;
  s.vector = t.m == 1 || t.n == 1 ? roundUp(t.k, LANES) : 0;
  return s;
}
NABLA_FUNCTION idx gemmScratch(const GemmTask& t) {
  GemmScratch s = gemmParts(t);
  return (s.a + s.b + s.panel + s.vector) * (idx)sizeof(float);
}

struct Region {
  idx batch, r0, r1, c0, c1;
};

// Scratch results to an output no tile can write.
NABLA_INLINE void storePart(const GemmTask& t, float* out, const float* panel, idx ld, idx r, idx rows, idx c, idx cols) {
  for (idx i = 0; i < rows; i++)
    for (idx j = 0; j < cols; j++) out[(r + i) * t.outRow + (c + j) * t.outCol] = panel[i * ld + j];
}

NABLA_FUNCTION void gemmRegion(const GemmTask& t, const float* a, const float* b, float* out, const Region& g, Worker& w) {
  const GemmScratch parts = gemmParts(t);
  float* bufferA = (float*)w.scratch;
  float* bufferB = bufferA + parts.a;
  float* panel = bufferB + parts.b;
  const idx rows = g.r1 - g.r0, cols = g.c1 - g.c0;
  const bool usePanel = !out || t.outCol != 1;
  const bool packsB = t.bCol != 1 || rows > 6 * MR;
  const bool packsA = (t.aRow != 1 && t.aCol != 1) || cols > 8 * NR;
  const idx passes = t.k <= KC ? 1 : (t.k + KC - 1) / KC;
  const idx depth = (t.k + passes - 1) / passes;
  const idx stepN = usePanel ? PART : NC;
  const idx stepM = !usePanel ? rows : passes > 1 ? PANEL_ROWS : MC;
  const bool finishes = usePanel || t.epilogue.apply;

  for (idx c = g.c0; c < g.c1; c += stepN) {
    const idx width = least(stepN, g.c1 - c);
    for (idx r = g.r0; r < g.r1; r += stepM) {
      const idx height = least(stepM, g.r1 - r);
      for (idx pass = 0; pass < passes; pass++) {
        const idx p = pass * depth, k = least(depth, t.k - p);
        Block block;
        block.k = k;
        block.first = pass == 0;
        block.packedB = packsB;
        block.packedA = packsA;
        if (packsB && (passes > 1 || r == g.r0))
          packB(bufferB, b + p * t.bRow + c * t.bCol, t.bRow, t.bCol, width, k);
        for (idx i = 0; i < height; i += MC) {
          block.rows = least(MC, height - i);
          const float* blockA = a + (r + i) * t.aRow + p * t.aCol;
          if (packsA) packA(bufferA, blockA, t.aRow, t.aCol, block.rows, k);
          block.a = packsA ? bufferA : blockA;
          block.unit = packsA || t.aRow == 1 ? Unit::Rows : Unit::Cols;
          block.lda = t.aRow == 1 ? t.aCol : t.aRow;
          for (idx j = 0; j < width; j += PART) {
            block.cols = least(PART, width - j);
            block.b = packsB ? bufferB + j * k : b + p * t.bRow + c + j;
            block.ldb = t.bRow;
            block.ldc = usePanel ? PART : t.outRow;
            block.c = usePanel ? panel + i * PART : out + (r + i) * t.outRow + c + j;
            blockTimes(block);
            if (!finishes || pass < passes - 1) continue;
            if (usePanel && out)
              storePart(t, out, block.c, PART, r + i, block.rows, c + j, block.cols);
            if (t.epilogue.apply)
              t.epilogue.apply(t.epilogue.ctx, block.c, block.ldc, g.batch, r + i, block.rows, c + j, block.cols, w);
          }
        }
      }
    }
  }
}

// ---- one row or one column ----
// The result is a vector: y[i] = sum over p of m[i * strideI + p * strideK] * x[p].

// Matrix rows adjoin along i: a tile one row high and eight vectors wide.
constexpr int WIDE = 8;
NABLA_INLINE void vectorAcross(float* y, const float* x, const float* m, idx strideK, idx n, idx k) {
  TileArgs args;
  args.k = k;
  args.a = x;
  args.lda = 1;
  args.ldb = strideK;
  args.ldc = 0;
  args.first = true;
  for (idx i = 0; i < n;) {
    idx left = n - i;
    args.b = m + i;
    args.c = y + i;
    args.tail = tailOf(left >= VN ? VN : left);
    if (left >= WIDE * VN) {
      tile<1, WIDE, Unit::Rows, false>(args);
      i += WIDE * VN;
    } else {
      tile<1, 1, Unit::Rows, true>(args);
      i += VN;
    }
  }
}

// Matrix rows adjoin along k: dot products over 16 virtual lanes, folded in the fixed tree; four rows at a time.
template <int ROWS> NABLA_INLINE void dots(float* y, const float* x, const float* m, idx strideI, idx k) {
  VF acc[ROWS][VPL];
  for (int r = 0; r < ROWS; r++)
    for (int v = 0; v < VPL; v++) acc[r][v] = VF{};
  idx p = 0;
  for (; p + LANES <= k; p += LANES)
#pragma GCC unroll 4
    for (int v = 0; v < VPL; v++) {
      VF xv = ld(x + p + v * VN);
#pragma GCC unroll 4
      for (int r = 0; r < ROWS; r++) acc[r][v] = vfma(ld(m + r * strideI + p + v * VN), xv, acc[r][v]);
    }
  if (p < k) {
    for (int r = 0; r < ROWS; r++) {
      float mt[LANES] = {}, xt[LANES] = {};
      for (idx q = p; q < k; q++) {
        mt[q - p] = m[r * strideI + q];
        xt[q - p] = x[q];
      }
      for (int v = 0; v < VPL; v++) acc[r][v] = vfma(ld(mt + v * VN), ld(xt + v * VN), acc[r][v]);
    }
  }
  for (int r = 0; r < ROWS; r++) y[r] = hsum(acc[r]);
}

NABLA_FUNCTION void gemvRegion(const GemmTask& t, const float* a, const float* b, float* out, const Region& g, Worker& w) {
  const GemmScratch parts = gemmParts(t);
  float* panel = (float*)w.scratch;
  float* packed = panel + parts.panel;
  const bool isRow = t.m == 1;
  const float* m = isRow ? b : a;
  const float* x = isRow ? a : b;
  const idx strideX = isRow ? t.aCol : t.bRow;
  const idx strideI = isRow ? t.bCol : t.aRow, strideK = isRow ? t.bRow : t.aCol;
  const idx begin = isRow ? g.c0 : g.r0, end = isRow ? g.c1 : g.r1;
  const idx outStride = isRow ? t.outCol : t.outRow;
  const bool usePanel = !out || outStride != 1;
  if (strideX != 1) {
    for (idx p = 0; p < t.k; p++) packed[p] = x[p * strideX];
    x = packed;
  }
  const idx step = least(parts.panel, 4096);
  for (idx i = begin; i < end; i += step) {
    const idx n = least(step, end - i);
    float* y = usePanel ? panel : out + i;
    const float* from = m + i * strideI;
    if (strideI == 1) {
      vectorAcross(y, x, from, strideK, n, t.k);
    } else {
      idx r = 0;
      for (; r + 4 <= n; r += 4) dots<4>(y + r, x, from + r * strideI, strideI, t.k);
      for (; r < n; r++) dots<1>(y + r, x, from + r * strideI, strideI, t.k);
    }
    if (usePanel && out)
      for (idx j = 0; j < n; j++) out[(i + j) * outStride] = y[j];
    if (!t.epilogue.apply) continue;
    if (isRow) t.epilogue.apply(t.epilogue.ctx, y, n, g.batch, 0, 1, i, n, w);
    else t.epilogue.apply(t.epilogue.ctx, y, 1, g.batch, i, n, 0, 1, w);
  }
}

// By the whole task, never by the share: the order of the sum must not depend on the split.
NABLA_INLINE bool isGemv(const GemmTask& t) {
  if (t.m == 1) return t.bCol == 1 || (t.bRow == 1 && t.k >= 64);
  if (t.n == 1) return t.aRow == 1 || (t.aCol == 1 && t.k >= 64);
  return false;
}

// ---- threads ----

struct Grid {
  idx batches, rows, cols;
};
// How to cut `batch` products of m x n over `parts` threads: least work of the busiest, counting what it packs and loads.
NABLA_INLINE Grid chooseGrid(idx batch, idx m, idx n, idx parts) {
  Grid best = {1, 1, 1};
  double least = 0;
  for (idx tb = 1; tb <= parts; tb++) {
    if (tb > batch) break;
    for (idx tm = 1; tm <= parts / tb; tm++) {
      idx tn = parts / tb / tm;
      double b = (double)((batch + tb - 1) / tb), r = (double)((m + tm - 1) / tm);
      double c = (double)((roundUp(n, VN) / VN + tn - 1) / tn * VN);
      double work = b * (r * c + 3.0 * (r + c));
      if (least != 0 && work >= least) continue;
      least = work;
      best = Grid{tb, tm, tn};
    }
  }
  return best;
}

constexpr idx SMALL = 1 << 15;  // multiply-adds below which one thread does all

NABLA_FUNCTION void gemm(const GemmTask& task, Worker& w) {
  GemmTask t = task;
  if (t.out && t.outCol != 1 && t.outRow == 1 && !t.epilogue.apply) {  // the transposed product has the right layout
    idx s;
    const float* f;
    s = t.m, t.m = t.n, t.n = s;
    f = t.a, t.a = t.b, t.b = f;
    s = t.aRow, t.aRow = t.bCol, t.bCol = s;
    s = t.aCol, t.aCol = t.bRow, t.bRow = s;
    t.outRow = t.outCol, t.outCol = 1;
    for (int i = 0; i < t.batchRank; i++) s = t.aBatch[i], t.aBatch[i] = t.bBatch[i], t.bBatch[i] = s;
  }
  idx batch = 1;
  for (int i = 0; i < t.batchRank; i++) batch *= t.batch[i];
  if (batch == 0 || t.m == 0 || t.n == 0) return;
  Grid grid = {1, 1, 1};
  if (w.count > 1 && batch * t.m * t.n * most(t.k, 1) >= SMALL) grid = chooseGrid(batch, t.m, t.n, w.count);
  if (w.index >= grid.batches * grid.rows * grid.cols) return;
  const idx part = w.index / (grid.rows * grid.cols), tile = w.index % (grid.rows * grid.cols);
  const Range batches = share(batch, 1, part, grid.batches);
  const Range rows = share(t.m, 1, tile / grid.cols, grid.rows), cols = share(t.n, VN, tile % grid.cols, grid.cols);
  if (rows.begin == rows.end || cols.begin == cols.end) return;
  const bool vector = isGemv(t);
  for (idx i = batches.begin; i < batches.end; i++) {
    const float *a = t.a, *b = t.b;
    float* out = t.out;
    idx rest = i;
    for (int d = t.batchRank - 1; d >= 0; d--) {
      idx at = rest % t.batch[d];
      rest /= t.batch[d];
      a += at * t.aBatch[d];
      b += at * t.bBatch[d];
      if (out) out += at * t.outBatch[d];
    }
    const Region region = {i, rows.begin, rows.end, cols.begin, cols.end};
    if (vector) gemvRegion(t, a, b, out, region, w);
    else gemmRegion(t, a, b, out, region, w);
  }
}

}  // namespace KNS
