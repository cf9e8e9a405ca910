#include "exec.h"

#include <math.h>
#include <string.h>

namespace nabla {

std::vector<Isa> availableIsas() {
  std::vector<Isa> list;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (v4) list.push_back(Isa{"avx512", kern_v4_table(), kern_v4_tiles()});
  if (v3) list.push_back(Isa{"avx2", kern_v3_table(), kern_v3_tiles()});
  list.push_back(Isa{"sse2", kern_base_table(), kern_base_tiles()});
#elif defined(__aarch64__)
  list.push_back(Isa{"neon", kern_neon_table(), kern_neon_tiles()});
#endif
  return list;
}

namespace {

void noBarrier(Worker&) {}
void poolBarrier(Worker& w) { ((Pool*)w.pool)->barrier(); }

void writeScalar(char* at, DType type, double v) {
  switch (type) {
    case F32: {
      const float f = (float)v;
      memcpy(at, &f, 4);
      return;
    }
    case I32:
    case U32: {
      // Modulo 2^32, as assignment to a typed array.
      const double whole = isfinite(v) ? fmod(trunc(v), 4294967296.0) : 0;
      const uint32_t bits = (uint32_t)(int64_t)whole;
      memcpy(at, &bits, 4);
      return;
    }
    default: *at = v != 0; return;
  }
}

}  // namespace

// One thread's way through a run.
struct Context::Turn {
  Context& context;
  Executable& exe;
  int64_t count;
  bool together;  // on the whole pool

  // What earlier steps left to wait for.
  enum Debt { NONE, ALONE, ALL };

  struct Walker {
    Turn& turn;
    Thread& thread;
    char** pointers;
    Debt debt = NONE;

    bool interrupted() const { return turn.context.pool_.interrupt.load(std::memory_order_relaxed); }

    // Meets the other threads; false when all are to stop.
    bool meet() {
      debt = NONE;
      return !turn.context.pool_.barrier();
    }

    bool steps(const std::vector<Step>& list) {
      for (const Step& s : list) {
        if (s.nothing) continue;
        if (s.kind == STEP_LOOP) {
          if (!loop(*s.loop)) return false;
        } else if (!turn.together) {
          if (interrupted()) return false;
          one(s, thread.alone);
        } else if (s.parallel) {
          if (debt != NONE && !meet()) return false;
          one(s, thread.worker);
          debt = ALL;
        } else {
          if (debt == ALL && !meet()) return false;
          if (thread.worker.index == 0) one(s, thread.alone);
          debt = ALONE;
        }
      }
      return true;
    }

    bool loop(const LoopInfo& l) {
      const std::vector<BufferInfo>& buffers = turn.exe.program.buffers;
      for (idx n = 0; n < l.length; n++) {
        const idx i = l.reverse ? l.length - 1 - n : n;
        for (int32_t id : l.slices) pointers[id] = pointers[buffers[id].index] + i * buffers[id].offset;
        if (!steps(l.steps)) return false;
      }
      return true;
    }

    const float* floats(const Operand& o) const { return (const float*)pointers[o.buffer] + o.offset; }
    char* bytes(const Operand& o) const { return pointers[o.buffer]; }

    void one(const Step& s, Worker& w) {
      const KernelTable& k = *turn.context.isa_.kernels;
      const TileTable& tiles = *turn.context.isa_.tiles;
      switch (s.kind) {
        case STEP_FUSED: {
          FusedTask t = s.fused;
          t.buffers = pointers;
          t.partials = (uint32_t*)turn.exe.partials.base;
          return tiles.fused(t, w);
        }
        case STEP_GEMM: {
          GemmTask t = s.gemm;
          EpilogueContext c = s.epilogue;
          c.buffers = pointers;
          t.a = floats(s.operand[0]);
          t.b = floats(s.operand[1]);
          if (s.plain) t.out = (float*)floats(s.operand[2]);
          else t.epilogue = Epilogue{tiles.epilogue, &c};
          return k.gemm(t, w);
        }
        case STEP_CONV: {
          ConvTask t = s.conv;
          EpilogueContext c = s.epilogue;
          c.buffers = pointers;
          t.a = floats(s.operand[0]);
          t.b = floats(s.operand[1]);
          if (s.plain) t.out = (float*)floats(s.operand[2]);
          else t.epilogue = Epilogue{tiles.epilogue, &c};
          return (s.form == 0 ? k.conv : s.form == 1 ? k.convInputGrad : k.convFilterGrad)(t, w);
        }
        case STEP_WINDOW: {
          WindowTask t = s.window;
          t.src = bytes(s.operand[0]);
          t.out = bytes(s.operand[1]);
          return (s.form ? k.argWindow : k.reduceWindow)(t, w);
        }
        case STEP_CUMULATE: {
          CumulateTask t = s.cumulate;
          t.src = bytes(s.operand[0]);
          t.out = bytes(s.operand[1]);
          return k.cumulate(t, w);
        }
        case STEP_GATHER: {
          GatherTask t = s.gather;
          t.src = bytes(s.operand[0]);
          t.indices = (const int32_t*)bytes(s.operand[1]);
          t.out = bytes(s.operand[2]);
          return k.gather(t, w);
        }
        case STEP_SCATTER: {
          ScatterTask t = s.scatter;
          t.base = bytes(s.operand[0]);
          t.indices = (const int32_t*)bytes(s.operand[1]);
          t.updates = bytes(s.operand[2]);
          t.out = bytes(s.operand[3]);
          return k.scatter(t, w);
        }
        case STEP_SORT: {
          SortTask t = s.sort;
          t.src = bytes(s.operand[0]);
          t.out = (int32_t*)bytes(s.operand[1]);
          return k.argsort(t, w);
        }
        case STEP_COPY:
          if (bytes(s.operand[0]) != bytes(s.operand[1])) memmove(bytes(s.operand[1]), bytes(s.operand[0]), s.operand[0].offset);
          return;
        default: return;
      }
    }
  };

  void run(int32_t index) {
    char** pointers = exe.pointers.data();
    if (exe.program.loops && together) {
      pointers = exe.threadPointers[index].data();
      memcpy(pointers, exe.pointers.data(), exe.pointers.size() * sizeof(char*));
    }
    Walker walker{*this, *context.threads_[index], pointers};
    for (int64_t i = 0; i < count; i++)
      if (!walker.steps(exe.program.steps)) return;
  }
};

void Context::job(void* turn, int32_t index) { ((Turn*)turn)->run(index); }

Context::Context(const Isa& isa, int32_t threads, size_t memoryLimit, void (*done)(void*, Job*), void* owner)
    : isa_(isa), pool_(threads), done_(done), owner_(owner) {
  memory_.limit = memoryLimit;
  pthread_mutex_init(&mutex_, nullptr);
  pthread_cond_init(&changed_, nullptr);
  for (int32_t i = 0; i < pool_.size(); i++) {
    threads_.emplace_back(new Thread());
    threads_[i]->worker = Worker{i, pool_.size(), nullptr, nullptr, poolBarrier, &pool_};
    threads_[i]->alone = Worker{0, 1, nullptr, nullptr, noBarrier, nullptr};
  }
}

Context::~Context() {
  pool_.interrupt.store(true, std::memory_order_relaxed);
  pthread_mutex_lock(&mutex_);
  closing_ = true;
  pthread_cond_broadcast(&changed_);
  pthread_mutex_unlock(&mutex_);
  if (driving_) pthread_join(driver_, nullptr);
  pthread_cond_destroy(&changed_);
  pthread_mutex_destroy(&mutex_);
}

bool Context::reserveWorkers(idx scratch, idx registers) {
  for (auto& t : threads_) {
    if ((idx)t->scratch.bytes >= scratch && (idx)t->registers.bytes >= registers) continue;
    drain();
    auto grow = [](Region& r, idx bytes) {
      if ((idx)r.bytes >= bytes) return true;
      if (r.base) unmapPages(r.base, r.bytes);
      r.base = nullptr;
      r.bytes = 0;
      return r.reserve(((size_t)bytes + 65535) / 65536 * 65536);
    };
    const bool room = grow(t->scratch, scratch) && grow(t->registers, registers);
    t->worker.scratch = t->alone.scratch = t->scratch.base;
    t->worker.registers = t->alone.registers = t->registers.base;
    if (!room) return false;
  }
  return true;
}

std::string Context::load(const int32_t* words, size_t count, const char* consts, size_t constBytes, int32_t& id) {
  auto exe = std::make_shared<Executable>();
  Program& p = exe->program;
  const std::string wrong = decodeProgram(words, count, constBytes, *isa_.kernels, *isa_.tiles, p);
  if (!wrong.empty()) return "the program is malformed: " + wrong;
  const size_t wanted = (size_t)p.arenaBytes + constBytes + (size_t)p.partials;
  const bool room = wanted <= memory_.limit && arenas_ + memory_.live() <= memory_.limit - wanted && exe->arena.reserve(p.arenaBytes) && exe->consts.reserve(constBytes) && exe->partials.reserve(p.partials) &&
                    exe->scalars.reserve(64 * (size_t)p.scalars) && reserveWorkers(p.scratch, p.registers);
  if (!room) return "out of memory";
  if (constBytes) memcpy(exe->consts.base, consts, constBytes);
  exe->pointers.assign(p.buffers.size() + 1, nullptr);
  for (size_t i = 0; i < p.buffers.size(); i++) {
    const BufferInfo& b = p.buffers[i];
    if (b.place == PLACE_ARENA) exe->pointers[i] = exe->arena.base + b.offset;
    if (b.place == PLACE_CONST) exe->pointers[i] = exe->consts.base + b.offset;
    if (b.place == PLACE_SCALAR) exe->pointers[i] = exe->scalars.base + 64 * (size_t)b.index;
  }
  if (p.loops) exe->threadPointers.assign(pool_.size(), exe->pointers);
  arenas_ += exe->bytes();
  for (id = 0; (size_t)id < executables_.size(); id++)
    if (!executables_[id]) break;
  if ((size_t)id == executables_.size()) executables_.emplace_back();
  executables_[id] = exe;
  return "";
}

bool Context::unload(int32_t id) {
  const std::shared_ptr<Executable> exe = executable(id);
  if (!exe) return false;
  arenas_ -= exe->bytes();
  executables_[id].reset();  // a job in flight holds its own
  return true;
}

std::shared_ptr<Executable> Context::executable(int32_t id) const {
  return id >= 0 && (size_t)id < executables_.size() ? executables_[id] : nullptr;
}

bool Context::free(int32_t id) {
  if (!memory_.valid(id)) return false;
  for (int32_t later : freedLater_)
    if (later == id) return false;
  freedLater_.push_back(id);
  collect();
  return true;
}

void Context::collect() {
  if (freedLater_.empty() || busy()) return;
  for (int32_t id : freedLater_) memory_.free(id);
  freedLater_.clear();
}

std::string Context::resolve(const Executable& exe, const int32_t* ids, size_t count, std::vector<char*>& memory) const {
  const Program& p = exe.program;
  if (count != (size_t)(p.inputs + p.outputs)) return "the number of inputs and outputs is not the plan's";
  memory.resize(count);
  for (int32_t i = 0; i < p.inputs + p.outputs; i++) {
    const idx need = i < p.inputs ? p.inputBytes[i] : p.outputBytes[i - p.inputs];
    memory[i] = nullptr;
    if (need < 0) continue;
    if (!memory_.valid(ids[i])) return "there is no buffer " + std::to_string(ids[i]);
    if ((idx)memory_.bytes(ids[i]) < need) return "buffer " + std::to_string(ids[i]) + " is smaller than the plan needs";
    memory[i] = memory_.data(ids[i]);
  }
  return "";
}

std::string Context::run(const std::shared_ptr<Executable>& exe, const int32_t* ids, size_t idCount, const double* scalars,
                         size_t scalarCount) {
  drain();
  if (scalarCount != (size_t)exe->program.scalars) return "the number of scalars is not the plan's";
  const std::string wrong = resolve(*exe, ids, idCount, resolved_);
  if (!wrong.empty()) return wrong;
  execute(*exe, resolved_.data(), scalars, 1);
  return "";
}

void Context::execute(Executable& exe, char* const* memory, const double* scalars, int64_t count) {
  const Program& p = exe.program;
  for (size_t i = 0; i < p.buffers.size(); i++) {
    const BufferInfo& b = p.buffers[i];
    if (b.place == PLACE_INPUT) exe.pointers[i] = memory[b.index];
    if (b.place == PLACE_OUTPUT) exe.pointers[i] = memory[p.inputs + b.index];
  }
  for (int32_t i = 0; i < p.scalars; i++) writeScalar(exe.scalars.base + 64 * (size_t)i, p.scalarTypes[i], scalars[i]);
  if (!p.parallel || pool_.size() == 1) {
    Turn{*this, exe, count, false}.run(0);
    return;
  }
  for (int64_t done = 0, now = steadyNow(); done < count && !pool_.interrupt.load(std::memory_order_relaxed);) {
    const int64_t runs = exe.pace.burst(count - done), started = now, parks = pool_.parks();
    Turn turn{*this, exe, runs, exe.pace.together(now)};
    if (turn.together) pool_.run(job, &turn);
    else turn.run(0);
    now = steadyNow();
    exe.pace.note(turn.together, runs, now - started, pool_.parks() - parks, now);
    done += runs;
  }
}

bool Context::enqueue(std::unique_ptr<Job> job) {
  pthread_mutex_lock(&mutex_);
  if (!driving_) driving_ = pthread_create(&driver_, nullptr, drive, this) == 0;
  const bool ok = driving_;
  if (ok) {
    waiting_.push_back(std::move(job));
    pending_++;
    pthread_cond_broadcast(&changed_);
  }
  pthread_mutex_unlock(&mutex_);
  return ok;
}

void* Context::drive(void* context) {
  Context& c = *(Context*)context;
  pthread_mutex_lock(&c.mutex_);
  for (;;) {
    while (c.waiting_.empty() && !c.closing_) pthread_cond_wait(&c.changed_, &c.mutex_);
    if (c.closing_) break;
    std::unique_ptr<Job> job = std::move(c.waiting_.front());
    c.waiting_.pop_front();
    pthread_mutex_unlock(&c.mutex_);
    if (job->exe) c.execute(*job->exe, job->memory.data(), job->scalars.data(), job->count);
    else memcpy(job->to, job->from, job->bytes);
    job->exe.reset();
    pthread_mutex_lock(&c.mutex_);
    if (!c.closing_) c.done_(c.owner_, job.release());
    c.pending_--;
    pthread_cond_broadcast(&c.changed_);
  }
  pthread_mutex_unlock(&c.mutex_);
  return nullptr;
}

bool Context::busy() {
  pthread_mutex_lock(&mutex_);
  const bool is = pending_ > 0;
  pthread_mutex_unlock(&mutex_);
  return is;
}

void Context::drain() {
  pthread_mutex_lock(&mutex_);
  while (pending_ > 0) pthread_cond_wait(&changed_, &mutex_);
  pthread_mutex_unlock(&mutex_);
  collect();
}

}  // namespace nabla
