// What exec hands to the tile interpreter: programs (what is computed), segments (where), and the table each instruction set exposes.
// Types only, as in kernels.h. Programs come from src/engine/backend/cpu/encode; program.cpp checks every field before they get here.
#pragma once
#include "kernels.h"
#include "generated/opcodes.h"

#define NABLA_METHOD inline __attribute__((always_inline))

namespace nabla {

constexpr idx TILE = 256;                  // elements of a register
constexpr idx REGISTER_BYTES = TILE * 4 + 64;  // the padding takes whole-vector writes past the last element and staggers cache sets
constexpr int TILE_AXES = 8;               // axes of a segment
constexpr idx BLOCK = 16;                  // elements along each axis of a block
constexpr int TILE_ARGS = 7;
constexpr idx ROW_CHUNK = 4096;            // elements of a row folded in 16 lanes before the pairwise tree over chunks
constexpr idx COLUMN_CHUNK = 256;          // rows folded one after the other before the pairwise tree over chunks
constexpr int TREE_DEPTH = 48;             // enough levels for any number of chunks
constexpr idx OUTSIDE = INTPTR_MIN;        // in place of an offset: the fixed axes lie outside the guard
constexpr int32_t ACCUMULATOR = -1;        // the buffer of an epilogue's load 0
constexpr int CALL_OPERANDS = 16;          // loads, stores and indices (each) of a kernel of the catalogue
constexpr int CALL_UNIFORMS = 24;          // and its uniform values
constexpr int CALL_PLACES = 8;             // and values kept for the length of a row
constexpr idx BLOCK_WORDS = 2048;          // elements of the rows that it takes side by side: they stay in the first cache

// How often an instruction runs: once a run, once a row, once an element.
enum Level : int32_t { UNIFORM = 0, OUTER = 1, INNER = 2 };

// MAP: no reduction; all axes are elements.
// ROWS: rows of at most TILE elements; a tile holds whole rows and the program is one list.
// LONG: longer rows; one pass over the row per stage.
// COLUMNS: a tile holds one element of many rows each; a pass walks along the rows together.
// STACKED: the same for so few rows that a tile holds several elements of all of them; the outer axes come last.
enum Mode : int32_t { MAP = 0, ROWS = 1, LONG = 2, COLUMNS = 3, STACKED = 4 };

struct TileInstr {
  int32_t op, level, d;
  int32_t a[TILE_ARGS];
};

// Of LONG, COLUMNS and STACKED: outer instructions, one pass of inner ones, and the reductions fed by that pass; each ends where the next begins.
struct Stage {
  int32_t outerBegin, outerEnd, innerEnd, reduceEnd;
};

// Work of a kernel of the catalogue: rows x length elements, each operand at a fixed distance from row to row.
struct KernelCall {
  struct In {
    const char* at;
    idx rowBytes, width;
    idx mask;                     // -1: steps along the row; 0: one element for the whole row
  };
  struct Out {
    char* at;
    idx rowBytes;
    bool stream;                  // past the caches
  };
  struct Index {
    uint32_t first, rowStep, step;
  };
  idx rows, length, together;     // `together`: rows taken side by side, no more than lanes of a vector
  In in[CALL_OPERANDS];
  Out out[CALL_OPERANDS];
  Index index[CALL_OPERANDS];
  uint32_t uniform[CALL_UNIFORMS];
  uint32_t* kept;                 // places, each keptStride words long, in them rows of keptRow words
  idx keptStride, keptRow;
};
typedef void (*Kernel)(const KernelCall&);

// The kernel of the catalogue that does a program's work but for its uniform part, and which register, load, index and store of the
// program each of its operands is.
struct Binding {
  Kernel kernel;
  const char* name;
  int32_t uniforms, loads, indices, stores;
  int32_t uniform[CALL_UNIFORMS];
  int32_t load[CALL_OPERANDS], index[CALL_OPERANDS], store[CALL_OPERANDS];
};

struct TileProgram {
  const Binding* binding;         // null: only the interpreter knows it
  Mode mode;
  int32_t loads, indices, stores, registers, reduces;
  int32_t places;                 // LONG: values kept for the length of a row
  const TileInstr* instrs;
  int32_t uniformEnd;             // [0, uniformEnd) run once per run
  int32_t bodyEnd;                // MAP, ROWS: [uniformEnd, bodyEnd) is the list
  int32_t stages;                 // LONG, COLUMNS, STACKED
  const Stage* stage;
  int32_t finalBegin, finalEnd;   // likewise: outer instructions after the last pass
};

// An operand of one segment. Its space is the axes [begin, end), along which a tile runs; [fixedBegin, fixedEnd) stand still meanwhile.
struct TileAccess {
  int32_t buffer;
  DType dtype;
  int32_t begin, end, fixedBegin, fixedEnd;
  bool linear;                    // element at position p of its space is at offset + p
  bool guarded;
  uint32_t fill;                  // as stored
  idx offset;
  idx stride[TILE_AXES], lo[TILE_AXES], hi[TILE_AXES];
};

struct Segment {
  int32_t axes, outer;            // the first `outer` axes (STACKED: the last) make rows
  idx size[TILE_AXES];
  idx rows, length;               // products of the outer and the inner axes
  int32_t block;                  // MAP: the axis that a tile runs along beside the last, where operands lie across each other; or -1
  bool bound;                     // the program's kernel runs here
  bool stream;                    // more is written than stays in cache
  bool split;                     // LONG, COLUMNS, STACKED: rows are cut in chunks and partial results meet in `partials`
  idx chunks;
  idx partials;                   // where this segment's begin in FusedTask.partials, in 4-byte words
  const TileAccess* loads;
  const TileAccess* indices;
  const TileAccess* stores;
};

struct Group {
  const TileProgram* program;
  int32_t segments;
  const Segment* segment;
};

// Elements of a kept row's memory: the padding takes whole tiles past its end.
static NABLA_METHOD idx rowStride(idx length) { return (length + 15) / 16 * 16 + TILE; }
// Words of a place of a kernel of the catalogue, which keeps several short rows side by side.
static NABLA_METHOD idx placeStride(idx length) { return rowStride(length > BLOCK_WORDS ? length : BLOCK_WORDS); }

struct FusedTask {
  int32_t groups;
  const Group* group;
  int32_t phases;                 // 1, or 1 + the stages of the split segment with most of them
  int32_t phase, phaseEnd;        // those to run now; more than one only when the worker is alone
  uint32_t* partials;
  char* const* buffers;
};

// Epilogue.ctx
struct EpilogueContext {
  const TileProgram* program;
  const Segment* segment;         // MAP over axes [..., rows, cols]
  idx rows, cols;                 // of one batch
  char* const* buffers;
};

struct TileTable {
  void (*fused)(const FusedTask&, Worker&);
  // An Epilogue's apply.
  void (*epilogue)(const void* ctx, float* acc, idx ld, idx batch, idx row, idx rows, idx col, idx cols, Worker& w);
  // Bytes of Worker.registers a program needs.
  idx (*registerBytes)(const TileProgram&);
  // Of the catalogue, in its order; null: everything is interpreted, as in test builds with NABLA_WITHOUT_CATALOGUE.
  const Kernel* kernels;
  // The same without a catalogue.
  const TileTable* interpreter;
};

}  // namespace nabla

#define KNS_TILES(ns) KNS_PASTE_(ns, _tiles)
#define KNS_CATALOGUE(ns) KNS_PASTE_(ns, _catalogue)
extern "C" {
extern const nabla::Kernel kern_base_catalogue[], kern_v3_catalogue[], kern_v4_catalogue[], kern_neon_catalogue[];
const nabla::TileTable* kern_base_tiles(void);
const nabla::TileTable* kern_v3_tiles(void);
const nabla::TileTable* kern_v4_tiles(void);
const nabla::TileTable* kern_neon_tiles(void);
}
