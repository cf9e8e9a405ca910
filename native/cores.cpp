#include "cores.h"

#include "pool.h"

#ifdef __linux__
#include <sched.h>
#endif

namespace nabla {

#ifdef __linux__

namespace {
constexpr int64_t LOOK_NS = 1000000;
}

struct alignas(64) Cores::Place {
  std::atomic<int> core{-1};
  int64_t next = 0;  // when to look again
};

Cores::Cores(int32_t threads) : threads_(threads), places_(new Place[threads]) {}

void Cores::look(int32_t thread) {
  if (threads_ == 1) return;
  Place& place = places_[thread];
  const int64_t now = steadyNow();
  if (now < place.next) return;
  place.next = now + LOOK_NS;
  sched_yield();
  place.core.store(sched_getcpu(), std::memory_order_relaxed);
  if (thread > 0) moveOff(thread);
}

void Cores::moveOff(int32_t thread) {
  const int here = places_[thread].core.load(std::memory_order_relaxed);
  bool shared = false;
  for (int32_t i = 0; i < threads_; i++) shared |= i != thread && places_[i].core.load(std::memory_order_relaxed) == here;
  cpu_set_t allowed;
  if (!shared || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  cpu_set_t others = allowed;
  for (int32_t i = 0; i < threads_; i++) {
    const int core = places_[i].core.load(std::memory_order_relaxed);
    if (core >= 0) CPU_CLR(core, &others);
  }
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  // Now that it has moved, the system may move it on as it likes.
  sched_setaffinity(0, sizeof allowed, &allowed);
  places_[thread].core.store(sched_getcpu(), std::memory_order_relaxed);
}

#else

struct Cores::Place {};
Cores::Cores(int32_t threads) : threads_(threads) {}
void Cores::look(int32_t) {}
void Cores::moveOff(int32_t) {}

#endif

Cores::~Cores() = default;

}  // namespace nabla
