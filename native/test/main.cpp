// The native test program: every kernel of every instruction set this machine has, then equality between sets.
// Usage: native-test [--bench] [--quick] [--isa sse2|avx2|avx512] [--programs FILE]
#include "check.h"
#include "probe.h"

int failures = 0, checks = 0;
bool quick = false;

int main(int argc, char** argv) {
  bool timing = false;
  std::string only;
  const char* programs = nullptr;
  for (int i = 1; i < argc; i++) {
    std::string a = argv[i];
    if (a == "--bench") timing = true;
    else if (a == "--quick") quick = true;
    else if (a == "--programs" && i + 1 < argc) programs = argv[++i];
    else if (a == "--isa" && i + 1 < argc) only = argv[++i];
    else {
      std::printf("unknown option %s\n", argv[i]);
      return 2;
    }
  }
  std::vector<Isa> sets;
#if defined(__aarch64__)
  sets.push_back({kern_neon_table(), kern_neon_probe()});
#else
#if NABLA_SETS & 1
  sets.push_back({kern_base_table(), kern_base_probe()});
#endif
#if NABLA_SETS & 2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back({kern_v3_table(), kern_v3_probe()});
#endif
#if NABLA_SETS & 4
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq"))
    sets.push_back({kern_v4_table(), kern_v4_probe()});
#endif
#endif
  struct Suite {
    const char* name;
    uint64_t (*run)(const Isa&);
  };
  const Suite suites[] = {{"gemm", testGemm}, {"conv", testConv}, {"window", testWindow}, {"index", testIndex}, {"sort", testSort}, {"reduce", testReduce}, {"attention", testAttention}};
  constexpr int S = sizeof suites / sizeof *suites;
  uint64_t fusedHash[S] = {};
  const char* fusedName = nullptr;
  for (const Isa& isa : sets) {
    if (!only.empty() && only != isa.table->name) continue;
    std::printf("%s: %d-byte vectors, %s\n", isa.table->name, isa.table->vectorBytes, isa.table->fused ? "fused" : "unfused");
    if (timing) {
      bench(isa);
      continue;
    }
    testMath(isa);
    for (int s = 0; s < S; s++) {
      int before = checks;
      uint64_t h = suites[s].run(isa);
      std::printf("  %-8s %d checks, hash %016llx\n", suites[s].name, checks - before, (unsigned long long)h);
      if (!isa.table->fused) continue;
      if (fusedName) CHECK(h == fusedHash[s], "%s: %s and %s differ in bits", suites[s].name, fusedName, isa.table->name);
      else fusedHash[s] = h;
    }
    if (isa.table->fused && !fusedName) fusedName = isa.table->name;
  }
  if (timing) return 0;
  CHECK(!sets.empty(), "this machine has none of the instruction sets that were built");
  testSchedule();
  if (programs) testPrograms(programs);
  std::printf("%d passed, %d failed\n", checks - failures, failures);
  return failures ? 1 : 0;
}
