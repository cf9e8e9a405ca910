// The list of steps, fused ones, and what steps have in common: operands and epilogues.
#include "decode_steps.h"

#include <math.h>

namespace nabla {

namespace {

constexpr idx MOST_KEPT = (idx)1 << 28;  // bytes a thread may keep of a row

// An interpreted program on one segment: a part for each tile and instruction, a part for each element.
double timeOf(const CheckedProgram& p, const Segment& s) {
  const double elements = (double)s.rows * (double)(s.length > 0 ? s.length : 1);
  const double instrs = p.program.mode == MAP || p.program.mode == ROWS ? p.program.bodyEnd : p.program.finalEnd;
  return ceil(elements / TILE) * instrs * 5 + elements * p.cost / 2 + (double)s.rows * p.program.reduces * 4;
}

}  // namespace

void StepDecoder::steps(std::vector<Step>& list, int depth) {
  in_.require(depth < 64, "loops are nested too deep");
  const int32_t count = in_.count(2, "steps");
  for (int32_t i = 0; i < count && in_.ok(); i++) {
    list.emplace_back();
    Step& s = list.back();
    s.kind = (StepKind)in_.below(STEP_KINDS, "a kind of step");
    s.number = -1;
    s.nothing = s.plain = false;
    s.nanoseconds = CALL_NS;
    s.tiles = MOST;
    s.scratch = s.registers = 0;
    s.form = 0;
    s.sort = SortTask();
    out_.reads.clear();
    out_.writes.clear();
    if (in_.ok()) step(s, depth);
    if (s.kind != STEP_LOOP) {
      s.reads = merged(out_.reads);
      s.writes = merged(out_.writes);
    }
    if (s.scratch > out_.scratch) out_.scratch = s.scratch;
    if (s.registers > out_.registers) out_.registers = s.registers;
  }
}

void StepDecoder::step(Step& s, int depth) {
  switch (s.kind) {
    case STEP_FUSED: return fused(s);
    case STEP_GEMM: return gemm(s);
    case STEP_CONV: return conv(s);
    case STEP_WINDOW: return window(s);
    case STEP_CUMULATE: return cumulate(s);
    case STEP_GATHER: return gather(s);
    case STEP_SCATTER: return scatter(s);
    case STEP_SORT: return sort(s);
    case STEP_COPY: return copy(s);
    case STEP_LOOP: return loop(s, depth);
    case STEP_ATTENTION: return attention(s);
    default: return;
  }
}

void StepDecoder::fused(Step& s) {
  s.fused = FusedTask();
  const int32_t groups = in_.count(2, "groups");
  Group* group = out_.pile.make<Group>(groups);
  s.fused.groups = groups;
  s.fused.group = group;
  s.fused.phases = 1;
  s.nothing = true;
  for (int32_t g = 0; g < groups && in_.ok(); g++) {
    const CheckedProgram* p = tiles_.program();
    const int32_t segments = in_.count(3, "segments");
    if (!in_.ok()) return;
    need(s, *p);
    Segment* list = out_.pile.make<Segment>(segments);
    group[g] = Group{&p->program, segments, list};
    // The decoder's own copy goes away; the pile's stays.
    TileProgram* kept = out_.pile.make<TileProgram>(1);
    *kept = p->program;
    group[g].program = kept;
    for (int32_t i = 0; i < segments && in_.ok(); i++) {
      tiles_.segment(*p, false, guard_, list[i]);
      const TileProgram& t = p->program;
      const idx places = list[i].bound && t.mode == ROWS ? CALL_PLACES : t.places;
      const idx kept = times(places * 4, list[i].bound ? placeStride(list[i].length) : rowStride(list[i].length));
      in_.require(kept < MOST_KEPT, "kept rows need too much room");
      if (tiles_.registerBytes(*p) + kept > s.registers) s.registers = tiles_.registerBytes(*p) + kept;
      if (list[i].rows > 0) s.nothing = false;
      if (list[i].split && 1 + p->program.stages > s.fused.phases) s.fused.phases = 1 + p->program.stages;
      s.nanoseconds += timeOf(*p, list[i]);
    }
  }
}

void StepDecoder::epilogue(Step& s, idx batch, idx rows, idx cols, Epilogue& e) {
  e = Epilogue{nullptr, nullptr};
  const CheckedProgram* p = tiles_.program();
  if (!p) return;
  in_.require(p->program.mode == MAP, "an epilogue has rows");
  need(s, *p);
  Segment* segment = out_.pile.make<Segment>(1);
  TileProgram* kept = out_.pile.make<TileProgram>(1);
  *kept = p->program;
  tiles_.segment(*p, true, guard_, *segment);
  const idx total = product(in_, product(in_, batch, rows, "a result"), cols, "a result");
  in_.require(segment->rows == total, "an epilogue's segment is of another size than the result");
  s.epilogue = EpilogueContext{kept, segment, rows, cols, nullptr};
  s.nanoseconds += timeOf(*p, *segment);
}

void StepDecoder::need(Step& s, const CheckedProgram& p) {
  const idx bytes = tiles_.registerBytes(p);
  if (bytes > s.registers) s.registers = bytes;
}

void StepDecoder::touch(const Operand& o, const Extent& e, bool write, DType dtype) {
  if (!e.reached || !in_.ok()) return;
  in_.require(e.first >= 0 && e.last <= MOST, "an access leaves its buffer");
  if (in_.ok()) guard_.touch(o.buffer, dtype, (idx)e.first, (idx)e.last, write);
}

void StepDecoder::whole(Step& s, int which, DType dtype, idx count, bool write) {
  s.operand[which] = Operand{guard_.buffer(), 0};
  if (in_.ok() && count > 0) guard_.touch(s.operand[which].buffer, dtype, 0, count - 1, write);
}

}  // namespace nabla
