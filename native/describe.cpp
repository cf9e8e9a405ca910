#include "describe.h"

namespace nabla {

namespace {

const char* const modeNames[] = {"map", "short rows", "long rows", "columns", "stacked columns"};

// Which kernel `bound` of `segments` go through.
std::string kernelOf(const TileProgram& p, int32_t bound, int32_t segments) {
  std::string text = bound > 0 ? "catalogue \"" + std::string(p.binding->name) + "\"" : "interpreter";
  text += ", ";
  text += modeNames[p.mode];
  if (bound > 0 && bound < segments) {
    text += ", " + std::to_string(segments - bound) + " of " + std::to_string(segments) + " segments in the interpreter";
  }
  return text;
}

std::string fusedNote(const FusedTask& t) {
  std::string text;
  for (int32_t g = 0; g < t.groups; g++) {
    const Group& group = t.group[g];
    int32_t bound = 0, streamed = 0, split = 0;
    for (int32_t i = 0; i < group.segments; i++) {
      bound += group.segment[i].bound;
      streamed += group.segment[i].stream;
      split += group.segment[i].split;
    }
    if (g > 0) text += "; ";
    text += kernelOf(*group.program, bound, group.segments);
    if (streamed > 0) text += ", stores past the caches";
    if (split > 0) text += ", rows cut over threads";
  }
  return text;
}

std::string epilogueNote(const Step& s) {
  return s.plain ? "plain store" : "results through " + kernelOf(*s.epilogue.program, s.epilogue.segment->bound, 1);
}

std::string gemmNote(const Step& s, const KernelTable& kernels) {
  GemmTask t = s.gemm;
  float there;
  if (s.plain) t.out = &there;  // addresses come with a run; the way only depends on whether there is one
  const std::string kept = s.kept < 0 ? "" : ", B packed before the loop";
  return kernels.gemmPath(t) + (kept + ", " + epilogueNote(s));
}

std::string note(const Step& s, const KernelTable& kernels) {
  switch (s.kind) {
    case STEP_FUSED: return fusedNote(s.fused);
    case STEP_GEMM: return gemmNote(s, kernels);
    case STEP_CONV: return kernels.convPath(s.conv, s.form) + (", " + epilogueNote(s));
    case STEP_ATTENTION: return "tiles of 64 keys x 32 queries";
    default: return "";
  }
}

// Into how many shares each step is cut.
std::vector<int32_t> sharesOf(const Schedule& schedule, int32_t steps) {
  std::vector<int32_t> shares(steps, 1);
  for (const Phase& phase : schedule.phases)
    for (const std::vector<Share>& piece : phase.pieces)
      for (const Share& share : piece)
        if (share.count > shares[share.step]) shares[share.step] = share.count;
  return shares;
}

bool goesByRows(const Schedule& schedule, const LoopInfo& loop) {
  for (const Phase& phase : schedule.phases)
    if (phase.loop >= 0 && schedule.loops[phase.loop] == &loop) return true;
  return false;
}

struct Describer {
  const KernelTable& kernels;
  const Schedule& schedule;
  std::vector<int32_t> shares;
  int32_t threads;
  std::vector<std::string> notes;

  void steps(const std::vector<Step>& list) {
    for (const Step& s : list) {
      std::string text = s.nothing ? "nothing to do" : note(s, kernels);
      if (!s.nothing && s.kind != STEP_LOOP) {
        const int32_t taken = shares[s.number] < threads ? shares[s.number] : threads;
        text += (text.empty() ? "" : ", ") + std::to_string(taken) + (taken == 1 ? " thread" : " threads");
      }
      if (s.kind == STEP_LOOP && goesByRows(schedule, *s.loop)) text = "each thread goes through all rounds with rows of its own";
      notes.push_back(text);
      if (s.kind == STEP_LOOP) steps(s.loop->steps);
    }
  }
};

}  // namespace

std::vector<std::string> describeProgram(const Program& p, const Schedule& schedule, const KernelTable& kernels, int32_t threads) {
  Describer d{kernels, schedule, sharesOf(schedule, p.numbered), threads, {}};
  d.steps(p.steps);
  return d.notes;
}

}  // namespace nabla
