// Threads that go through the phases of a run together: they spin for a bounded time between pieces of work, then park.
#pragma once
#include <pthread.h>
#include <stdint.h>
#include <atomic>
#include <memory>
#include <vector>
#include "cores.h"

namespace nabla {

// A number threads wait on.
class Gate {
 public:
  Gate();
  ~Gate();
  uint64_t value() const { return value_.load(std::memory_order_acquire); }
  void set(uint64_t value);
  // The value once it is not `old`, or `old` after a few microseconds.
  uint64_t glance(uint64_t old) const;
  // The value once it is not `old`. `parked` counts when spinning was not enough.
  uint64_t wait(uint64_t old, std::atomic<int64_t>* parked);

 private:
  std::atomic<uint64_t> value_;
  std::atomic<int32_t> sleepers_{0};
  pthread_mutex_t mutex_;
  pthread_cond_t changed_;
};

// Nanoseconds of a clock that only goes forward.
int64_t steadyNow();

// What a pool goes through: numbered phases of at least one piece. The pieces of a phase may run at once and in any order.
class Team {
 public:
  // All are called by thread `thread`, in increasing order of phases.
  virtual void piece(int32_t thread, uint64_t phase, int32_t piece) = 0;
  // How many pieces the phase has, at most MOST_PIECES.
  virtual int32_t pieces(int32_t thread, uint64_t phase) = 0;
  // The phase that follows one whose pieces are all done. It may leave some out; the number of phases, or more, ends the run.
  virtual uint64_t after(int32_t, uint64_t phase) { return phase + 1; }

 protected:
  ~Team() = default;
};

constexpr int32_t MOST_PIECES = 4095;

class Pool {
 public:
  // `threads` counts the caller of `run`, which is thread 0. If the system refuses a thread there are fewer.
  explicit Pool(int32_t threads);
  ~Pool();
  int32_t size() const { return size_; }
  // Runs all pieces of the phases from `first` to phases-1, a phase after the other, and returns then, or after the phase in which
  // `interrupt` was set. One caller at a time.
  void run(Team& team, uint64_t phases, uint64_t first = 0);
  std::atomic<bool> interrupt{false};
  // How often a thread was late in a run: another took its piece over, or was parked while it waited.
  int64_t late() const { return late_.load(std::memory_order_relaxed); }

 private:
  struct Thread {
    Pool* pool;
    int32_t index;
    pthread_t handle;
  };
  struct alignas(64) Claim {
    std::atomic<uint64_t> next{0};  // the first phase whose piece of this number nobody has claimed
  };
  static void* enter(void* thread);
  void work(int32_t index, bool caller);
  bool claim(int32_t piece, uint64_t now);
  void take(int32_t thread, int32_t piece, uint64_t now);

  int32_t size_ = 1;
  std::vector<Thread> threads_;
  std::unique_ptr<Claim[]> claims_;
  Cores cores_;
  alignas(64) Gate gate_;                      // the current phase, counted over all runs, and its pieces: none between runs
  alignas(64) std::atomic<int32_t> done_{0};   // pieces of the current phase
  std::atomic<int64_t> late_{0};
  std::atomic<bool> closing_{false};
  // Of the current run: written between runs, read by who has claimed a piece, which keeps the run from ending.
  Team* team_ = nullptr;
  uint64_t phases_ = 0;
  uint64_t number_ = 0;  // of the current phase in the run: written between phases
};

}  // namespace nabla
