#include "pool.h"

#include <sched.h>
#include <time.h>

namespace nabla {

namespace {

constexpr int64_t SPIN_NS = 60000;  // waking a parked thread costs about as much

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

Gate::Gate() {
  pthread_mutex_init(&mutex_, nullptr);
  pthread_cond_init(&changed_, nullptr);
}

Gate::~Gate() {
  pthread_cond_destroy(&changed_);
  pthread_mutex_destroy(&mutex_);
}

void Gate::advance(bool stop) {
  const uint32_t next = ((value_.load(std::memory_order_relaxed) | 1u) + 1u) | (stop ? 1u : 0u);
  // Sequentially consistent with `parked_`: either the waiter sees the new value or we see the waiter.
  value_.store(next, std::memory_order_seq_cst);
  if (parked_.load(std::memory_order_seq_cst) > 0) {
    pthread_mutex_lock(&mutex_);
    pthread_cond_broadcast(&changed_);
    pthread_mutex_unlock(&mutex_);
  }
}

uint32_t Gate::wait(uint32_t old) {
  uint32_t v;
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
  parks_.fetch_add(1, std::memory_order_relaxed);
  pthread_mutex_lock(&mutex_);
  parked_.fetch_add(1, std::memory_order_seq_cst);
  while ((v = value_.load(std::memory_order_seq_cst)) == old) pthread_cond_wait(&changed_, &mutex_);
  parked_.fetch_sub(1, std::memory_order_relaxed);
  pthread_mutex_unlock(&mutex_);
  return v;
}

Pool::Pool(int32_t threads) {
  threads_.resize(threads > 1 ? threads - 1 : 0);
  // Signals are the main thread's.
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
  start_.advance(false);
  for (Thread& t : threads_) pthread_join(t.handle, nullptr);
}

void* Pool::enter(void* thread) {
  Thread* t = (Thread*)thread;
  t->pool->work(t->index);
  return nullptr;
}

void Pool::work(int32_t index) {
  uint32_t seen = 0;
  for (;;) {
    seen = start_.wait(seen);
    if (closing_.load(std::memory_order_acquire)) return;
    job_(arg_, index);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.advance(false);
  }
}

void Pool::run(void (*job)(void*, int32_t), void* arg) {
  if (size_ == 1) return job(arg, 0);
  job_ = job;
  arg_ = arg;
  running_.store(size_ - 1, std::memory_order_relaxed);
  const uint32_t before = done_.value();
  start_.advance(false);
  job(arg, 0);
  done_.wait(before);
}

bool Pool::barrier() {
  const uint32_t before = meet_.value();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == size_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    const bool stop = interrupt.load(std::memory_order_relaxed);
    meet_.advance(stop);
    return stop;
  }
  return (meet_.wait(before) & 1u) != 0;
}

}  // namespace nabla
