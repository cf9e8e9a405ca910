#include "pool.h"

#include <time.h>

namespace nabla {

namespace {

constexpr int64_t SPIN_NS = 60000;  // waking a parked thread costs about as much
constexpr int GLANCE = 64;          // looks at the gate before taking over what a thread has not begun

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

// No run is under way at first.
Gate::Gate() : value_(1) {
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

Pool::Pool(int32_t threads) : claims_(new Claim[threads > 1 ? threads : 1]) {
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
  gate_.set(gate_.value() + 2);
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
    if (now & 1) {
      if (caller || closing_.load(std::memory_order_acquire)) return;
      now = gate_.wait(now, nullptr);
      continue;
    }
    if (claim(index, now)) take(index, index, now);
    if (!late) {
      const uint64_t next = gate_.glance(now);
      if (next != now) {
        now = next;
        continue;
      }
    }
    late = false;
    for (int32_t i = 1; i < size_; i++) {
      const int32_t other = (index + i) % size_;
      if (!claim(other, now)) continue;
      late = true;
      late_.fetch_add(1, std::memory_order_relaxed);
      take(index, other, now);
    }
    now = gate_.wait(now, &late_);
  }
}

bool Pool::claim(int32_t piece, uint64_t phase) {
  std::atomic<uint64_t>& next = claims_[piece].next;
  uint64_t expected = phase;
  return next.load(std::memory_order_relaxed) == phase && next.compare_exchange_strong(expected, phase + 2, std::memory_order_acq_rel);
}

void Pool::take(int32_t thread, int32_t piece, uint64_t phase) {
  const uint64_t number = (phase - first_) / 2;
  const bool last = number + 1 == phases_;
  team_->piece(thread, number, piece);
  // Once counted, this thread may look at nothing of the run.
  if (done_.fetch_add(1, std::memory_order_acq_rel) != size_ - 1) return;
  done_.store(0, std::memory_order_relaxed);
  gate_.set((phase + 2) | (last || interrupt.load(std::memory_order_relaxed) ? 1 : 0));
}

void Pool::run(Team& team, uint64_t phases) {
  team_ = &team;
  phases_ = phases;
  first_ = gate_.value() - 1;
  gate_.set(first_);
  work(0, true);
}

}  // namespace nabla
