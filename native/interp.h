// The tile interpreter: runs a program's instructions on registers of up to TILE elements, one switch an instruction a tile.
#pragma once
#include "access.h"
#include "philox.h"
#include "reduce.h"
#include "vmath.h"

namespace KNS {

using namespace nabla;

// What running one program on one segment needs, in the worker's own memory.
struct Frame {
  const TileProgram* program;
  const Segment* segment;
  char* const* buffers;
  uint32_t** reg;          // where each register's elements are: its own memory, or an operand's
  char* own;               // the registers' own memory
  uint32_t* temporary;
  idx* fixed;              // per load, index, store: what the fixed axes add to the offset
  char* accumulators;      // of rows; a map has its blocks' operands there
  float* rows;             // values kept for the length of a row
  idx n[3], pos[3];        // per level: elements of the current tile, and the position of its first
  idx splatCount;          // elements that a splat must fill
  const float* acc;        // an epilogue's element at pos[INNER]; accCols elements a row, rows accLd apart
  idx accCols, accLd;
};

constexpr idx ACCUMULATOR_BYTES = (TILE + TILE + 2 * TREE_DEPTH * TILE) * 4;

NABLA_FUNCTION idx registerBytes(const TileProgram& p) {
  return roundUp(p.registers * (idx)sizeof(void*), 64) + (p.registers + 1) * REGISTER_BYTES +
         roundUp((p.loads + p.indices + p.stores) * (idx)sizeof(idx), 64) +
         (p.mode == MAP ? (p.loads + p.indices + p.stores) * (idx)sizeof(TileAccess) : p.reduces * ACCUMULATOR_BYTES);
}

NABLA_INLINE uint32_t* ownRegister(const Frame& f, int32_t r) { return (uint32_t*)(f.own + r * REGISTER_BYTES); }

NABLA_FUNCTION void openFrame(Frame& f, const TileProgram& p, char* const* buffers, Worker& w) {
  char* at = w.registers;
  f.program = &p;
  f.buffers = buffers;
  f.reg = (uint32_t**)at;
  at += roundUp(p.registers * (idx)sizeof(void*), 64);
  f.own = at;
  at += p.registers * REGISTER_BYTES;
  f.temporary = (uint32_t*)at;
  at += REGISTER_BYTES;
  f.fixed = (idx*)at;
  at += roundUp((p.loads + p.indices + p.stores) * (idx)sizeof(idx), 64);
  f.accumulators = at;
  f.rows = (float*)(at + p.reduces * ACCUMULATOR_BYTES);
  f.acc = nullptr;
  f.splatCount = TILE;
  for (int32_t r = 0; r < p.registers; r++) f.reg[r] = ownRegister(f, r);
  for (int32_t i = 0; i < p.loads + p.indices + p.stores; i++) f.fixed[i] = 0;
  f.n[UNIFORM] = 1;
  f.pos[UNIFORM] = 0;
}

// Places every access at position `pos` of its fixed axes.
NABLA_FUNCTION void fixAccesses(Frame& f, idx pos) {
  const TileProgram& p = *f.program;
  const Segment& s = *f.segment;
  idx* at = f.fixed;
  for (int32_t i = 0; i < p.loads; i++) *at++ = fixedOffset(s.loads[i], s.size, s.loads[i].fixedBegin, s.loads[i].fixedEnd, pos);
  for (int32_t i = 0; i < p.indices; i++) *at++ = fixedOffset(s.indices[i], s.size, s.indices[i].fixedBegin, s.indices[i].fixedEnd, pos);
  for (int32_t i = 0; i < p.stores; i++) *at++ = fixedOffset(s.stores[i], s.size, s.stores[i].fixedBegin, s.stores[i].fixedEnd, pos);
}

// Points the register at an epilogue's accumulated elements, gathered first if they are not in a line or end inside a vector.
NABLA_FUNCTION void loadAccumulated(Frame& f, int32_t d, idx n) {
  if (n <= f.accCols && n % VN == 0) {
    f.reg[d] = (uint32_t*)f.acc;
    return;
  }
  uint32_t* own = ownRegister(f, d);
  f.reg[d] = own;
  const float* row = f.acc;
  for (idx done = 0; done < n; done += f.accCols, row += f.accLd)
    copyWords(own + done, (const uint32_t*)row, least(f.accCols, n - done));
}

NABLA_FUNCTION void loadTile(Frame& f, const TileInstr& ins) {
  const TileAccess& x = f.segment->loads[ins.a[0]];
  const idx n = f.n[ins.level], pos = f.pos[ins.level];
  if (x.buffer == ACCUMULATOR) return loadAccumulated(f, ins.d, n);
  const char* base = f.buffers[x.buffer];
  const idx fixed = f.fixed[ins.a[0]];
  uint32_t* own = ownRegister(f, ins.d);
  if (n == 0) {
    // An empty row: its axes cannot be walked.
  } else if (ins.level == UNIFORM) {
    readRun(base, x.dtype, x.offset, 0, VN, own);
    widen(x.dtype, VN, own);
  } else if (x.linear && !x.guarded && widthOf(x.dtype) == 4) {
    const char* at = base + (x.offset + fixed + pos) * 4;
    if (n % VN == 0) {
      f.reg[ins.d] = (uint32_t*)at;
      return;
    }
    copyWords(own, (const uint32_t*)at, n);
  } else {
    // A tile inside one line of the last axis also lies in a row of memory.
    const int a = x.end - 1;
    if (!x.guarded && widthOf(x.dtype) == 4 && x.end > x.begin && x.stride[a] == 1 && n % VN == 0) {
      Walk walk;
      walk.start(x, f.segment->size, fixed, pos);
      if (n <= walk.left()) {
        f.reg[ins.d] = (uint32_t*)(base + walk.at * 4);
        return;
      }
    }
    gatherTile(x, f.segment->size, base, fixed, pos, n, own);
  }
  f.reg[ins.d] = own;
}

// Where a value can be computed in place, the register becomes the destination.
NABLA_FUNCTION void targetTile(Frame& f, const TileInstr& ins) {
  const TileAccess& x = f.segment->stores[ins.a[0]];
  const idx n = f.n[ins.level];
  const bool direct = x.linear && widthOf(x.dtype) == 4 && n % VN == 0;
  const idx fixed = f.fixed[f.program->loads + f.program->indices + ins.a[0]];
  f.reg[ins.d] = direct ? (uint32_t*)(f.buffers[x.buffer] + (x.offset + fixed + f.pos[ins.level]) * 4) : ownRegister(f, ins.d);
}

NABLA_FUNCTION void storeTile(Frame& f, const TileInstr& ins) {
  if (f.n[ins.level] == 0 || (ins.a[2] && f.reg[ins.a[0]] != ownRegister(f, ins.a[0]))) return;
  const TileAccess& x = f.segment->stores[ins.a[1]];
  const idx fixed = f.fixed[f.program->loads + f.program->indices + ins.a[1]];
  scatterTile(x, f.segment->size, f.buffers[x.buffer], fixed, f.pos[ins.level], f.n[ins.level], f.reg[ins.a[0]], f.temporary);
}

NABLA_INLINE void splatInto(uint32_t* d, uint32_t v, idx n) {
  const VU s = splat(v);
  for (idx i = 0; i < n; i += VN) st(d + i, s);
}

// Each row's value along that row. The last vector of a row may reach into the next, which is written after it.
NABLA_FUNCTION void expandTile(Frame& f, const TileInstr& ins) {
  uint32_t* d = f.reg[ins.d];
  const uint32_t* s = f.reg[ins.a[0]];
  const idx length = f.segment->length, rows = f.n[OUTER];
  if (f.program->mode == LONG) return splatInto(d, s[0], f.splatCount);
  if (f.program->mode == STACKED) {
    // The values of all rows, as often as a tile holds them.
    for (idx k = TILE / rows; k > 0; k--, d += rows)
      for (idx i = 0; i < rows; i += VN) st(d + i, rows - i >= VN ? ld(s + i) : partial(s + i, rows - i, 0u));
    return;
  }
  for (idx r = 0; r < rows; r++) splatInto(d + r * length, s[r], length);
}

#define TILE_(count, once, unroll, ...)                    \
  {                                                        \
    NABLA_OPERANDS_##count;                                \
    once;                                                  \
    _Pragma(unroll) for (idx i = 0; i < n; i += VN) {      \
      __VA_ARGS__                                          \
    }                                                      \
    break;                                                 \
  }
#define TILE_CHEAP(count, once, ...) TILE_(count, once, "GCC unroll 4", __VA_ARGS__)
#define TILE_SLOW(count, once, ...) TILE_(count, once, "GCC unroll 1", __VA_ARGS__)
#define NABLA_OPERANDS_1 const uint32_t* p0 = f.reg[ins.a[0]]
#define NABLA_OPERANDS_2 NABLA_OPERANDS_1; const uint32_t* p1 = f.reg[ins.a[1]]
#define NABLA_OPERANDS_3 NABLA_OPERANDS_2; const uint32_t* p2 = f.reg[ins.a[2]]
#define NABLA_OPERANDS_4 NABLA_OPERANDS_3; const uint32_t* p3 = f.reg[ins.a[3]]
#define NABLA_OPERANDS_5 NABLA_OPERANDS_4; const uint32_t* p4 = f.reg[ins.a[4]]
#define NABLA_OPERANDS_6 NABLA_OPERANDS_5; const uint32_t* p5 = f.reg[ins.a[5]]
#define NABLA_OPERANDS_7 NABLA_OPERANDS_6; const uint32_t* p6 = f.reg[ins.a[6]]

NABLA_FUNCTION void runInstrs(Frame& f, int32_t begin, int32_t end) {
  const TileInstr* const instrs = f.program->instrs;
  for (int32_t at = begin; at < end; at++) {
    const TileInstr& ins = instrs[at];
    const idx n = f.n[ins.level];
    uint32_t* const d = f.reg[ins.d];
    switch (ins.op) {
      case OP_load: loadTile(f, ins); break;
      case OP_index_i:
      case OP_index_f: {
        const idx fixed = f.fixed[f.program->loads + ins.a[0]];
        if (n == 0) break;
        indexTile(f.segment->indices[ins.a[0]], f.segment->size, fixed, f.pos[ins.level], n, d);
        if (ins.op == OP_index_f)
          for (idx i = 0; i < n; i += VN) st((float*)d + i, vtof((VI)ld(d + i)));
        break;
      }
      case OP_literal: splatInto(d, (uint32_t)ins.a[0], n); break;
      case OP_target: targetTile(f, ins); break;
      case OP_row: f.reg[ins.d] = (uint32_t*)f.rows + ins.a[0] * rowStride(f.segment->length) + f.pos[INNER]; break;
      case OP_store: storeTile(f, ins); break;
      case OP_splat: splatInto(d, f.reg[ins.a[0]][0], f.splatCount); break;
      case OP_expand: expandTile(f, ins); break;
      case OP_random: philoxTile(f.reg[ins.a[0]], f.reg[ins.a[1]], f.reg[ins.a[2]], n, d); break;
#include "generated/cases.inc"
      default:
        // Only reductions are left: a ROWS tile folds them in place.
        folderFor(ins.op).rows(f.reg[ins.a[0]], f.n[OUTER], f.segment->length, d);
    }
  }
}

}  // namespace KNS
