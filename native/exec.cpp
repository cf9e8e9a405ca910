#include "exec.h"

#include <math.h>
#include <string.h>
#include <algorithm>

namespace nabla {

namespace {

constexpr double WAKE_NS = 10000;      // a call that saves less wakes nobody
constexpr double LEAST_SAVED = 0.1;    // part of the time that company must save

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

// Fills in the addresses of a step.
void bind(Step& s, char* const* pointers, const TileTable& tiles) {
  auto bytes = [&](int i) { return pointers[s.operand[i].buffer]; };
  auto floats = [&](int i) { return (float*)bytes(i) + s.operand[i].offset; };
  auto product = [&](auto& t) {
    t.a = floats(0);
    t.b = floats(1);
    if (s.plain) t.out = floats(2);
    else t.epilogue = Epilogue{tiles.epilogue, &s.epilogue};
    s.epilogue.buffers = pointers;
  };
  switch (s.kind) {
    case STEP_FUSED: s.fused.buffers = pointers; return;
    case STEP_GEMM: return product(s.gemm);
    case STEP_CONV: return product(s.conv);
    case STEP_PACK: s.pack.b = floats(0); return;
    case STEP_WINDOW:
      s.window.src = bytes(0);
      s.window.out = bytes(1);
      return;
    case STEP_CUMULATE:
      s.cumulate.src = bytes(0);
      s.cumulate.out = bytes(1);
      return;
    case STEP_GATHER:
      s.gather.src = bytes(0);
      s.gather.indices = (const int32_t*)bytes(1);
      s.gather.out = bytes(2);
      return;
    case STEP_SCATTER:
      s.scatter.base = bytes(0);
      s.scatter.indices = (const int32_t*)bytes(1);
      s.scatter.updates = bytes(2);
      s.scatter.out = bytes(3);
      return;
    case STEP_SORT:
      s.sort.src = bytes(0);
      s.sort.out = (int32_t*)bytes(1);
      return;
    case STEP_COPY:
      s.copy.from = bytes(0);
      s.copy.to = bytes(1);
      return;
    case STEP_ATTENTION: {
      AttentionTask& t = s.attention;
      HeadsView* const views[] = {&t.q, &t.k, &t.v, nullptr, &t.logSum, &t.delta, &t.g};
      for (int i = 0; i < (s.form ? 7 : 3); i++)
        if (views[i]) views[i]->data = floats(i);
      t.visible = s.plain ? nullptr : (const uint8_t*)bytes(3) + s.operand[3].offset;
      if (s.form) {
        t.dq = floats(7);
        t.dk = floats(8);
        t.dv = floats(9);
      } else {
        t.out = floats(4);
        t.logSumOut = floats(5);
      }
      return;
    }
    default: return;
  }
}

void runStep(const Step& s, const Share& share, const Isa& isa, Worker& w) {
  const KernelTable& k = *isa.kernels;
  switch (s.kind) {
    case STEP_FUSED: {
      FusedTask t = s.fused;
      t.phase = share.phase;
      t.phaseEnd = share.phaseEnd;
      return isa.tiles->fused(t, w);
    }
    case STEP_GEMM: return k.gemm(s.gemm, w);
    case STEP_CONV: return (s.form == 0 ? k.conv : s.form == 1 ? k.convInputGrad : k.convFilterGrad)(s.conv, w);
    case STEP_WINDOW: return (s.form ? k.argWindow : k.reduceWindow)(s.window, w);
    case STEP_CUMULATE: return k.cumulate(s.cumulate, w);
    case STEP_GATHER: return k.gather(s.gather, w);
    case STEP_SCATTER: return k.scatter(s.scatter, w);
    case STEP_SORT: return k.argsort(s.sort, w);
    case STEP_ATTENTION: return (s.form ? k.attentionBackward : k.attention)(s.attention, w);
    case STEP_PACK: return k.packWhole(s.pack, w);
    case STEP_COPY:
      if (w.index == 0 && s.copy.from != s.copy.to) memmove(s.copy.to, s.copy.from, s.copy.bytes);
      return;
    default: return;
  }
}

// Steps but loops, in the order of their numbers.
void listSteps(const std::vector<Step>& steps, std::vector<Step>& list) {
  for (const Step& s : steps) {
    if (s.kind == STEP_LOOP) listSteps(s.loop->before, list), listSteps(s.loop->steps, list);
    else list.push_back(s);
  }
}

// Adds a time for each step to the list, those inside a loop right after the loop's own; gives the sum.
double sumTimes(const std::vector<Step>& steps, const std::vector<std::vector<int64_t>>& times, std::vector<double>& list) {
  double all = 0;
  for (const Step& s : steps) {
    const size_t at = list.size();
    list.push_back(0);
    double own = 0;
    if (s.kind == STEP_LOOP) {
      std::vector<double> before;
      own = sumTimes(s.loop->before, times, before) + sumTimes(s.loop->steps, times, list);
    } else {
      for (const std::vector<int64_t>& thread : times) own += (double)thread[s.number];
    }
    list[at] = own;
    all += own;
  }
  return all;
}

}  // namespace

// A run on its way through a schedule.
struct Context::Walk final : Team {
  Context& context;
  Executable& exe;
  const Schedule& schedule;
  const uint64_t phases;

  Walk(Context& c, Executable& e, const Schedule& s, uint64_t n) : context(c), exe(e), schedule(s), phases(n) {
    for (Cursor& cursor : exe.cursors) {
      cursor.phase = UINT64_MAX;
      cursor.at = schedule.code.size() - 1;
    }
  }

  void piece(int32_t thread, uint64_t phase, int32_t piece) override {
    const Phase& now = seek(thread, phase);
    if (now.loop < 0) return shares(thread, now.pieces[piece]);
    for (idx n = 0; n < schedule.loops[now.loop]->length && !context.pool_.interrupt.load(std::memory_order_relaxed); n++) {
      move(now.loop, n, bindingOf(thread));
      shares(thread, now.pieces[piece]);
    }
  }

  void shares(int32_t thread, const std::vector<Share>& list) const {
    const Placement& binding = bindingOf(thread);
    const Thread& own = *context.threads_[thread];
    int64_t* const times = exe.times.empty() ? nullptr : exe.times[thread].data();
    for (const Share& share : list) {
      if (context.pool_.interrupt.load(std::memory_order_relaxed)) return;
      Worker w{share.index, share.count, own.scratch.base, own.registers.base, share.rows};
      const int64_t began = times ? steadyNow() : 0;
      runStep(binding.steps[share.step], share, context.isa_, w);
      if (times) times[share.step] += steadyNow() - began;
    }
  }

  int32_t pieces(int32_t thread, uint64_t phase) override { return (int32_t)seek(thread, phase).pieces.size(); }

  // Whoever ends a phase asks the guards of the loops behind it; numbers tell the others what the answers were.
  uint64_t after(int32_t thread, uint64_t phase) override {
    seek(thread, phase);
    return next(thread);
  }

  uint64_t first() { return next(0); }

  Placement& bindingOf(int32_t thread) const { return exe.placements[exe.placements.size() > 1 ? thread : 0]; }

  const Phase& seek(int32_t thread, uint64_t phase) const {
    Cursor& cursor = exe.cursors[thread];
    while (cursor.phase != phase) advance(cursor, bindingOf(thread), [&](const Op& op) { return phase - cursor.phase >= op.phases; });
    return schedule.phases[schedule.code[cursor.at].which];
  }

  uint64_t next(int32_t thread) {
    Placement& b = bindingOf(thread);
    advance(exe.cursors[thread], b, [&](const Op& op) { return b.pointers[schedule.loops[op.which]->guard][0] == 0; });
    return exe.cursors[thread].phase;
  }

  // To the next phase, round and round, or to the end. `leaves` says whether a guarded loop is left out.
  template <class Leaves> void advance(Cursor& c, Placement& b, const Leaves& leaves) const {
    for (c.phase++; c.phase < phases;) {
      if (++c.at == schedule.code.size()) c.at = 0;
      const Op& op = schedule.code[c.at];
      if (op.kind == Op::PHASE) return;
      if (op.kind == Op::ENTER) {
        if (schedule.loops[op.which]->guard >= 0 && leaves(op)) {
          c.phase = c.phase > UINT64_MAX - op.phases || context.pool_.interrupt.load(std::memory_order_relaxed) ? phases : c.phase + op.phases;
          c.at = (size_t)op.end;
          continue;
        }
        c.rounds[op.which] = 0;
      } else {
        if (++c.rounds[op.which] == schedule.loops[op.which]->length) continue;
        c.at = op.begin - 1;
      }
      move(op.which, c.rounds[op.which], b);
    }
  }

  // Moves a loop's slices to round n.
  void move(int32_t which, idx n, Placement& b) const {
    const LoopInfo& l = *schedule.loops[which];
    const std::vector<BufferInfo>& buffers = exe.program.buffers;
    const idx i = l.reverse ? l.length - 1 - n : n;
    for (int32_t id : l.slices) b.pointers[id] = b.pointers[buffers[id].index] + i * buffers[id].offset;
    for (int32_t number : exe.moved[which]) bind(b.steps[number], b.pointers.data(), *context.isa_.tiles);
  }
};

Context::Context(const Isa& isa, int32_t threads, size_t memoryLimit, void (*done)(void*, Job*), void* owner)
    : isa_(isa), pool_(threads), done_(done), owner_(owner) {
  memory_.limit = memoryLimit;
  pthread_mutex_init(&mutex_, nullptr);
  pthread_cond_init(&changed_, nullptr);
  for (int32_t i = 0; i < pool_.size(); i++) threads_.emplace_back(new Thread());
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
    if (!grow(t->scratch, scratch) || !grow(t->registers, registers)) return false;
  }
  return true;
}

std::string Context::load(const int32_t* words, size_t count, const char* consts, size_t constBytes, int32_t& id) {
  auto exe = std::make_shared<Executable>();
  Program& p = exe->program;
  const std::string wrong = decodeProgram(words, count, constBytes, *isa_.kernels, *isa_.tiles, p);
  if (!wrong.empty()) return "the program is malformed: " + wrong;
  const size_t wanted = (size_t)p.arenaBytes + constBytes + (size_t)p.partials + (size_t)p.kept;
  const bool room = wanted <= memory_.limit && arenas_ + memory_.live() <= memory_.limit - wanted && exe->arena.reserve(p.arenaBytes) && exe->consts.reserve(constBytes) && exe->partials.reserve(p.partials) && exe->kept.reserve(p.kept) &&
                    exe->scalars.reserve(64 * (size_t)p.scalars) && reserveWorkers(p.scratch, p.registers);
  if (!room) return "out of memory";
  if (constBytes) memcpy(exe->consts.base, consts, constBytes);
  exe->alone = makeSchedule(p, 1);
  exe->together = makeSchedule(p, pool_.size());
  if (std::max(exe->alone.length, exe->together.length) >= MOST_PHASES) return "the program is malformed: it never ends";
  exe->saved = exe->alone.nanoseconds - exe->together.nanoseconds;
  if (exe->saved < LEAST_SAVED * exe->alone.nanoseconds) exe->saved = 0;
  bindMemory(*exe);
  arenas_ += exe->bytes();
  for (id = 0; (size_t)id < executables_.size(); id++)
    if (!executables_[id]) break;
  if ((size_t)id == executables_.size()) executables_.emplace_back();
  executables_[id] = exe;
  return "";
}

// What does not change between runs.
void Context::bindMemory(Executable& exe) {
  const Program& p = exe.program;
  exe.cursors.resize(pool_.size());
  exe.placements.resize(p.loops ? pool_.size() : 1);
  for (Cursor& c : exe.cursors) c.rounds.assign(exe.alone.loops.size(), 0);
  for (Placement& b : exe.placements) {
    b.pointers.assign(p.buffers.size() + 1, nullptr);
    listSteps(p.steps, b.steps);
    for (size_t i = 0; i < p.buffers.size(); i++) {
      const BufferInfo& buffer = p.buffers[i];
      if (buffer.place == PLACE_ARENA) b.pointers[i] = exe.arena.base + buffer.offset;
      if (buffer.place == PLACE_CONST) b.pointers[i] = exe.consts.base + buffer.offset;
      if (buffer.place == PLACE_SCALAR) b.pointers[i] = exe.scalars.base + 64 * (size_t)buffer.index;
    }
    for (Step& s : b.steps)
      if (s.kind == STEP_FUSED) s.fused.partials = (uint32_t*)exe.partials.base;
      else if (s.kind == STEP_GEMM && s.kept >= 0) s.gemm.packedB = (const float*)(exe.kept.base + s.kept);
      else if (s.kind == STEP_PACK) s.pack.to = (float*)(exe.kept.base + s.kept);
  }
  for (const LoopInfo* l : exe.alone.loops) {
    std::vector<Step> inside;
    listSteps(l->steps, inside);
    exe.moved.emplace_back();
    for (const Step& s : inside)
      if (s.kind != STEP_FUSED) exe.moved.back().push_back(s.number);
  }
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

void Context::time(Executable& exe, bool on) {
  drain();
  exe.times.assign(on ? pool_.size() : 0, std::vector<int64_t>(exe.program.numbered, 0));
}

std::vector<double> Context::times(const Executable& exe) {
  drain();
  std::vector<double> sums;
  if (!exe.times.empty()) sumTimes(exe.program.steps, exe.times, sums);
  return sums;
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
    if (memory_.lent(ids[i]) && (i >= p.inputs || p.inputWritable[i])) return "buffer " + std::to_string(ids[i]) + " is lent, to be read only";
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
  if (exe.alone.code.empty()) return;
  for (Placement& binding : exe.placements) {
    bool changed = !exe.bound;
    for (size_t i = 0; i < p.buffers.size(); i++) {
      const BufferInfo& b = p.buffers[i];
      if (b.place != PLACE_INPUT && b.place != PLACE_OUTPUT) continue;
      char* at = memory[b.place == PLACE_INPUT ? b.index : p.inputs + b.index];
      changed |= binding.pointers[i] != at;
      binding.pointers[i] = at;
    }
    if (!changed) continue;
    for (Step& s : binding.steps) bind(s, binding.pointers.data(), *isa_.tiles);
  }
  exe.bound = true;
  for (int32_t i = 0; i < p.scalars; i++) writeScalar(exe.scalars.base + 64 * (size_t)i, p.scalarTypes[i], scalars[i]);
  if (pool_.size() == 1 || exe.saved * (double)count < WAKE_NS) return burst(exe, false, count);
  for (int64_t done = 0, now = steadyNow(); done < count && !pool_.interrupt.load(std::memory_order_relaxed);) {
    const int64_t runs = exe.pace.burst(count - done), started = now, late = pool_.late();
    const bool together = exe.pace.together(now);
    burst(exe, together, runs);
    now = steadyNow();
    exe.pace.note(runs, now - started, pool_.late() - late, now);
    done += runs;
  }
}

void Context::burst(Executable& exe, bool together, int64_t count) {
  const Schedule& schedule = together ? exe.together : exe.alone;
  const uint64_t phases = (uint64_t)count > UINT64_MAX / schedule.length ? UINT64_MAX : (uint64_t)count * schedule.length;
  Walk walk(*this, exe, schedule, phases);
  if (together) return pool_.run(walk, phases, walk.first());
  for (uint64_t n = walk.first(); n < phases && !pool_.interrupt.load(std::memory_order_relaxed); n = walk.after(0, n)) walk.piece(0, n, 0);
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
