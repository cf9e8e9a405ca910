#include "pool.h"

#include <time.h>

namespace nabla {

namespace {

constexpr int64_t SPIN_NS = 60000;  // waking a parked thread costs about as much
constexpr int GLANCE = 64;          // looks at the gate before taking over what a thread has not begun

// A gate's value: the number of a phase, and in the low bits how many pieces it has.
constexpr uint64_t PHASE = MOST_PIECES + 1;
int32_t piecesOf(uint64_t value) { return (int32_t)(value % PHASE); }
// Pieces are the threads' in equal runs.
int32_t firstOf(int32_t thread, int32_t pieces, int32_t threads) { return (thread * pieces + threads - 1) / threads; }

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

int64_t steadyNow() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

Gate::Gate() : value_(0) {
  pthread_mutex_init(&mutex_, nullptr);
  pthread_cond_init(&changed_, nullptr);
}

Gate::~Gate() {
  pthread_cond_destroy(&changed_);
  pthread_mutex_destroy(&mutex_);
}

void Gate::set(uint64_t value) {
  // Sequentially consistent with `sleepers_`: either the waiter sees the new value or we see the waiter.
  value_.store(value, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    pthread_mutex_lock(&mutex_);
    pthread_cond_broadcast(&changed_);
    pthread_mutex_unlock(&mutex_);
  }
}

uint64_t Gate::glance(uint64_t old) const {
  uint64_t v = value();
  for (int i = 0; v == old && i < GLANCE; i++) {
    pause();
    v = value();
  }
  return v;
}

uint64_t Gate::wait(uint64_t old, std::atomic<int64_t>* parked) {
  uint64_t v;
  for (int i = 0; i < 200; i++) {
    if ((v = value()) != old) return v;
    pause();
  }
  for (const int64_t end = steadyNow() + SPIN_NS; steadyNow() < end;) {
    for (int i = 0; i < 50; i++) {
      if ((v = value()) != old) return v;
      pause();
    }
  }
  if (parked) parked->fetch_add(1, std::memory_order_relaxed);
  pthread_mutex_lock(&mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while ((v = value_.load(std::memory_order_seq_cst)) == old) pthread_cond_wait(&changed_, &mutex_);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  pthread_mutex_unlock(&mutex_);
  return v;
}

Pool::Pool(int32_t threads) : claims_(new Claim[MOST_PIECES]), cores_(threads > 1 ? threads : 1) {
  // They wait at the gate, so none looks at what is not there yet.
  threads_.resize(threads > 1 ? threads - 1 : 0);
  for (size_t i = 0; i < threads_.size(); i++) {
    threads_[i].pool = this;
    threads_[i].index = (int32_t)i + 1;
    if (pthread_create(&threads_[i].handle, nullptr, enter, &threads_[i]) != 0) {
      threads_.resize(i);
      break;
    }
  }
  size_ = 1 + (int32_t)threads_.size();
}

Pool::~Pool() {
  closing_.store(true, std::memory_order_release);
  gate_.set(gate_.value() + PHASE);
  for (Thread& t : threads_) pthread_join(t.handle, nullptr);
}

void* Pool::enter(void* thread) {
  Thread* t = (Thread*)thread;
  t->pool->work(t->index, false);
  return nullptr;
}

// A thread that was away for some phases finds its pieces done by others and the gate further on; so nobody waits for who does nothing.
void Pool::work(int32_t index, bool caller) {
  bool late = false;  // the others were when we last looked
  for (uint64_t now = gate_.value();;) {
    const int32_t pieces = piecesOf(now);
    if (pieces == 0) {
      if (caller || closing_.load(std::memory_order_acquire)) return;
      now = gate_.wait(now, nullptr);
      continue;
    }
    // Its own pieces, those it may find warm.
    const int32_t begin = firstOf(index, pieces, size_), end = firstOf(index + 1, pieces, size_);
    for (int32_t i = begin; i < end; i++)
      if (claim(i, now)) take(index, i, now);
    if (!late) {
      const uint64_t next = gate_.glance(now);
      if (next != now) {
        now = next;
        continue;
      }
    }
    late = false;
    for (int32_t i = end; i < begin + pieces; i++) {
      const int32_t other = i % pieces;
      if (!claim(other, now)) continue;
      late = true;
      late_.fetch_add(1, std::memory_order_relaxed);
      take(index, other, now);
    }
    now = gate_.wait(now, &late_);
  }
}

// Whoever sees an old phase finds all its pieces claimed.
bool Pool::claim(int32_t piece, uint64_t now) {
  std::atomic<uint64_t>& next = claims_[piece].next;
  uint64_t free = next.load(std::memory_order_relaxed);
  const uint64_t phase = now / PHASE;
  return free <= phase && next.compare_exchange_strong(free, phase + 1, std::memory_order_acq_rel);
}

void Pool::take(int32_t thread, int32_t piece, uint64_t now) {
  const uint64_t number = number_;
  const uint64_t phases = phases_;
  cores_.look(thread);
  team_->piece(thread, number, piece);
  // Once counted, a thread may look at nothing of the run; but the last one is still in it.
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 != piecesOf(now)) return;
  done_.store(0, std::memory_order_relaxed);
  const uint64_t next = team_->after(thread, number);
  const bool over = next >= phases || interrupt.load(std::memory_order_relaxed);
  number_ = next;
  gate_.set((now / PHASE + 1) * PHASE + (over ? 0 : (uint64_t)team_->pieces(thread, next)));
}

void Pool::run(Team& team, uint64_t phases, uint64_t first) {
  if (first >= phases) return;
  team_ = &team;
  phases_ = phases;
  number_ = first;
  gate_.set((gate_.value() / PHASE + 1) * PHASE + (uint64_t)team.pieces(0, first));
  work(0, true);
}

}  // namespace nabla
