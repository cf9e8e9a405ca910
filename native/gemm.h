// Matrix product with any strides, batched, over threads, with an epilogue run on each finished part while it is in cache.
// Each thread owns a rectangle of some batches and packs for itself; k is never split. See tile.h for why bits cannot vary.
#pragma once
#include "bf16.h"
#include "gemv.h"
#include "narrow.h"

namespace KNS {

using nabla::Epilogue;
using nabla::GemmTask;
using nabla::PackTask;
using nabla::Worker;

// Most depth of one pass, and rows of A packed at once: together about 340 KB. Wide vectors read and write results faster than they
// compute, so that fewer passes over them are worth a strip of B that the first-level cache does not hold.
#if VB == 64
constexpr idx KC = 1024, MC = 6 * MR;
#else
constexpr idx KC = 512, MC = 12 * MR;
#endif
constexpr idx NC = 1024;       // columns of B packed at once
constexpr idx FAR = 1 << 17;    // floats of a result that its second-level cache does not hold
constexpr idx PART = 256 / NR * NR;  // columns handed to an epilogue at once: whole strips
constexpr idx PANEL_ROWS = 36 * MR;  // of the scratch result when it takes several passes over k
// Few rows use each packed column of B seldom: then a pass is no deeper than keeps B in the second-level cache on its way.
constexpr idx FEW_ROWS = 12 * MR, SHALLOW = 256;

NABLA_INLINE idx roundUp(idx n, idx to) { return (n + to - 1) / to * to; }

// Floats of each part of the scratch memory, for the whole task and therefore for any share of it.
struct GemmScratch {
  idx a, b, panel, vector;
};
NABLA_INLINE GemmScratch gemmParts(const GemmTask& t) {
  idx k = least(roundUp(most(t.k, 1), 2), KC);  // bf16 sums whole pairs
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

constexpr idx FEW_OF_A = 4096;  // elements, which the first-level cache holds wherever they lie

// How a rectangle of rows x cols reaches the tiles.
struct Packing {
  bool a, b;
  enum Kind { Floats, Rounded, Pairs } kind;
};
NABLA_INLINE Packing packingOf(const GemmTask& t, idx rows, idx cols) {
  if (t.bf16) return Packing{true, true, hasPairs() ? Packing::Pairs : Packing::Rounded};
  return Packing{(t.aRow != 1 && t.aCol != 1) || (cols > 8 * NR && rows * t.k > FEW_OF_A), t.bCol != 1 || rows > 6 * MR, Packing::Floats};
}

// Strips of at most `strip` of the n rows of A (equal ones) or columns of B (all but the last full), element (i, p) at
// from[i * strideI + p * strideK].
NABLA_FUNCTION void packA(float* to, const Packing& how, const float* a, idx row, idx col, idx rows, idx k, idx depth) {
  const idx strips = (rows + MR - 1) / MR;
  for (idx s = 0; s < strips; s++) {
    const idx r = cutRows(rows, s, strips), h = cutRows(rows, s + 1, strips) - r;
    if (how.kind == Packing::Floats) packStrip(to + r * depth, h, a + r * row, row, col, h, k);
    else packRounded(to + r * depth, h, a + r * row, row, col, h, k, how.kind == Packing::Pairs);
  }
}
NABLA_FUNCTION void packB(float* to, const Packing& how, const float* b, idx row, idx col, idx cols, idx k, idx depth) {
  for (idx j = 0; j < cols; j += NR) {
    const idx n = least(NR, cols - j);
    if (how.kind == Packing::Floats) packStrip(to + j * depth, wholeVectors(n), b + j * col, col, row, n, k);
    else packRounded(to + j * depth, wholeVectors(n), b + j * col, col, row, n, k, how.kind == Packing::Pairs);
  }
}

NABLA_INLINE void blockTimes(const Block& block, const Packing& how) {
  if (how.kind == Packing::Floats) return blockTimes(block);
  if (how.kind == Packing::Pairs) return blockWith(block, pickPairs);
  const uint32_t before = flushDenormals();
  blockTimes(block);
  restoreDenormals(before);
}

NABLA_FUNCTION void gemmRegion(const GemmTask& t, const float* a, const float* b, float* out, const Region& g, Worker& w) {
  const GemmScratch parts = gemmParts(t);
  float* bufferA = (float*)w.scratch;
  float* bufferB = bufferA + parts.a;
  float* panel = bufferB + parts.b;
  const idx rows = g.r1 - g.r0, cols = g.c1 - g.c0;
  const bool usePanel = !out || t.outCol != 1;
  Packing packing = packingOf(t, rows, cols);
  packing.b |= t.packedB != nullptr;
  const idx each = packing.kind == Packing::Pairs ? 2 : 1;  // of k in one step of a tile
  const idx total = packing.kind == Packing::Floats ? t.k : roundUp(t.k, 2) / each;
  const bool few = rows <= FEW_ROWS && total > KC;
  const idx deepest = few ? SHALLOW : KC, passes = most((total + deepest - 1) / deepest, 1);
  const idx depth = roundUp((total + passes - 1) / passes, packing.kind == Packing::Rounded ? 2 : 1);
  const idx stepN = usePanel ? (few ? 2 * PART : PART) : t.packedB ? NC / NR * NR : NC;
  const idx stepM = !usePanel ? rows : passes > 1 ? PANEL_ROWS : MC;
  const bool finishes = usePanel || t.epilogue.apply;

  for (idx c = g.c0; c < g.c1; c += stepN) {
    const idx width = least(stepN, g.c1 - c);
    for (idx r = g.r0; r < g.r1; r += stepM) {
      const idx height = least(stepM, g.r1 - r);
      for (idx pass = 0; pass < passes; pass++) {
        const idx p = pass * depth * each, left = least(depth * each, t.k - p);
        Block block;
        block.k = least(depth, total - pass * depth);
        block.first = pass == 0;
        block.packedB = packing.b;
        block.packedA = packing.a;
        block.far = !usePanel && rows * cols > FAR && block.k >= 128;
        if (packing.b && !t.packedB && (passes > 1 || r == g.r0))
          packB(bufferB, packing, b + p * t.bRow + c * t.bCol, t.bRow, t.bCol, width, left, block.k);
        for (idx i = 0; i < height; i += MC) {
          block.rows = least(MC, height - i);
          const float* blockA = a + (r + i) * t.aRow + p * t.aCol;
          if (packing.a) packA(bufferA, packing, blockA, t.aRow, t.aCol, block.rows, left, block.k);
          block.a = packing.a ? bufferA : blockA;
          block.unit = packing.a || t.aRow == 1 ? Unit::Rows : Unit::Cols;
          block.lda = t.aRow == 1 ? t.aCol : t.aRow;
          for (idx j = 0; j < width; j += PART) {
            block.cols = least(PART, width - j);
            block.b = t.packedB ? t.packedB + (c + j) * t.k : packing.b ? bufferB + j * block.k : b + p * t.bRow + c + j;
            block.ldb = t.bRow;
            block.ldc = usePanel ? width : t.outRow;
            block.c = usePanel ? panel + i * width + j : out + (r + i) * t.outRow + c + j;
            blockTimes(block, packing);
            if (!finishes || pass < passes - 1) continue;
            if (usePanel && out)
              storePart(t, out, block.c, width, r + i, block.rows, c + j, block.cols);
            if (t.epilogue.apply)
              t.epilogue.apply(t.epilogue.ctx, block.c, block.ldc, g.batch, r + i, block.rows, c + j, block.cols, w);
          }
        }
      }
    }
  }
}

// ---- which way a product takes ----

// By the whole task, never by the share or the instruction set, where it decides the order of a sum.
enum class Path {
  Dots,    // one row or column, the matrix contiguous along k: dot products
  Across,  // one row or column, the matrix contiguous across it
  Deep,    // few results of a long sum
  Tiles,
};

NABLA_INLINE bool deepAcross(const GemmTask& t) { return t.bCol == 1 && t.m <= DEEP_ROWS && t.n <= DEEP_COLS; }
NABLA_INLINE bool deepDown(const GemmTask& t) { return t.aRow == 1 && t.n <= DEEP_ROWS && t.m <= DEEP_COLS; }
// Which side lies in vectors: the longer where both can. The bits are the same.
NABLA_INLINE bool liesAcross(const GemmTask& t) { return deepAcross(t) && (t.n >= t.m || !deepDown(t)); }

NABLA_INLINE Path pathOf(const GemmTask& t) {
  if (t.bf16) return Path::Tiles;
  const bool row = t.m == 1, column = t.n == 1;
  if (row || column) {
    const bool alongK = row ? t.bRow == 1 : t.aCol == 1, across = row ? t.bCol == 1 : t.aRow == 1;
    if (alongK && (!across || (row && column))) return Path::Dots;
  }
  if (t.k >= 64 && (deepAcross(t) || deepDown(t))) return Path::Deep;
  if ((row && t.bCol == 1) || (column && t.aRow == 1)) return Path::Across;
  return Path::Tiles;
}

#if VB == 64
NABLA_INLINE bool isNarrow(const GemmTask& t) {
  return !t.bf16 && t.n <= VN / 2 && t.k <= NARROW_DEPTH && t.k > 0 && (t.aCol == 1 || t.k == 1) && narrowRows(t.n, t.aRow) >= 2;
}
#else
NABLA_INLINE bool isNarrow(const GemmTask&) { return false; }
#endif

// A product that is done again and again with the same b may have it packed once, in strips of all of k.
NABLA_FUNCTION idx packedFloats(const GemmTask& t) {
  const bool turned = t.out && t.outCol != 1;  // then it may be the transposed product that is computed
  if (turned || t.batchRank > 0 || t.bf16 || t.k > KC || t.k == 0 || pathOf(t) != Path::Tiles || isNarrow(t)) return 0;
  return roundUp(t.n, NR) * t.k;
}

NABLA_FUNCTION void packWhole(const PackTask& t, Worker& w) {
  const Range cols = share(t.n, NR, w.index, w.count);
  if (cols.begin == cols.end) return;
  const Packing how{false, true, Packing::Floats};
  packB(t.to + cols.begin * t.k, how, t.b + cols.begin * t.col, t.row, t.col, cols.end - cols.begin, t.k, t.k);
}

// ---- few columns ----

NABLA_FUNCTION void narrowRegion(const GemmTask& t, const float* a, const float* b, float* out, const Region& g, Worker& w) {
#if VB == 64
  const GemmScratch parts = gemmParts(t);
  float* spread = (float*)w.scratch + parts.a;
  float* panel = spread + parts.b;
  const idx n = g.c1 - g.c0;
  const bool usePanel = !out || t.outCol != 1 || t.outRow != n;
  const idx step = least(parts.panel / n, 1024);
  for (idx r = g.r0; r < g.r1; r += step) {
    const idx rows = least(step, g.r1 - r);
    float* c = usePanel ? panel : out + r * n + g.c0;
    narrowTimes(c, a + r * t.aRow, t.aRow, b + g.c0 * t.bCol, t.bRow, t.bCol, spread, rows, n, t.k);
    if (usePanel && out) storePart(t, out, c, n, r, rows, g.c0, n);
    if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, c, n, g.batch, r, rows, g.c0, n, w);
  }
#else
  (void)t, (void)a, (void)b, (void)out, (void)g, (void)w;
#endif
}

// ---- few results ----

NABLA_FUNCTION void deepRegion(const GemmTask& t, const float* a, const float* b, float* out, const Region& g, Worker& w) {
  float* panel = (float*)w.scratch;
  const idx rows = g.r1 - g.r0, cols = g.c1 - g.c0;
  const float *from = a + g.r0 * t.aRow, *with = b + g.c0 * t.bCol;
  const bool across = liesAcross(t);
  const bool usePanel = !across || !out || t.outCol != 1;
  float* c = usePanel ? panel : out + g.r0 * t.outRow + g.c0;
  const idx ld = usePanel ? cols : t.outRow;
  if (across) {
    deep(c, ld, from, t.aRow, t.aCol, with, t.bRow, rows, cols, t.k);
  } else {
    float turned[DEEP_ROWS * DEEP_COLS];
    deep(turned, rows, with, t.bCol, t.bRow, from, t.aCol, cols, rows, t.k);
    for (idx i = 0; i < rows; i++)
      for (idx j = 0; j < cols; j++) c[i * ld + j] = turned[j * rows + i];
  }
  if (usePanel && out) storePart(t, out, c, ld, g.r0, rows, g.c0, cols);
  if (t.epilogue.apply) t.epilogue.apply(t.epilogue.ctx, c, ld, g.batch, g.r0, rows, g.c0, cols, w);
}

// ---- one row or one column ----

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
  const bool usePanel = !out || outStride != 1, across = pathOf(t) == Path::Across;
  if (strideX != 1) {
    for (idx p = 0; p < t.k; p++) packed[p] = x[p * strideX];
    x = packed;
  }
  const idx step = least(parts.panel, 4096);
  for (idx i = begin; i < end; i += step) {
    const idx n = least(step, end - i);
    float* y = usePanel ? panel : out + i;
    const float* from = m + i * strideI;
    if (across) vectorAcross(y, x, from, strideK, n, t.k);
    else vectorDots(y, x, from, strideI, n, t.k);
    if (usePanel && out)
      for (idx j = 0; j < n; j++) out[(i + j) * outStride] = y[j];
    if (!t.epilogue.apply) continue;
    if (isRow) t.epilogue.apply(t.epilogue.ctx, y, n, g.batch, 0, 1, i, n, w);
    else t.epilogue.apply(t.epilogue.ctx, y, 1, g.batch, i, n, 0, 1, w);
  }
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

// This worker's share of `batch` products.
NABLA_INLINE Grid gridOf(const GemmTask& t, Path path, idx batch, const Worker& w) {
  const idx threads = w.count;
  if (threads == 1) return Grid{1, 1, 1};
  if (w.rows > 0) return Grid{1, threads, 1};
  if (path != Path::Deep) return chooseGrid(batch, t.m, t.n, threads);
  // The side in vectors is not cut: half a vector costs as much as a whole one.
  if (batch > 1) return Grid{least(batch, threads), 1, 1};
  return liesAcross(t) ? Grid{1, least(t.m, threads), 1} : Grid{1, 1, least(t.n, threads)};
}

// The product itself, or the transposed one where that has the right layout.
NABLA_INLINE GemmTask oriented(const GemmTask& task) {
  GemmTask t = task;
  if (!t.out || t.outCol == 1 || t.outRow != 1 || t.epilogue.apply) return t;
  t.m = task.n, t.n = task.m;
  t.a = task.b, t.b = task.a;
  t.aRow = task.bCol, t.aCol = task.bRow;
  t.bRow = task.aCol, t.bCol = task.aRow;
  t.outRow = task.outCol, t.outCol = 1;
  for (int i = 0; i < t.batchRank; i++) t.aBatch[i] = task.bBatch[i], t.bBatch[i] = task.aBatch[i];
  return t;
}

NABLA_FUNCTION void gemm(const GemmTask& task, Worker& w) {
  const GemmTask t = oriented(task);
  idx batch = 1;
  for (int i = 0; i < t.batchRank; i++) batch *= t.batch[i];
  if (batch == 0 || t.m == 0 || t.n == 0) return;
  const Path path = pathOf(t);
  const Grid grid = gridOf(t, path, batch, w);
  if (w.index >= grid.batches * grid.rows * grid.cols) return;
  const idx part = w.index / (grid.rows * grid.cols), tile = w.index % (grid.rows * grid.cols);
  const Range batches = share(batch, 1, part, grid.batches);
  const Range rows = share(t.m, 1, tile / grid.cols, grid.rows);
  const Range cols = share(t.n, path == Path::Deep ? 1 : t.packedB ? NR : VN, tile % grid.cols, grid.cols);
  if (rows.begin == rows.end || cols.begin == cols.end) return;
  const bool narrow = path == Path::Tiles && isNarrow(t);
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
    if (path == Path::Deep) deepRegion(t, a, b, out, region, w);
    else if (path != Path::Tiles) gemvRegion(t, a, b, out, region, w);
    else if (narrow) narrowRegion(t, a, b, out, region, w);
    else gemmRegion(t, a, b, out, region, w);
  }
}

#if VB == 64
#define NABLA_TILES "14x32 tiles"
#elif VB == 32
#define NABLA_TILES "6x16 tiles"
#elif defined(__aarch64__)
#define NABLA_TILES "8x12 tiles"
#else
#define NABLA_TILES "4x8 tiles"
#endif

NABLA_FUNCTION const char* gemmPath(const GemmTask& task) {
  const GemmTask t = oriented(task);
  switch (pathOf(t)) {
    case Path::Dots: return "dot products over 16 lanes";
    case Path::Across: return "gemv across the rows";
    case Path::Deep: return "few results in 8 slices of k";
    case Path::Tiles: break;
  }
  if (isNarrow(t)) return "several rows a vector";
  const Packing packing = packingOf(t, t.m, t.n);
  if (packing.kind == Packing::Pairs) return "packed A and B in bf16 pairs, " NABLA_TILES;
  if (packing.kind == Packing::Rounded) return "packed A and B rounded to bf16, " NABLA_TILES;
  if (packing.a) return packing.b ? "packed A and B, " NABLA_TILES : "packed A, " NABLA_TILES;
  return packing.b ? "packed B, " NABLA_TILES : "direct, " NABLA_TILES;
}

}  // namespace KNS
