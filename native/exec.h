// Runs loaded programs on a pool of threads over blocks of memory; everything a Node environment keeps for one device.
#pragma once
#include <pthread.h>
#include <deque>
#include <memory>
#include <string>
#include <vector>
#include "memory.h"
#include "pace.h"
#include "pool.h"
#include "program.h"
#include "schedule.h"

namespace nabla {

// One instruction set this build holds and this machine has.
struct Isa {
  const char* name;
  const KernelTable* kernels;
  const TileTable* tiles;
};
// Best first.
std::vector<Isa> availableIsas();

// Memory of its own for as long as it lives.
struct Region {
  char* base = nullptr;
  size_t bytes = 0;
  Region() = default;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() {
    if (base) unmapPages(base, bytes);
  }
  bool reserve(size_t size) {
    if (size == 0) return true;
    base = mapPages(size);
    bytes = base ? size : 0;
    return base != nullptr;
  }
};

// The steps of a program with the addresses they work at.
struct Placement {
  std::vector<char*> pointers;  // of each buffer
  std::vector<Step> steps;      // by Step.number
};

// How far a thread has come in a run.
struct Cursor {
  uint64_t phase;
  size_t at;                    // in the schedule's code
  std::vector<idx> rounds;      // of each loop
};

struct Executable {
  Program program;
  Region arena, consts, partials, kept, scalars;
  Pace pace;
  Schedule alone, together;     // on one thread, and on the pool's
  double saved = 0;             // nanoseconds that company saves a run, roughly; 0 where it is not worth the trouble
  std::vector<std::vector<int32_t>> moved;  // per loop: steps that name a slice by its address
  std::vector<Placement> placements;            // one, or one a thread where loops move slices
  std::vector<Cursor> cursors;              // one a thread
  bool bound = false;                       // the addresses are those of the run before
  std::vector<std::vector<int64_t>> times;  // while it is timed: per thread, the nanoseconds of each step by Step.number
  size_t bytes() const { return arena.bytes + consts.bytes + partials.bytes + kept.bytes + scalars.bytes; }
};

// A run or a read that waits for its turn off the event loop.
struct Job {
  std::shared_ptr<Executable> exe;  // null: a read
  std::vector<char*> memory;        // of inputs, then outputs
  std::vector<double> scalars;
  int64_t count = 1;
  const char* from = nullptr;
  char* to = nullptr;
  size_t bytes = 0;
  void* owner = nullptr;            // the caller's
};

class Context {
 public:
  // `done` is called on the thread that ran a job, with the job.
  Context(const Isa& isa, int32_t threads, size_t memoryLimit, void (*done)(void* owner, Job* job), void* owner);
  ~Context();

  const Isa& isa() const { return isa_; }
  int32_t threads() const { return pool_.size(); }

  int32_t alloc(size_t bytes) {
    collect();
    return memory_.alloc(bytes);
  }
  int32_t lend(char* data, size_t bytes, void (*over)(void* owner), void* owner) {
    collect();
    return memory_.lend(data, bytes, over, owner);
  }
  bool free(int32_t id);
  Memory& memory() { return memory_; }
  // Frees what could not be while jobs ran, if none does now.
  void collect();
  size_t arenas() const { return arenas_; }

  // An empty text, or what is wrong.
  std::string load(const int32_t* words, size_t count, const char* consts, size_t constBytes, int32_t& id);
  bool unload(int32_t id);
  std::shared_ptr<Executable> executable(int32_t id) const;
  // Begins to time an executable's steps, from 0, or ends it.
  void time(Executable& exe, bool on);
  // Nanoseconds of each step, of all threads together, in the order of describeProgram. Empty where it is not timed.
  std::vector<double> times(const Executable& exe);

  // Resolves and checks the caller's blocks: inputs, then outputs (a donated output's id is not looked at).
  std::string resolve(const Executable& exe, const int32_t* ids, size_t count, std::vector<char*>& memory) const;
  // Runs now, after whatever waits.
  std::string run(const std::shared_ptr<Executable>& exe, const int32_t* ids, size_t idCount, const double* scalars, size_t scalarCount);
  // Runs in turn on another thread. False when there can be none.
  bool enqueue(std::unique_ptr<Job> job);
  bool busy();
  // Returns when nothing waits or runs.
  void drain();

 private:
  struct Walk;
  static void* drive(void* context);
  void bindMemory(Executable& exe);
  void execute(Executable& exe, char* const* memory, const double* scalars, int64_t count);
  void burst(Executable& exe, bool together, int64_t count);
  bool reserveWorkers(idx scratch, idx registers);

  Isa isa_;
  Memory memory_;
  Pool pool_;
  struct Thread {
    Region scratch, registers;
  };
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<std::shared_ptr<Executable>> executables_;
  size_t arenas_ = 0;
  std::vector<char*> resolved_;
  std::vector<int32_t> freedLater_;

  void (*done_)(void*, Job*);
  void* owner_;
  pthread_mutex_t mutex_;
  pthread_cond_t changed_;
  std::deque<std::unique_ptr<Job>> waiting_;
  int32_t pending_ = 0;   // waiting or running
  bool driving_ = false, closing_ = false;
  pthread_t driver_;
};

}  // namespace nabla
