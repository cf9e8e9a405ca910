// In which order, on which thread and in how many shares the steps of a program run; decided once, from what each step reads and writes
// and a guess of its time. A schedule changes no result: shares and orders only differ where the kernels' bits do not.
#pragma once
#include <vector>
#include "program.h"

namespace nabla {

// Part `index` of `count` of a step.
struct Share {
  int32_t step;                 // Step.number
  int32_t index, count;
  int32_t phase, phaseEnd;      // of a fused step
  idx rows;                     // 0, or what the step is cut along: see Worker
};

// What runs between two meetings of the threads. No piece depends on another. Where steps take long there are more pieces than threads, so
// that a thread which another process holds up now and then does less.
struct Phase {
  std::vector<std::vector<Share>> pieces;
  int32_t loop = -1;            // or the one whose rounds each piece goes through by itself
};

// The way through the phases. ENTER and LEAVE bracket those of a loop.
struct Op {
  enum Kind : int32_t { PHASE, ENTER, LEAVE } kind;
  int32_t which;                // of phases or loops
  int32_t begin;                // of LEAVE: the first op inside
  int32_t end;                  // of ENTER: its LEAVE
  uint64_t phases;              // of ENTER: phases from here to its LEAVE, loops counted as often as they go round
};

struct Schedule {
  std::vector<Phase> phases;
  std::vector<Op> code;
  std::vector<const LoopInfo*> loops;
  uint64_t length = 0;          // phases in one run, loops counted as often as they go round; those of guarded ones have numbers too
  double nanoseconds = 0;       // of one run, roughly
};

constexpr uint64_t MOST_PHASES = (uint64_t)1 << 50;  // more than can ever run: `length` is no more

Schedule makeSchedule(const Program& program, int32_t threads);

}  // namespace nabla
