// A loaded plan: the Int32Array of src/engine/backend/cpu/encode, decoded once and checked so thoroughly that running it cannot leave
// its memory, whatever the words were.
#pragma once
#include <stdint.h>
#include <memory>
#include <string>
#include <vector>
#include "fused.h"
#include "kernels.h"

namespace nabla {

constexpr int32_t PROGRAM_MAGIC = 0x4e41424c;
constexpr int32_t PROGRAM_VERSION = 1;

enum PlaceKind : int32_t { PLACE_INPUT, PLACE_OUTPUT, PLACE_ARENA, PLACE_CONST, PLACE_SCALAR, PLACE_SLICE, PLACE_KINDS };

struct BufferInfo {
  PlaceKind place;
  int32_t index;      // of the input, output or scalar; the parent of a slice
  int32_t depth;      // of a slice's loop
  idx offset;         // in the arena or the constants; bytes from one slice to the next
  DType dtype;
  idx bytes;
  idx alignment;      // of its first byte, at every slice
  bool writable;
};

enum StepKind : int32_t {
  STEP_FUSED, STEP_GEMM, STEP_CONV, STEP_WINDOW, STEP_CUMULATE, STEP_GATHER, STEP_SCATTER, STEP_SORT, STEP_COPY, STEP_LOOP, STEP_ATTENTION, STEP_KINDS,
  STEP_PACK  // no plan has one: see LoopInfo
};

// A buffer and an offset in elements; how steps name their operands until exec binds them to addresses.
struct Operand {
  int32_t buffer;
  idx offset;
};

struct CopyTask {
  const void* from;
  void* to;
  idx bytes;
};

// Memory that runs may write to, by who owns it: packed matrices, the arena, an input or an output.
struct Touch {
  int64_t space;
  idx begin, end;               // bytes
};

// Sorted, and what overlaps or adjoins made one.
std::vector<Touch> merged(std::vector<Touch> list);

// Whether lists as a Step has them have a byte in common.
bool overlap(const std::vector<Touch>& a, const std::vector<Touch>& b);

struct Step;

struct LoopInfo {
  idx length;
  bool reverse;
  int32_t guard = -1;           // a buffer whose first byte says whether the loop, then of one round, runs at all; -1: it does
  std::vector<int32_t> slices;  // to be moved with each iteration, parents first
  std::vector<Step> before;     // once, on the way in: packs the matrices that stay the same and are multiplied by in every iteration
  std::vector<Step> steps;
};

// Tasks hold everything but addresses; those are exec's to fill in.
struct Step {
  StepKind kind;
  int32_t number;               // of all steps but loops, in order
  bool nothing;                 // no element to compute
  double nanoseconds;           // on one thread, roughly
  idx tiles;                    // shares it can be cut into before they stop getting smaller
  idx scratch, registers;       // bytes per thread
  std::vector<Touch> reads, writes;  // sorted, none touching another
  union {
    FusedTask fused;
    GemmTask gemm;
    ConvTask conv;
    WindowTask window;
    CumulateTask cumulate;
    GatherTask gather;
    ScatterTask scatter;
    SortTask sort;
    CopyTask copy;
    AttentionTask attention;
    PackTask pack;
  };
  int32_t form;                 // conv: 0 conv, 1 input gradient, 2 filter gradient; window: 1 for argWindow; attention: 1 backward
  Operand operand[10];          // in the order of the task's pointers
  bool plain;                   // gemm, conv: no epilogue but the store to `operand[2]`
  EpilogueContext epilogue;
  idx kept = -1;                // pack, gemm: bytes from the start of the packed matrices to this one
  std::shared_ptr<LoopInfo> loop;
};

// Owns what the tasks of a program point at.
class Pile {
 public:
  template <class T> T* make(size_t count) {
    const size_t words = (count * sizeof(T) + 15) / 16 * 2 + 2;
    blocks_.emplace_back(new uint64_t[words]());
    return (T*)blocks_.back().get();
  }

 private:
  std::vector<std::unique_ptr<uint64_t[]>> blocks_;
};

struct Program {
  std::vector<BufferInfo> buffers;
  int32_t inputs = 0, outputs = 0, scalars = 0;
  std::vector<idx> inputBytes, outputBytes;   // what the caller's memory must hold; outputs with a donor need none
  std::vector<bool> inputWritable;            // by some step
  std::vector<DType> scalarTypes;
  idx arenaBytes = 0, constBytes = 0;
  std::vector<Step> steps;
  int32_t numbered = 0;                       // steps, loops not counted, those inside them once
  idx scratch = 0, registers = 0;             // most of any step
  idx partials = 0, kept = 0;                 // bytes
  bool loops = false;
  std::vector<Touch> reads, writes;           // of the step being decoded
  Pile pile;
};

// Notes which bytes of a buffer the step being decoded reads or writes. What no run writes to is left out.
void noteTouch(Program& out, int32_t buffer, idx begin, idx end, bool write);

// An empty text, or what is wrong.
std::string decodeProgram(const int32_t* words, size_t count, size_t constBytes, const KernelTable& kernels, const TileTable& tiles,
                          Program& out);

}  // namespace nabla
