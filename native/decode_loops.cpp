// Loops: their slices, their guard, and the matrices that are packed before their first round.
#include "decode_steps.h"

namespace nabla {

namespace {

constexpr idx LEAST_ROUNDS = 3;  // of a loop, for matrices to be packed before it

bool writes(const std::vector<Step>& list, const std::vector<Touch>& to) {
  for (const Step& s : list)
    if (s.kind == STEP_LOOP ? writes(s.loop->steps, to) : overlap(s.writes, to)) return true;
  return false;
}

}  // namespace

void StepDecoder::loop(Step& s, int depth) {
  s.loop = std::make_shared<LoopInfo>();
  LoopInfo& l = *s.loop;
  out_.loops = true;
  l.length = in_.size("a loop's length");
  l.reverse = in_.flag("a direction");
  if (in_.flag("a loop's kind")) {
    l.guard = guard_.buffer();
    if (in_.ok()) guard_.touch(l.guard, BOOL, 0, 0, false);
    in_.require(l.length == 1, "a guarded loop has several rounds");
  }
  const int32_t slices = in_.count(1, "slices");
  for (int32_t i = 0; i < slices && in_.ok(); i++) {
    const int32_t id = guard_.buffer();
    const BufferInfo& b = out_.buffers[id];
    in_.require(b.place == PLACE_SLICE && b.depth == depth && !guard_.isActive(id), "a loop moves a buffer that is not its slice");
    if (!in_.ok()) return;
    const BufferInfo& parent = out_.buffers[b.index];
    in_.require(parent.place != PLACE_SLICE || guard_.isActive(b.index), "a slice's parent is a slice outside its loop");
    const idx reach = l.length > 0 ? times(l.length - 1, b.offset) + b.bytes : 0;
    in_.require(reach <= parent.bytes, "a slice leaves its parent");
    guard_.setActive(id, true);
    l.slices.push_back(id);
  }
  steps(l.steps, depth + 1);
  if (!in_.ok()) return;
  for (int32_t id : l.slices) guard_.setActive(id, false);
  if (l.length >= LEAST_ROUNDS)
    for (Step& inner : l.steps)
      if (inner.kind == STEP_GEMM && !inner.nothing) packOnce(inner, l);
  s.nothing = l.length == 0 || l.steps.empty();
  for (const Step& inner : l.steps) s.nanoseconds += inner.nanoseconds * (double)l.length;
}

void StepDecoder::packOnce(Step& s, LoopInfo& l) {
  const GemmTask& t = s.gemm;
  const Operand& o = s.operand[1];
  if (out_.buffers[o.buffer].place == PLACE_SLICE) return;
  GemmTask seen = t;
  float there;
  if (s.plain) seen.out = &there;
  const idx floats = kernels_.packedFloats(seen);
  if (floats == 0) return;
  Extent e{o.offset, o.offset, true};
  e.axis(t.k, t.bRow);
  e.axis(t.n, t.bCol);
  out_.reads.clear();
  noteTouch(out_, o.buffer, (idx)e.first * 4, ((idx)e.last + 1) * 4, false);
  if (writes(l.steps, out_.reads)) return;
  Step pack = Step();
  pack.kind = STEP_PACK;
  pack.number = -1;
  pack.nanoseconds = CALL_NS + (double)floats / 4;
  pack.tiles = (t.n + 31) / 32;
  pack.reads = out_.reads;
  pack.operand[0] = o;
  pack.pack = PackTask{t.k, t.n, nullptr, t.bRow, t.bCol, nullptr};
  pack.kept = s.kept = out_.kept;
  const Touch packed = {-2, out_.kept, out_.kept + times(floats, 4)};
  pack.writes = {packed};
  s.reads.insert(s.reads.begin(), packed);
  out_.kept = times((packed.end + 63) / 64, 64);
  l.before.push_back(pack);
}

}  // namespace nabla
