// Threads that run one function together: they spin for a bounded time between pieces of work, then park.
#pragma once
#include <pthread.h>
#include <stdint.h>
#include <atomic>
#include <vector>

namespace nabla {

// A counter threads wait on. The low bit of its value says that the run is to stop.
class Gate {
 public:
  Gate();
  ~Gate();
  uint32_t value() const { return value_.load(std::memory_order_acquire); }
  // Lets every waiter go.
  void advance(bool stop);
  // Returns the first value that is not `old`.
  uint32_t wait(uint32_t old);
  // How often a waiter gave up spinning.
  int64_t parks() const { return parks_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint32_t> value_{0};
  std::atomic<int64_t> parks_{0};
  std::atomic<int32_t> parked_{0};
  pthread_mutex_t mutex_;
  pthread_cond_t changed_;
};

// Nanoseconds of a clock that only goes forward.
int64_t steadyNow();

class Pool {
 public:
  // `threads` counts the caller of `run`, which is thread 0. If the system refuses a thread there are fewer.
  explicit Pool(int32_t threads);
  ~Pool();
  int32_t size() const { return size_; }
  // Runs job(arg, index) on every thread and returns when all have returned. One caller at a time.
  void run(void (*job)(void* arg, int32_t index), void* arg);
  // All threads of a run meet here. True for each of them when `interrupt` was set before the last one came.
  bool barrier();
  std::atomic<bool> interrupt{false};
  // How often a thread had to be parked at a barrier or at the end of a run.
  int64_t parks() const { return meet_.parks() + done_.parks(); }

 private:
  struct Thread {
    Pool* pool;
    int32_t index;
    pthread_t handle;
  };
  static void* enter(void* thread);
  void work(int32_t index);

  int32_t size_ = 1;
  std::vector<Thread> threads_;
  Gate start_, meet_, done_;
  std::atomic<int32_t> arrived_{0}, running_{0};
  std::atomic<bool> closing_{false};
  void (*job_)(void*, int32_t) = nullptr;
  void* arg_ = nullptr;
};

}  // namespace nabla
