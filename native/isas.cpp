// The instruction sets of this machine that are built in, the best first.
#include "exec.h"

namespace nabla {

std::vector<Isa> availableIsas() {
  std::vector<Isa> list;
#if defined(__x86_64__)
  __builtin_cpu_init();
  [[maybe_unused]] const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                                   __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  [[maybe_unused]] const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                   __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                                   __builtin_cpu_supports("avx512vl");
#if NABLA_SETS & 4
  if (v4) list.push_back(Isa{"avx512", kern_v4_table(), kern_v4_tiles()});
#endif
#if NABLA_SETS & 2
  if (v3) list.push_back(Isa{"avx2", kern_v3_table(), kern_v3_tiles()});
#endif
#if NABLA_SETS & 1
  list.push_back(Isa{"sse2", kern_base_table(), kern_base_tiles()});
#endif
#elif defined(__aarch64__)
  list.push_back(Isa{"neon", kern_neon_table(), kern_neon_tiles()});
#endif
  return list;
}

}  // namespace nabla
