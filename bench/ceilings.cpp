// What the machine can do at most, as one line of JSON: f32 FMA (GFLOP/s), triad with plain and with streaming stores (GB/s, 12 bytes
// counted an element) and reading 400 KB over and over (GB/s), each on one thread and on two. The best of many short runs: a ceiling.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <sys/mman.h>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int kBytes = 64, kChains = 24;  // 32 registers
#elif defined(__AVX__)
constexpr int kBytes = 32, kChains = 12;  // 16 registers
#elif defined(__aarch64__)
constexpr int kBytes = 16, kChains = 24;
#else
constexpr int kBytes = 16, kChains = 12;
#endif
constexpr int kLanes = kBytes / 4;
typedef float Vec __attribute__((vector_size(kBytes), may_alias));

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A processor for each thread: else the scheduler may leave both on one for the whole of a short run.
static void pin(int thread) {
#if defined(__linux__)
  static cpu_set_t allowed;
  static const bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  if (!known) return;
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || seen++ != thread) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
#else
  (void)thread;
#endif
}

// Seconds from the moment all threads are there until the last is done.
static double together(int threads, const std::function<void(int)>& work) {
  std::atomic<int> there{0};
  std::atomic<bool> go{false};
  auto wait = [&](int t) {
    pin(t);
    there++;
    while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
    work(t);
  };
  std::thread other;
  if (threads == 2) other = std::thread(wait, 1);
  while (there.load() != threads - 1) std::this_thread::yield();
  const double start = now();
  go.store(true, std::memory_order_release);
  work(0);
  if (threads == 2) other.join();
  return now() - start;
}

static double best(int threads, int runs, const std::function<void(int)>& work) {
  double least = 1e30;
  for (int r = 0; r < runs; r++) {
    const double seconds = together(threads, work);
    if (seconds < least) least = seconds;
  }
  return least;
}

// The empty asm keeps a value in a register and the compiler from knowing it.
#if defined(__x86_64__)
#define IN_REGISTER(v) asm volatile("" : "+v"(v))
#else
#define IN_REGISTER(v) asm volatile("" : "+w"(v))
#endif

__attribute__((noinline)) static void fma_loop(long rounds) {
  Vec a = Vec{} + 0.999f, b = Vec{} + 1e-3f;
  IN_REGISTER(a);
  IN_REGISTER(b);
  Vec acc[kChains];
#pragma GCC unroll 32
  for (int i = 0; i < kChains; i++) acc[i] = Vec{} + float(i);
  for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 32
    for (int i = 0; i < kChains; i++) acc[i] = acc[i] * a + b;
  }
#pragma GCC unroll 32
  for (int i = 0; i < kChains; i++) IN_REGISTER(acc[i]);
}

static double fma_peak(int threads) {
  const long rounds = 2000000;
  const double flops = double(threads) * rounds * kChains * kLanes * 2;
  return flops / best(threads, 10, [&](int) { fma_loop(rounds); }) / 1e9;
}

static char* pages(size_t bytes) {
  const size_t huge = size_t(1) << 21;
  char* memory = static_cast<char*>(
      mmap(nullptr, bytes + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) abort();
  memory += huge - reinterpret_cast<size_t>(memory) % huge;
#if defined(MADV_HUGEPAGE)
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

__attribute__((noinline)) static void triad(Vec* __restrict x, const Vec* y, const Vec* z, long vectors) {
  for (long i = 0; i < vectors; i++) x[i] = y[i] + z[i] * 3.0f;
}

// Stores that do not read the line first: what the memory allows a program that only writes.
__attribute__((noinline)) static void triad_streaming(Vec* __restrict x, const Vec* y, const Vec* z, long vectors) {
#if defined(__AVX512F__)
  for (long i = 0; i < vectors; i++) _mm512_stream_ps(reinterpret_cast<float*>(x + i), (__m512)(y[i] + z[i] * 3.0f));
#elif defined(__AVX__)
  for (long i = 0; i < vectors; i++) _mm256_stream_ps(reinterpret_cast<float*>(x + i), (__m256)(y[i] + z[i] * 3.0f));
#elif defined(__SSE2__)
  for (long i = 0; i < vectors; i++) _mm_stream_ps(reinterpret_cast<float*>(x + i), (__m128)(y[i] + z[i] * 3.0f));
#else
  triad(x, y, z, vectors);
#endif
}

using Triad = void (*)(Vec*, const Vec*, const Vec*, long);

static double triad_rate(int threads, Triad kernel) {
  const long vectors = (long(1) << 27) / kBytes;  // 128 MB an array
  static Vec* arrays[3] = {};
  for (auto& array : arrays) {
    if (array != nullptr) continue;
    array = reinterpret_cast<Vec*>(pages(size_t(vectors) * kBytes));
    for (long i = 0; i < vectors; i++) array[i] = Vec{} + 1.0f;
  }
  const long share = vectors / threads;
  const double seconds = best(threads, 12, [&](int t) {
    kernel(arrays[0] + t * share, arrays[1] + t * share, arrays[2] + t * share, share);
  });
  return double(share) * threads * kLanes * 12 / seconds / 1e9;
}

__attribute__((noinline)) static void read_loop(const Vec* from, long vectors, long rounds) {
  for (long r = 0; r < rounds; r++) {
    Vec sum[8] = {};
    for (long i = 0; i < vectors; i += 8) {
#pragma GCC unroll 8
      for (int k = 0; k < 8; k++) sum[k] += from[i + k];
    }
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++) IN_REGISTER(sum[k]);
  }
}

// Two threads read a half each, as two threads of one small network do.
static double cache_rate(int threads) {
  const long vectors = 400 * 1024 / kBytes, rounds = 2000;
  Vec* array = reinterpret_cast<Vec*>(pages(size_t(vectors) * kBytes));
  for (long i = 0; i < vectors; i++) array[i] = Vec{} + 1.0f;
  const long share = vectors / threads;
  const double seconds = best(threads, 12, [&](int t) { read_loop(array + t * share, share, rounds); });
  return double(share) * threads * kBytes * rounds / seconds / 1e9;
}

int main() {
  pin(0);
  std::printf("{\"fma\":[%.1f,%.1f],\"triad\":[%.1f,%.1f],\"triadStreaming\":[%.1f,%.1f],\"cache\":[%.1f,%.1f]}\n",
              fma_peak(1), fma_peak(2), triad_rate(1, triad), triad_rate(2, triad), triad_rate(1, triad_streaming),
              triad_rate(2, triad_streaming), cache_rate(1), cache_rate(2));
}
