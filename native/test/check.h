// Shared by the native tests: a tiny check macro, seeded data, buffers that ASan guards, and running a kernel on several threads.
#pragma once
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "../kernels.h"

using nabla::idx;
using nabla::Worker;

extern int failures, checks;

// printf-like message after the condition.
#define CHECK(condition, ...)                                     \
  do {                                                            \
    checks++;                                                     \
    if (!(condition)) {                                           \
      if (failures++ < 40) {                                      \
        std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
        std::printf(__VA_ARGS__);                                 \
        std::printf("\n");                                        \
      }                                                           \
    }                                                             \
  } while (0)

struct Rng {
  uint64_t state;
  explicit Rng(uint64_t seed) : state(seed * 0x9e3779b97f4a7c15ull + 1) {}
  uint32_t bits() {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 32);
  }
  idx below(idx n) { return n <= 0 ? 0 : (idx)(bits() % (uint64_t)n); }
  idx between(idx lo, idx hi) { return lo + below(hi - lo + 1); }
  float uniform() { return (float)(bits() >> 8) * 0x1p-23f - 1.f; }  // [-1, 1)
  bool coin() { return bits() & 1; }
};

// n elements between guard zones that ASan poisons through the heap; 64-byte aligned so that exec's layout is imitated.
template <class T> struct Buffer {
  std::vector<char> raw;
  T* data;
  idx size;
  explicit Buffer(idx n, idx misalign = 0) : raw(), data(nullptr), size(n) {
    // The end is exact: a read past element n - 1 is past the allocation.
    idx bytes = n * (idx)sizeof(T);
    idx lead = misalign * (idx)sizeof(T);
    raw.resize((size_t)(bytes + lead + 1));
    data = (T*)(raw.data() + lead);
  }
  Buffer(const Buffer&) = delete;
  T& operator[](idx i) { return data[i]; }
  const T& operator[](idx i) const { return data[i]; }
};

inline void fill(Buffer<float>& b, Rng& rng) {
  for (idx i = 0; i < b.size; i++) b[i] = rng.uniform();
}

struct Gate {
  std::atomic<int> arrived{0}, generation{0};
  int count = 1;
  void wait() {
    int g = generation.load(std::memory_order_acquire);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
      arrived.store(0, std::memory_order_relaxed);
      generation.fetch_add(1, std::memory_order_release);
    } else {
      while (generation.load(std::memory_order_acquire) == g) std::this_thread::yield();
    }
  }
};

inline char* newScratch(idx bytes) {
  char* memory = nullptr;
  if (posix_memalign((void**)&memory, 64, (size_t)bytes + 1) != 0) std::abort();
  std::memset(memory, 0xff, (size_t)bytes + 1);  // stale scratch is NaN
  return memory;
}

#if defined(__SANITIZE_THREAD__)
// The thread sanitizer takes long over large blocks that come and go: it sees the same memory again. What lies beyond the scratch is the
// address sanitizer's to watch.
struct Scratch {
  char* memory;
  Scratch(int thread, idx bytes) {
    static struct { char* memory; idx bytes; } kept[16];
    if (kept[thread].bytes <= bytes) {
      std::free(kept[thread].memory);
      kept[thread] = {newScratch(2 * bytes), 2 * bytes + 1};
    }
    memory = kept[thread].memory;
  }
};
#else
struct Scratch {
  char* memory;
  Scratch(int, idx bytes) : memory(newScratch(bytes)) {}
  ~Scratch() { std::free(memory); }
};
#endif

// Runs body on `threads` threads with scratch of exactly `scratch` bytes each.
template <class F> void spmd(int threads, idx scratch, F body) {
  auto one = [&](int i) {
    Scratch memory(i, scratch);
    Worker w{};
    w.index = i;
    w.count = threads;
    w.scratch = memory.memory;
    body(w);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; i++) others.emplace_back(one, i);
  one(0);
  for (auto& t : others) t.join();
}

template <class T> bool sameBits(const Buffer<T>& a, const Buffer<T>& b) {
  return a.size == b.size && std::memcmp(a.data, b.data, (size_t)a.size * sizeof(T)) == 0;
}

// FNV-1a over bytes: one number to compare instruction sets with.
inline uint64_t hashBytes(uint64_t h, const void* p, size_t n) {
  for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char*)p)[i]) * 0x100000001b3ull;
  return h;
}
constexpr uint64_t HASH_START = 0xcbf29ce484222325ull;

// Bytes with valid alignment for the library's conversions, as a stored float of another kind.
inline double ulpsBetween(float got, double want) {
  if (std::isnan(got) && std::isnan(want)) return 0;
  float nearest = (float)want;
  if (got == nearest) {
    if (!std::isfinite(nearest)) return 0;
  } else if (std::isnan(got) || std::isnan(want) || !std::isfinite(got)) {
    return 1e30;
  }
  if (!std::isfinite(nearest)) nearest = std::copysign(std::numeric_limits<float>::max(), (float)want);
  int exponent;
  std::frexp(nearest, &exponent);
  double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::fabs((double)got - want) / unit;
}

struct Probe;
// One instruction set under test.
struct Isa {
  const nabla::KernelTable* table;
  const Probe* probe;
};

void testMath(const Isa&);
uint64_t testGemm(const Isa&);
uint64_t testConv(const Isa&);
uint64_t testWindow(const Isa&);
uint64_t testIndex(const Isa&);
uint64_t testSort(const Isa&);
uint64_t testReduce(const Isa&);
uint64_t testAttention(const Isa&);
void testSchedule();
void testPrograms(const char* path);
void bench(const Isa&);
