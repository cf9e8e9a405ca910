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

std::string note(const Step& s) {
  switch (s.kind) {
    case STEP_FUSED: return fusedNote(s.fused);
    // How the product itself is computed is for the kernels' table to say.
    case STEP_GEMM:
    case STEP_CONV: return s.plain ? "plain store" : "results through " + kernelOf(*s.epilogue.program, s.epilogue.segment->bound, 1);
    default: return "";
  }
}

void describeSteps(const std::vector<Step>& steps, int32_t threads, std::vector<std::string>& out) {
  for (const Step& s : steps) {
    std::string text = s.nothing ? "nothing to do" : note(s);
    if (!s.nothing && s.kind != STEP_LOOP) {
      const int32_t taken = s.parallel ? threads : 1;
      text += (text.empty() ? "" : ", ") + std::to_string(taken) + (taken == 1 ? " thread" : " threads");
    }
    out.push_back(text);
    if (s.kind == STEP_LOOP) describeSteps(s.loop->steps, threads, out);
  }
}

}  // namespace

std::vector<std::string> describeProgram(const Program& p, int32_t threads) {
  std::vector<std::string> notes;
  describeSteps(p.steps, threads, notes);
  return notes;
}

}  // namespace nabla
