// Finds the printed kernel that does what a decoded program does: by the whole of its signature, so that nothing in a program's words
// can name a kernel it does not describe.
#pragma once
#include <vector>
#include "fused.h"

namespace nabla {

// Fills `b` when the catalogue has a kernel for the program, whose words have been checked.
bool bindKernel(const TileProgram& p, const std::vector<DType>& loads, const std::vector<DType>& stores, const Kernel* kernels, Binding& b);

}  // namespace nabla
