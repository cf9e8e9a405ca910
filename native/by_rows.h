// Loops whose rows never meet: a recurrent step of one sequence reads nothing of another's. A thread may then go through all rounds by
// itself with some of the rows, and needs not wait for the others in each.
#pragma once
#include "program.h"

namespace nabla {

struct RowCut {
  int32_t parts;                // fewer than 2: it is not possible
  idx rows, most;               // of every step's result, and of the largest part
};

// For at most `parts` parts, of a loop that is in no other.
RowCut cutByRows(const Program& program, const LoopInfo& loop, int32_t parts);

}  // namespace nabla
