#include "decode_tiles.h"

#include <unistd.h>
#include "catalogue_index.h"

namespace nabla {

namespace {

constexpr int32_t MAX_REGISTERS = 4096;
constexpr int32_t MAX_STAGE_REDUCES = 16;
constexpr int32_t MAX_PLACES = 16;

// What a register's elements are good for, beside the levels: WIDE fills a whole register, so any level may read it.
enum Held : int8_t { NOTHING = -1, AT_UNIFORM = UNIFORM, AT_OUTER = OUTER, AT_INNER = INNER, WIDE = 3 };

bool isReduce(int32_t op) { return op >= OP_reduceSum_f && op <= OP_argMin_u; }

// Follows a program's instructions in the order they run, keeping what each register holds. A register that may point at an operand
// (of a load or a store) is used for nothing else, and never outlives the tile it was pointed for.
class Checker {
 public:
  Checker(Reader& in, CheckedProgram& p)
      : in_(in), p_(p), held_(p.program.registers, NOTHING), role_(p.program.registers, PLAIN), targeted_(p.program.registers, false) {}

  void roles() {
    for (int32_t i = 0; i < count(); i++) {
      const TileInstr& ins = p_.program.instrs[i];
      if (ins.op == OP_load) give(ins.d, LOADED, ins.a[0]);
      if (ins.op == OP_target) give(ins.d, TARGET, ins.a[0]);
      if (ins.op == OP_row) give(ins.d, ROW, ins.a[0]);
    }
  }

  int32_t count() const { return p_.program.finalEnd; }

  void run(int32_t begin, int32_t end, int32_t lists, bool storesAllowed) {
    for (int32_t i = begin; i < end && in_.ok(); i++) one(p_.program.instrs[i], lists, storesAllowed);
  }

  void reduces(int32_t begin, int32_t end) {
    in_.require(end - begin <= MAX_STAGE_REDUCES, "a stage has too many reductions");
    for (int32_t i = begin; i < end && in_.ok(); i++) {
      const TileInstr& ins = p_.program.instrs[i];
      in_.require(isReduce(ins.op), "a stage's reductions hold another instruction");
      if (!in_.ok()) return;
      read(ins.a[0], INNER);
      in_.require(role_[ins.d] == PLAIN, "a reduction writes to an operand's register");
    }
    for (int32_t i = begin; i < end && in_.ok(); i++) held_[p_.program.instrs[i].d] = AT_OUTER;
  }

  // The tile is over: what was computed for its elements is gone.
  void forget(Held level) {
    for (size_t r = 0; r < held_.size(); r++) {
      if (held_[r] == level) held_[r] = NOTHING;
      targeted_[r] = false;
    }
  }

 private:
  enum Role : int8_t { PLAIN, LOADED, TARGET, ROW };

  void give(int32_t r, Role role, int32_t owner) {
    const bool same = role_[r] == role && owner_.size() > (size_t)r && owner_[r] == owner;
    in_.require(role_[r] == PLAIN || same, "a register serves two operands");
    role_[r] = role;
    if (owner_.empty()) owner_.assign(held_.size(), -1);
    owner_[r] = owner;
  }

  void level(std::vector<int32_t>& levels, int32_t which, int32_t level) {
    in_.require(levels[which] == -1 || levels[which] == level, "an operand is used at two levels");
    levels[which] = level;
  }

  // Whether an instruction of `level` may read the register in whole vectors.
  void read(int32_t r, int32_t level) {
    const Held h = (Held)held_[r];
    const Mode mode = p_.program.mode;
    const bool fits = h == WIDE || h == (Held)level || (h == AT_OUTER && level == INNER && mode == COLUMNS) ||
                      (h == AT_UNIFORM && level == OUTER && mode == LONG);
    in_.require(fits, "an instruction reads a register that does not hold its elements");
  }

  void write(const TileInstr& ins, Held held) {
    in_.require(role_[ins.d] != LOADED, "an instruction writes to a load's register");
    in_.require(role_[ins.d] == PLAIN || (targeted_[ins.d] && (held == AT_OUTER || held == AT_INNER) && held_[ins.d] == held),
                "an instruction writes to a store's register out of turn");
    held_[ins.d] = held;
  }

  void one(const TileInstr& ins, int32_t levels, bool storesAllowed) {
    in_.require((levels >> ins.level) & 1, "an instruction's level does not fit its place");
    if (!in_.ok()) return;
    const Held held = (Held)ins.level;
    const TileProgram& program = p_.program;
    switch (ins.op) {
      case OP_load:
        level(p_.loadLevels, ins.a[0], ins.level);
        held_[ins.d] = held;
        return;
      case OP_index_i:
      case OP_index_f:
        level(p_.indexLevels, ins.a[0], ins.level);
        return write(ins, held);
      case OP_literal:
        return write(ins, held);
      case OP_target:
        in_.require(storesAllowed && ins.level != UNIFORM, "a store is out of place");
        if (!in_.ok()) return;
        level(p_.storeLevels, ins.a[0], ins.level);
        targeted_[ins.d] = true;
        held_[ins.d] = held;
        return;
      case OP_row:
        in_.require(program.mode == LONG && ins.level == INNER, "a kept row is out of place");
        targeted_[ins.d] = true;
        held_[ins.d] = held;
        return;
      case OP_store:
        in_.require(storesAllowed && ins.level != UNIFORM, "a store is out of place");
        if (!in_.ok()) return;
        level(p_.storeLevels, ins.a[1], ins.level);
        return read(ins.a[0], ins.level);
      case OP_splat:
        in_.require(held_[ins.a[0]] == AT_UNIFORM || held_[ins.a[0]] == WIDE, "a splat reads a register that varies");
        in_.require(role_[ins.d] == PLAIN, "a splat writes to an operand's register");
        held_[ins.d] = WIDE;
        return;
      case OP_expand:
        in_.require(program.mode != MAP && program.mode != COLUMNS, "an expand has no rows");
        in_.require(ins.level == (program.mode == ROWS ? INNER : OUTER), "an expand's level does not fit its place");
        in_.require(role_[ins.d] == PLAIN, "an expand writes to an operand's register");
        read(ins.a[0], OUTER);
        held_[ins.d] = program.mode == ROWS ? AT_INNER : WIDE;
        return;
      default: break;
    }
    if (isReduce(ins.op)) {
      in_.require(program.mode == ROWS && ins.level == OUTER, "a reduction is out of place");
      in_.require(role_[ins.d] == PLAIN, "a reduction writes to an operand's register");
      if (!in_.ok()) return;
      read(ins.a[0], INNER);
      held_[ins.d] = AT_OUTER;
      return;
    }
    for (int32_t k = 0; k < opcodeArity[ins.op]; k++) {
      if ((opcodeUniform[ins.op] >> k) & 1) {
        const Held h = (Held)held_[ins.a[k]];
        in_.require(h == AT_UNIFORM || h == WIDE, "an instruction takes one value from a register that varies");
      } else {
        read(ins.a[k], ins.level);
      }
    }
    write(ins, held);
  }

  Reader& in_;
  CheckedProgram& p_;
  std::vector<int8_t> held_, role_;
  std::vector<int32_t> owner_;
  std::vector<bool> targeted_;
};

DType dtypeOf(Reader& in) { return (DType)in.below(DTYPES, "a dtype"); }

constexpr int32_t AT(Level level) { return 1 << level; }

constexpr idx LEAST_LINE = 16;
// Of shorter rows the interpreter takes many a tile, where a kernel has a vector for each.
constexpr idx LEAST_ROW = 8;

idx lastCacheBytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  static const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (bytes > 0) return bytes;
#endif
  return 32 << 20;
}

}  // namespace

void BufferGuard::touch(int32_t buffer, DType dtype, idx first, idx last, bool write) {
  if (!in_.ok() || first > last) return;
  const BufferInfo& b = out_.buffers[buffer];
  const idx width = widthOf(dtype);
  in_.require(first >= 0 && last < b.bytes / width, "an access leaves its buffer");
  in_.require(b.alignment % width == 0, "an access is not aligned to its element");
  in_.require(!write || b.writable, "a step writes to a buffer that is not to be written");
  in_.require(b.place != PLACE_SLICE || active_[buffer], "a slice is used outside its loop");
  if (in_.ok()) noteTouch(out_, buffer, first * width, (last + 1) * width, write);
}

void TileDecoder::programs() {
  const int32_t programs = in_.count(8, "programs");
  for (int32_t n = 0; n < programs && in_.ok(); n++) {
    programs_.emplace_back(new CheckedProgram());
    CheckedProgram& p = *programs_.back();
    p.program = TileProgram();
    p.program.mode = (Mode)in_.below(5, "a mode");
    p.program.loads = in_.count(1, "loads");
    for (int32_t i = 0; i < p.program.loads; i++) p.loadTypes.push_back(dtypeOf(in_));
    p.program.indices = in_.below(1 << 12, "the number of indices");
    p.program.stores = in_.count(1, "stores");
    for (int32_t i = 0; i < p.program.stores; i++) p.storeTypes.push_back(dtypeOf(in_));
    p.program.registers = in_.below(MAX_REGISTERS, "the number of registers");
    in_.require(p.program.registers > 0, "a program has no register");
    list(p);
    Binding binding;
    if (!in_.ok() || !bindKernel(p.program, p.loadTypes, p.storeTypes, tiles_.kernels, binding)) continue;
    Binding* kept = out_.pile.make<Binding>(1);
    *kept = binding;
    p.program.binding = kept;
  }
}

// The instructions and where each part of them ends.
void TileDecoder::list(CheckedProgram& p) {
  TileProgram& program = p.program;
  const int32_t count = in_.count(3 + TILE_ARGS, "instructions");
  TileInstr* instrs = out_.pile.make<TileInstr>(count);
  program.instrs = instrs;
  p.loadLevels.assign(program.loads, -1);
  p.indexLevels.assign(program.indices, -1);
  p.storeLevels.assign(program.stores, -1);
  for (int32_t i = 0; i < count && in_.ok(); i++) {
    TileInstr& ins = instrs[i];
    ins.op = in_.below(OP_COUNT, "an opcode");
    ins.level = in_.below(3, "a level");
    ins.d = in_.below(program.registers, "a register");
    for (int k = 0; k < TILE_ARGS; k++) ins.a[k] = in_.word();
    for (int k = 0; k < opcodeArity[ins.op]; k++)
      in_.require(ins.a[k] >= 0 && ins.a[k] < program.registers, "a register is out of range");
    const int32_t which = ins.op == OP_store ? ins.a[1] : ins.a[0];
    if (ins.op == OP_load) in_.require(which >= 0 && which < program.loads, "a load is out of range");
    if (ins.op == OP_index_i || ins.op == OP_index_f) in_.require(which >= 0 && which < program.indices, "an index is out of range");
    if (ins.op == OP_store || ins.op == OP_target) in_.require(which >= 0 && which < program.stores, "a store is out of range");
    if (ins.op == OP_row) {
      in_.require(which >= 0 && which < MAX_PLACES, "a place in the row is out of range");
      if (in_.ok() && which >= program.places) program.places = which + 1;
    }
    if (isReduce(ins.op)) program.reduces++;
    if (ins.level == INNER) p.cost += opcodeSlow[ins.op] ? 0.4 : 0.05;
  }
  p.cost += 0.02;
  auto end = [&](int32_t from) {
    const int32_t to = in_.word();
    in_.require(to >= from && to <= count, "a list of instructions ends out of place");
    return in_.ok() ? to : from;
  };
  program.uniformEnd = end(0);
  program.finalBegin = program.finalEnd = count;
  Checker checker(in_, p);
  checker.roles();
  checker.run(0, program.uniformEnd, AT(UNIFORM), false);
  switch (program.mode) {
    case MAP:
    case ROWS:
      program.bodyEnd = count;
      checker.run(program.uniformEnd, count, program.mode == MAP ? AT(INNER) : AT(INNER) | AT(OUTER), true);
      return;
    default: break;
  }
  const int32_t stages = in_.count(3, "stages");
  in_.require(stages > 0, "a program has no stage");
  Stage* stage = out_.pile.make<Stage>(stages);
  program.stage = stage;
  program.stages = stages;
  int32_t at = program.uniformEnd;
  for (int32_t k = 0; k < stages && in_.ok(); k++) {
    stage[k].outerBegin = at;
    stage[k].outerEnd = end(at);
    stage[k].innerEnd = end(stage[k].outerEnd);
    stage[k].reduceEnd = at = end(stage[k].innerEnd);
    checker.run(stage[k].outerBegin, stage[k].outerEnd, AT(OUTER), false);
    checker.run(stage[k].outerEnd, stage[k].innerEnd, AT(INNER), true);
    checker.reduces(stage[k].innerEnd, stage[k].reduceEnd);
    checker.forget(AT_INNER);
  }
  program.finalBegin = at;
  checker.run(at, count, AT(OUTER), true);
}

const CheckedProgram* TileDecoder::program() {
  const int32_t i = in_.below((int32_t)programs_.size(), "a program");
  return in_.ok() ? programs_[i].get() : nullptr;
}

TileAccess TileDecoder::access(const CheckedProgram& p, const Segment& s, int32_t level, DType dtype, BufferGuard* buffers, bool store,
                               bool epilogue) {
  TileAccess x = TileAccess();
  x.dtype = dtype;
  bool accumulated = false;
  if (buffers) {
    x.buffer = in_.word();
    accumulated = epilogue && !store && x.buffer == ACCUMULATOR;
    in_.require(accumulated || (x.buffer >= 0 && (size_t)x.buffer < out_.buffers.size()), "a buffer is out of range");
  }
  x.offset = in_.number("an offset");
  for (int a = 0; a < s.axes; a++) x.stride[a] = in_.number("a stride");
  if (buffers && !store) x.guarded = in_.flag("a guard");
  if (x.guarded) {
    for (int a = 0; a < s.axes; a++) x.lo[a] = in_.number("a guard"), x.hi[a] = in_.number("a guard");
    x.fill = (uint32_t)in_.word();
  }
  if (!in_.ok()) return x;
  if (accumulated) {
    in_.require(dtype == F32 && level != OUTER && level != UNIFORM, "the accumulator is read as another dtype");
    return x;
  }

  const Mode mode = p.program.mode;
  // The axes along which the access moves at all.
  int movingBegin = 0, moving = 0;
  if (level == INNER) {
    moving = s.axes;
    x.begin = mode == LONG ? s.outer : 0;
    x.end = mode == COLUMNS ? s.outer : s.axes;
    x.fixedBegin = mode == COLUMNS ? s.outer : 0;
    x.fixedEnd = mode == COLUMNS ? s.axes : mode == LONG ? s.outer : 0;
  } else if (level == OUTER) {
    movingBegin = x.begin = mode == STACKED ? s.axes - s.outer : 0;
    moving = x.end = mode == STACKED ? s.axes : s.outer;
  }
  idx expected = 1;
  x.linear = true;
  for (int a = x.end - 1; a >= x.begin; a--) {
    if (s.size[a] == 1) continue;
    x.linear &= x.stride[a] == expected;
    expected *= s.size[a];
  }
  if (!buffers || level == -1) return x;
  // The first and the last element it can reach.
  __int128 first = x.offset, last = x.offset;
  bool reached = s.rows > 0;
  for (int a = movingBegin; a < moving; a++) {
    idx lo = 0, hi = s.size[a];
    if (x.guarded && level != UNIFORM) lo = lo > x.lo[a] ? lo : x.lo[a], hi = hi < x.hi[a] ? hi : x.hi[a];
    if (lo >= hi) reached = false;
    const __int128 one = (__int128)x.stride[a] * lo, two = (__int128)x.stride[a] * (hi - 1);
    first += one < two ? one : two;
    last += one < two ? two : one;
  }
  if (!reached) return x;
  in_.require(first >= 0 && last <= MOST, "an access leaves its buffer");
  if (in_.ok()) buffers->touch(x.buffer, dtype, (idx)first, (idx)last, store);
  return x;
}

void TileDecoder::segment(const CheckedProgram& p, bool epilogue, BufferGuard& buffers, Segment& s) {
  s = Segment();
  s.axes = in_.below(TILE_AXES + 1, "the number of axes");
  s.outer = in_.below(s.axes + 1, "the number of outer axes");
  s.rows = s.length = 1;
  const Mode mode = p.program.mode;
  for (int a = 0; a < s.axes; a++) {
    s.size[a] = in_.size("a size");
    const bool outer = mode == STACKED ? a >= s.axes - s.outer : a < s.outer;
    idx& of = outer ? s.rows : s.length;
    of = product(in_, of, s.size[a], "a segment's size");
  }
  product(in_, s.rows > 0 ? s.rows : 1, s.length > 0 ? s.length : 1, "a segment's size");
  in_.require(mode != MAP || s.outer == s.axes, "a map has no rows");
  in_.require(mode != ROWS || s.length <= TILE, "a row does not fit a tile");
  in_.require(mode != STACKED || s.rows <= TILE, "the rows do not fit a tile");
  s.block = in_.word();
  in_.require(s.block == -1 || (mode == MAP && s.block >= 0 && s.block < s.axes - 1), "a block is out of range");
  s.split = in_.flag("a split");
  in_.require(!s.split || (mode != MAP && mode != ROWS), "only long rows are split");
  if (!in_.ok()) return;
  const TileProgram& t = p.program;
  if (s.split) {
    const idx chunk = mode == LONG ? ROW_CHUNK : COLUMN_CHUNK;
    s.chunks = (s.length + chunk - 1) / chunk;
    in_.require(s.chunks > 0, "an empty row is split");
    s.partials = out_.partials / 4;
    const idx words = product(in_, product(in_, s.rows, s.chunks, "partial results"), 2 * t.reduces, "partial results");
    out_.partials += (words + 64) * 4;
    in_.require(out_.partials <= MOST, "partial results need too much room");
  }
  in_.require(!s.split || p.program.places == 0, "a split row cannot be kept");
  in_.require(s.block == -1 || !epilogue, "an epilogue is not cut in blocks");
  TileAccess* loads = out_.pile.make<TileAccess>(t.loads);
  TileAccess* indices = out_.pile.make<TileAccess>(t.indices);
  TileAccess* stores = out_.pile.make<TileAccess>(t.stores);
  for (int32_t i = 0; i < t.loads && in_.ok(); i++)
    loads[i] = access(p, s, p.loadLevels[i], p.loadTypes[i], &buffers, false, epilogue && i == 0);
  for (int32_t i = 0; i < t.indices && in_.ok(); i++) indices[i] = access(p, s, p.indexLevels[i], I32, nullptr, false, false);
  for (int32_t i = 0; i < t.stores && in_.ok(); i++)
    stores[i] = access(p, s, p.storeLevels[i], p.storeTypes[i], &buffers, true, false);
  s.loads = loads;
  s.indices = indices;
  s.stores = stores;
  s.bound = in_.ok() && t.binding && suits(p, s);
  s.stream = s.bound && !epilogue && outgrowsCache(p, s);
}

// Whether the program's kernel can walk this segment: along lines of memory, or standing still on them.
bool TileDecoder::suits(const CheckedProgram& p, const Segment& s) const {
  const Binding& b = *p.program.binding;
  const bool map = p.program.mode == MAP;
  if (s.block >= 0 || s.split || (!map && (s.outer > 1 || s.axes - s.outer > 1))) return false;
  const int last = s.axes - 1;
  const bool along = map ? s.axes > 0 : s.axes > s.outer;
  bool straight = true;
  for (int32_t k = 0; k < b.loads; k++) {
    const TileAccess& x = s.loads[b.load[k]];
    if (x.buffer == ACCUMULATOR) continue;
    if (x.guarded) return false;
    straight &= x.linear;
    const bool lies = x.linear || !along || p.loadLevels[b.load[k]] != INNER || x.stride[last] == 0 || x.stride[last] == 1;
    if (!lies) return false;
  }
  for (int32_t k = 0; k < b.stores; k++) {
    const TileAccess& x = s.stores[b.store[k]];
    straight &= x.linear;
    if (!x.linear && along && p.storeLevels[b.store[k]] == INNER && x.stride[last] != 1) return false;
  }
  for (int32_t k = 0; k < b.indices; k++) straight &= s.indices[b.index[k]].linear;
  // A call's start costs more than a short line.
  if (p.program.mode == ROWS) return s.length >= LEAST_ROW;
  return !map || straight || s.size[last] >= LEAST_LINE;
}

bool TileDecoder::outgrowsCache(const CheckedProgram& p, const Segment& s) const {
  idx bytes = 0;
  for (int32_t i = 0; i < p.program.loads; i++)
    if (p.loadLevels[i] == INNER) bytes += widthOf(p.loadTypes[i]);
  for (int32_t i = 0; i < p.program.stores; i++)
    if (p.storeLevels[i] == INNER) bytes += widthOf(p.storeTypes[i]);
  return (double)bytes * (double)s.rows * (double)s.length > (double)lastCacheBytes();
}

}  // namespace nabla
