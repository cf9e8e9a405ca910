// What will run where: a loaded program in words, for explain().
#pragma once
#include <string>
#include <vector>
#include "schedule.h"

namespace nabla {

// A note for each step, those inside a loop right after it.
std::vector<std::string> describeProgram(const Program& p, const Schedule& schedule, const KernelTable& kernels, int32_t threads);

}  // namespace nabla
