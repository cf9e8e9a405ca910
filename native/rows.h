// Drives tile programs over segments: maps, short rows, long rows and columns, whole or split over threads in fixed chunks.
#pragma once
#include "bound.h"

namespace KNS {

using namespace nabla;

constexpr idx MAP_GRAIN = 1024;  // elements of a map a thread takes at once, unless it takes rows

// Shares equal work out over threads: a thread owns the units that begin in its part of the total.
struct Shares {
  idx total, begin, end, at;
  NABLA_METHOD Range take(idx units, idx cost) {
    const idx first = at;
    at += units * cost;
    Range r;
    r.begin = begin <= first ? 0 : least(units, (begin - first + cost - 1) / cost);
    r.end = end <= first ? 0 : least(units, (end - first + cost - 1) / cost);
    return r;
  }
};

// How a segment is cut into units in one phase; rows and columns are counted in tiles.
struct Cut {
  idx units, cost, width;
};

NABLA_FUNCTION Cut cutSegment(const TileProgram& p, const Segment& s, int32_t phase, const Worker& w) {
  const idx length = most(s.length, 1), threads = w.count;
  if (w.rows > 0) return Cut{w.rows, s.rows / w.rows, s.rows / w.rows};
  switch (p.mode) {
    case MAP:
      if (s.block >= 0) {
        const idx last = s.size[s.axes - 1], across = s.size[s.block];
        return Cut{s.rows / last / across * ((across + BLOCK - 1) / BLOCK), BLOCK * last, BLOCK};
      }
      return Cut{(s.rows + MAP_GRAIN - 1) / MAP_GRAIN, MAP_GRAIN, MAP_GRAIN};
    case ROWS: {
      const idx width = most(TILE / length, 1);
      return Cut{(s.rows + width - 1) / width, width * length, width};
    }
    case LONG:
      if (!s.split) return Cut{s.rows, length, 1};
      return phase == p.stages ? Cut{s.rows, 1, 1} : Cut{s.rows * s.chunks, ROW_CHUNK, 1};
    case STACKED:
      if (!s.split) return Cut{1, s.rows * length, s.rows};
      return phase == p.stages ? Cut{1, s.rows, s.rows} : Cut{s.chunks, s.rows * COLUMN_CHUNK, s.rows};
    default: {
      // Narrow enough that every thread gets some: a column's bits do not depend on its neighbours.
      const idx parts = s.split && phase < p.stages ? 1 : threads;
      const idx width = least(TILE, most(LANES, roundUp((s.rows + parts - 1) / parts, LANES)));
      const idx tiles = (s.rows + width - 1) / width;
      if (!s.split) return Cut{tiles, width * length, width};
      return phase == p.stages ? Cut{tiles, width, width} : Cut{tiles * s.chunks, width * COLUMN_CHUNK, width};
    }
  }
}

struct Accumulator {
  uint32_t* value;
  int32_t* place;
  ChunkTree tree;
};

NABLA_INLINE Accumulator accumulatorOf(const Frame& f, int32_t number, const TileInstr& ins, idx width) {
  Accumulator a;
  uint32_t* at = (uint32_t*)(f.accumulators + number * ACCUMULATOR_BYTES);
  a.value = at;
  a.place = (int32_t*)(at + TILE);
  a.tree.folder = &folderFor(ins.op);
  a.tree.values = at + 2 * TILE;
  a.tree.places = a.tree.folder->places ? (int32_t*)(at + 2 * TILE + TREE_DEPTH * TILE) : nullptr;
  a.tree.width = width;
  a.tree.depth = a.tree.count = 0;
  return a;
}

constexpr int MAX_REDUCES = 16;  // of one stage

// The lanes a LONG accumulator keeps are those of its row; a COLUMNS one has a lane a column.
NABLA_INLINE idx lanesOf(const Frame& f) { return f.program->mode == LONG ? LANES : roundUp(f.n[OUTER], LANES); }

// Folds elements [from, to) of the current row, or of each current column.
NABLA_FUNCTION void passChunk(Frame& f, const Stage& stage, Accumulator* acc, idx from, idx to) {
  const TileInstr* reduces = f.program->instrs + stage.innerEnd;
  const int32_t count = stage.reduceEnd - stage.innerEnd;
  const idx lanes = lanesOf(f);
  for (int32_t q = 0; q < count; q++) acc[q].tree.folder->begin(acc[q].value, acc[q].place, lanes);
  if (f.program->mode == LONG) {
    for (idx p = from; p < to; p += TILE) {
      f.n[INNER] = least(TILE, to - p);
      f.pos[INNER] = p;
      runInstrs(f, stage.outerEnd, stage.innerEnd);
      for (int32_t q = 0; q < count; q++)
        acc[q].tree.folder->rowTile(acc[q].value, acc[q].place, f.reg[reduces[q].a[0]], f.n[INNER], p);
    }
    for (int32_t q = 0; q < count; q++) acc[q].tree.folder->closeRow(acc[q].value, acc[q].place);
  } else if (f.program->mode == STACKED) {
    const idx rows = f.n[OUTER], step = TILE / rows;
    for (idx j = from; j < to; j += step) {
      const idx several = least(step, to - j);
      f.n[INNER] = several * rows;
      f.pos[INNER] = j * rows;
      runInstrs(f, stage.outerEnd, stage.innerEnd);
      for (int32_t q = 0; q < count; q++)
        acc[q].tree.folder->stackTile(acc[q].value, acc[q].place, f.reg[reduces[q].a[0]], rows, several, j);
    }
  } else {
    f.n[INNER] = f.n[OUTER];
    f.pos[INNER] = f.pos[OUTER];
    for (idx j = from; j < to; j++) {
      fixAccesses(f, j);
      runInstrs(f, stage.outerEnd, stage.innerEnd);
      for (int32_t q = 0; q < count; q++)
        acc[q].tree.folder->columnTile(acc[q].value, acc[q].place, f.reg[reduces[q].a[0]], f.n[INNER], j);
    }
  }
}

// One row (or tile of columns) from beginning to end.
NABLA_FUNCTION void wholeRow(Frame& f) {
  const TileProgram& p = *f.program;
  const idx length = f.segment->length, chunk = p.mode == LONG ? ROW_CHUNK : COLUMN_CHUNK;
  if (p.mode == LONG) fixAccesses(f, f.pos[OUTER]);
  int32_t number = 0;
  for (int32_t k = 0; k < p.stages; k++) {
    const Stage& stage = p.stage[k];
    const int32_t count = stage.reduceEnd - stage.innerEnd;
    runInstrs(f, stage.outerBegin, stage.outerEnd);
    Accumulator acc[MAX_REDUCES];
    for (int32_t q = 0; q < count; q++) acc[q] = accumulatorOf(f, number + q, p.instrs[stage.innerEnd + q], lanesOf(f));
    for (idx from = 0; from < length; from += chunk) {
      passChunk(f, stage, acc, from, least(from + chunk, length));
      for (int32_t q = 0; q < count; q++) acc[q].tree.push(acc[q].value, acc[q].place);
    }
    for (int32_t q = 0; q < count; q++) acc[q].tree.finish(f.reg[p.instrs[stage.innerEnd + q].d]);
    number += count;
  }
  runInstrs(f, p.finalBegin, p.finalEnd);
}

// Where partial results of a split segment lie: per reduction a plane of values and one of positions, [chunk][row].
NABLA_INLINE uint32_t* partialOf(const Segment& s, uint32_t* partials, int32_t number, idx chunk, idx row) {
  return partials + s.partials + (2 * number * s.chunks + chunk) * s.rows + row;
}

// Outer values of the current row up to those stage `until` needs, from the partial results of the stages before it.
NABLA_FUNCTION void gatherContext(Frame& f, uint32_t* partials, int32_t until) {
  const TileProgram& p = *f.program;
  const Segment& s = *f.segment;
  const idx width = f.n[OUTER], row = f.pos[OUTER], lanes = lanesOf(f);
  if (p.mode == LONG) fixAccesses(f, row);
  int32_t number = 0;
  for (int32_t k = 0; k < until; k++) {
    const Stage& stage = p.stage[k];
    runInstrs(f, stage.outerBegin, stage.outerEnd);
    for (int32_t at = stage.innerEnd; at < stage.reduceEnd; at++, number++) {
      Accumulator acc = accumulatorOf(f, number, p.instrs[at], lanes);
      acc.tree.folder->begin(acc.value, acc.place, lanes);
      for (idx c = 0; c < s.chunks; c++) {
        const uint32_t* from = partialOf(s, partials, number, c, row);
        copyBytes((char*)acc.value, (const char*)from, width * 4);
        if (acc.tree.places) copyBytes((char*)acc.place, (const char*)(from + s.chunks * s.rows), width * 4);
        acc.tree.push(acc.value, acc.place);
      }
      acc.tree.finish(f.reg[p.instrs[at].d]);
    }
  }
  if (until < p.stages) runInstrs(f, p.stage[until].outerBegin, p.stage[until].outerEnd);
}

NABLA_INLINE void selectRows(Frame& f, idx first, idx count) {
  f.pos[OUTER] = first;
  f.n[OUTER] = count;
}

// This thread's units of one phase of a split segment.
NABLA_FUNCTION void splitPhase(Frame& f, uint32_t* partials, int32_t phase, const Cut& cut, Range units) {
  const TileProgram& p = *f.program;
  const Segment& s = *f.segment;
  const idx width = p.mode == LONG ? 1 : cut.width;
  if (phase == p.stages) {
    if (p.finalBegin == p.finalEnd) return;
    for (idx u = units.begin; u < units.end; u++) {
      selectRows(f, u * width, least(width, s.rows - u * width));
      gatherContext(f, partials, phase);
      runInstrs(f, p.finalBegin, p.finalEnd);
    }
    return;
  }
  const Stage& stage = p.stage[phase];
  const int32_t count = stage.reduceEnd - stage.innerEnd;
  int32_t number = 0;
  for (int32_t k = 0; k < phase; k++) number += p.stage[k].reduceEnd - p.stage[k].innerEnd;
  const idx chunk = p.mode == LONG ? ROW_CHUNK : COLUMN_CHUNK;
  Accumulator acc[MAX_REDUCES];
  idx current = -1;
  for (idx u = units.begin; u < units.end; u++) {
    const idx tile = u / s.chunks, c = u % s.chunks;
    if (tile != current) {
      current = tile;
      selectRows(f, tile * width, least(width, s.rows - tile * width));
      gatherContext(f, partials, phase);
      for (int32_t q = 0; q < count; q++) acc[q] = accumulatorOf(f, number + q, p.instrs[stage.innerEnd + q], lanesOf(f));
    }
    passChunk(f, stage, acc, c * chunk, least((c + 1) * chunk, s.length));
    for (int32_t q = 0; q < count; q++) {
      uint32_t* to = partialOf(s, partials, number + q, c, f.pos[OUTER]);
      copyBytes((char*)to, (const char*)acc[q].value, f.n[OUTER] * 4);
      if (acc[q].tree.places) copyBytes((char*)(to + s.chunks * s.rows), (const char*)acc[q].place, f.n[OUTER] * 4);
    }
  }
}

// Elements [from, to) of a map. Where lines are long a tile ends with its line, so that operands are read in place.
NABLA_FUNCTION void mapRange(Frame& f, idx from, idx to) {
  const Segment& s = *f.segment;
  const idx line = s.axes > 1 ? s.size[s.axes - 1] : s.rows;
  f.n[OUTER] = 0;
  for (idx p = from; p < to;) {
    idx n = least(TILE, to - p);
    if (line >= TILE) n = least(n, line - p % line);
    f.n[INNER] = n;
    f.pos[INNER] = p;
    runInstrs(f, f.program->uniformEnd, f.program->bodyEnd);
    p += n;
  }
}

// A block's operand: two axes, from `at` of the segment's.
NABLA_INLINE idx blockAccess(const TileAccess& x, const Segment& s, const idx* at, TileAccess& block) {
  const int axes[2] = {s.block, s.axes - 1};
  idx fixed = 0;
  bool inside = true;
  for (int a = 0; a < s.axes; a++) {
    fixed += at[a] * x.stride[a];
    if (x.guarded && a != axes[0] && a != axes[1]) inside &= at[a] >= x.lo[a] && at[a] < x.hi[a];
  }
  block.buffer = x.buffer;
  block.dtype = x.dtype;
  // A uniform operand has no axes.
  block.begin = 0;
  block.end = x.end > x.begin ? 2 : 0;
  block.linear = x.end == x.begin;
  block.guarded = x.guarded;
  block.fill = x.fill;
  block.offset = x.offset;
  for (int k = 0; k < 2; k++) {
    block.stride[k] = x.stride[axes[k]];
    block.lo[k] = x.lo[axes[k]] - at[axes[k]];
    block.hi[k] = x.hi[axes[k]] - at[axes[k]];
  }
  return !inside ? OUTSIDE : block.end == 0 ? 0 : fixed;
}

// Blocks of a map: BLOCK indices of the block's axis by all of the last axis a unit.
NABLA_FUNCTION void mapBlocks(Frame& f, Range units) {
  const TileProgram& p = *f.program;
  const Segment& s = *f.segment;
  TileAccess* local = (TileAccess*)f.accumulators;
  Segment block = s;
  block.loads = local;
  block.indices = local + p.loads;
  block.stores = local + p.loads + p.indices;
  f.segment = &block;
  f.n[OUTER] = 0;
  f.pos[INNER] = 0;
  const idx across = (s.size[s.block] + BLOCK - 1) / BLOCK, last = s.size[s.axes - 1];
  for (idx u = units.begin; u < units.end; u++) {
    idx at[TILE_AXES], rest = u / across;
    for (int a = s.axes - 2; a >= 0; a--) {
      if (a == s.block) continue;
      at[a] = rest % s.size[a];
      rest /= s.size[a];
    }
    at[s.block] = u % across * BLOCK;
    block.size[0] = least(BLOCK, s.size[s.block] - at[s.block]);
    for (idx from = 0; from < last; from += BLOCK) {
      at[s.axes - 1] = from;
      block.size[1] = least(BLOCK, last - from);
      idx* fixed = f.fixed;
      for (int32_t i = 0; i < p.loads; i++) *fixed++ = blockAccess(s.loads[i], s, at, local[i]);
      for (int32_t i = 0; i < p.indices; i++) *fixed++ = blockAccess(s.indices[i], s, at, local[p.loads + i]);
      for (int32_t i = 0; i < p.stores; i++) *fixed++ = blockAccess(s.stores[i], s, at, local[p.loads + p.indices + i]);
      f.n[INNER] = block.size[0] * block.size[1];
      runInstrs(f, p.uniformEnd, p.bodyEnd);
    }
  }
  for (int32_t i = 0; i < p.loads + p.indices + p.stores; i++) f.fixed[i] = 0;
  f.segment = &s;
}

NABLA_FUNCTION void runUnits(Frame& f, const FusedTask& task, int32_t phase, const Cut& cut, Range units) {
  const TileProgram& p = *f.program;
  const Segment& s = *f.segment;
  if (p.mode == MAP) f.splatCount = least(TILE, roundUp(s.rows, LANES));
  else if (p.mode == ROWS) f.splatCount = least(TILE, roundUp(most(s.rows, s.rows * s.length), LANES));
  else f.splatCount = p.mode == COLUMNS ? roundUp(cut.width, LANES) : TILE;
  if (s.bound) f.splatCount = LANES;
  runInstrs(f, 0, p.uniformEnd);
  if (s.bound) {
    if (p.mode == MAP) return boundMap(f, units.begin * cut.width, least(units.end * cut.width, s.rows));
    return boundRows(f, units.begin * cut.width, least(units.end * cut.width, s.rows));
  }
  if (s.split) return splitPhase(f, task.partials, phase, cut, units);
  switch (p.mode) {
    case MAP:
      if (s.block >= 0) return mapBlocks(f, units);
      return mapRange(f, units.begin * cut.width, least(units.end * cut.width, s.rows));
    case ROWS:
      for (idx u = units.begin; u < units.end; u++) {
        selectRows(f, u * cut.width, least(cut.width, s.rows - u * cut.width));
        f.n[INNER] = f.n[OUTER] * s.length;
        f.pos[INNER] = f.pos[OUTER] * s.length;
        runInstrs(f, p.uniformEnd, p.bodyEnd);
      }
      return;
    default:
      for (idx u = units.begin; u < units.end; u++) {
        selectRows(f, u * cut.width, least(cut.width, s.rows - u * cut.width));
        wholeRow(f);
      }
  }
}

NABLA_INLINE bool inPhase(const Segment& s, const TileProgram& p, int32_t phase) {
  return s.rows > 0 && (s.split ? phase <= p.stages : phase == 0);
}

NABLA_FUNCTION void runFused(const FusedTask& task, Worker& w) {
  for (int32_t phase = task.phase; phase < task.phaseEnd; phase++) {
    Shares shares{0, 0, 0, 0};
    if (w.count > 1) {
      for (int32_t g = 0; g < task.groups; g++)
        for (int32_t i = 0; i < task.group[g].segments; i++) {
          const Segment& s = task.group[g].segment[i];
          if (!inPhase(s, *task.group[g].program, phase)) continue;
          const Cut cut = cutSegment(*task.group[g].program, s, phase, w);
          shares.total += cut.units * cut.cost;
        }
      shares.begin = shares.total / w.count * w.index + shares.total % w.count * w.index / w.count;
      shares.end = shares.total / w.count * (w.index + 1) + shares.total % w.count * (w.index + 1) / w.count;
    }
    for (int32_t g = 0; g < task.groups; g++) {
      const TileProgram& program = *task.group[g].program;
      Frame f;
      bool open = false;
      for (int32_t i = 0; i < task.group[g].segments; i++) {
        const Segment& s = task.group[g].segment[i];
        if (!inPhase(s, program, phase)) continue;
        const Cut cut = cutSegment(program, s, phase, w);
        const Range units = w.rows > 0    ? share(w.rows, 1, w.index, w.count)
                            : w.count > 1 ? shares.take(cut.units, cut.cost)
                                          : Range{0, cut.units};
        if (units.begin >= units.end) continue;
        if (!open) openFrame(f, program, task.buffers, w);
        open = true;
        f.segment = &s;
        runUnits(f, task, phase, cut, units);
      }
    }
  }
}

// Finished elements of a contraction: element (row + i, col + j) of `batch` is acc[i * ld + j].
NABLA_FUNCTION void runEpilogue(const void* ctx, float* acc, idx ld, idx batch, idx row, idx rows, idx col, idx cols, Worker& w) {
  const EpilogueContext& c = *(const EpilogueContext*)ctx;
  Frame f;
  openFrame(f, *c.program, c.buffers, w);
  f.segment = c.segment;
  f.n[OUTER] = 0;
  f.splatCount = least(TILE, roundUp(rows * cols, LANES));
  runInstrs(f, 0, c.program->uniformEnd);
  f.accCols = cols;
  f.accLd = ld;
  const idx first = (batch * c.rows + row) * c.cols + col;
  f.acc = acc;
  if (c.segment->bound && boundPart(f, c, first, rows, cols)) return;
  if (cols == c.cols && ld == cols) {
    // The part is one run of the result.
    f.accCols = rows * cols;
    for (idx p = 0; p < rows * cols; p += f.n[INNER]) {
      f.n[INNER] = least(TILE, rows * cols - p);
      f.pos[INNER] = first + p;
      f.acc = acc + p;
      runInstrs(f, c.program->uniformEnd, c.program->bodyEnd);
    }
  } else if (cols == c.cols && cols <= TILE / 2) {
    // Several rows of the result a tile.
    const idx step = TILE / cols;
    for (idx i = 0; i < rows; i += step) {
      f.n[INNER] = least(step, rows - i) * cols;
      f.pos[INNER] = first + i * cols;
      f.acc = acc + i * ld;
      runInstrs(f, c.program->uniformEnd, c.program->bodyEnd);
    }
  } else {
    for (idx i = 0; i < rows; i++)
      for (idx j = 0; j < cols; j += f.n[INNER]) {
        f.n[INNER] = least(TILE, cols - j);
        f.accCols = cols - j;
        f.pos[INNER] = first + i * c.cols + j;
        f.acc = acc + i * ld + j;
        runInstrs(f, c.program->uniformEnd, c.program->bodyEnd);
      }
  }
}

}  // namespace KNS
