// Which bytes a step reads and writes, as lists that can be compared.
#include <algorithm>
#include "program.h"

namespace nabla {

std::vector<Touch> merged(std::vector<Touch> list) {
  std::sort(list.begin(), list.end(), [](const Touch& a, const Touch& b) { return a.space != b.space ? a.space < b.space : a.begin < b.begin; });
  std::vector<Touch> out;
  for (const Touch& t : list) {
    if (!out.empty() && out.back().space == t.space && t.begin <= out.back().end) out.back().end = std::max(out.back().end, t.end);
    else out.push_back(t);
  }
  return out;
}

bool overlap(const std::vector<Touch>& a, const std::vector<Touch>& b) {
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const Touch &x = a[i], &y = b[j];
    if (x.space == y.space && x.begin < y.end && y.begin < x.end) return true;
    if (x.space != y.space ? x.space < y.space : x.end <= y.end) i++;
    else j++;
  }
  return false;
}

void noteTouch(Program& out, int32_t buffer, idx begin, idx end, bool write) {
  // A slice may be anywhere in what it is cut from.
  while (out.buffers[buffer].place == PLACE_SLICE) {
    buffer = out.buffers[buffer].index;
    begin = 0;
    end = out.buffers[buffer].bytes;
  }
  const BufferInfo& b = out.buffers[buffer];
  std::vector<Touch>& list = write ? out.writes : out.reads;
  if (b.place == PLACE_ARENA) list.push_back(Touch{-1, b.offset + begin, b.offset + end});
  else if (b.place == PLACE_INPUT) list.push_back(Touch{b.index, begin, end});
  else if (b.place == PLACE_OUTPUT) list.push_back(Touch{((int64_t)1 << 32) + b.index, begin, end});
}

}  // namespace nabla
