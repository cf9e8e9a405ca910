#include "by_rows.h"

#include <algorithm>
#include "decode_tiles.h"

namespace nabla {

namespace {

constexpr idx LEAST_ROWS = 4;          // of a part: the tiles of fewer wait for their own sums
constexpr idx MOST_SHARED = 4 << 20;   // bytes of matrices that every part reads in every round: it is the threads' caches that hold them
constexpr size_t MOST_SPANS = 128;     // of a part: all of two parts are compared

// Bytes [begin, end) of one owner's memory; where `apart` is not 0, so many bytes further in each round.
struct Span {
  int64_t space;
  __int128 begin, end, apart;
};

__int128 roundDown(__int128 a, __int128 b) { return a / b - (a % b < 0 ? 1 : 0); }

// Whether they have a byte in common, each in any round.
bool meet(const Span& a, const Span& b, idx rounds) {
  if (a.space != b.space) return false;
  if (a.apart == b.apart && a.apart > 0) {
    // There is a d with a.begin < b.end + d apart and b.begin + d apart < a.end.
    const __int128 first = roundDown(a.begin - b.end, a.apart) + 1, last = roundDown(a.end - b.begin - 1, a.apart);
    return first <= last && first < rounds && last > -rounds;
  }
  const __int128 endA = a.end + a.apart * (rounds - 1), endB = b.end + b.apart * (rounds - 1);
  return a.begin < endB && b.begin < endA;
}

// The memory that rows [from, to) of each step of a loop read and write.
class Part {
 public:
  Part(const Program& program, idx rows, idx from, idx to) : program_(program), rows_(rows), from_(from), to_(to) {}

  // False: its rows cannot be told apart.
  bool step(const Step& s) {
    if (s.nothing) return true;
    if (s.kind == STEP_GEMM) return gemm(s);
    if (s.kind != STEP_FUSED) return false;
    for (int32_t g = 0; g < s.fused.groups; g++)
      for (int32_t i = 0; i < s.fused.group[g].segments; i++)
        if (!map(*s.fused.group[g].program, s.fused.group[g].segment[i])) return false;
    return true;
  }

  size_t spans() const { return reads_.size() + writes_.size(); }

  bool meets(const Part& other, idx rounds) const {
    for (const Span& w : writes_) {
      for (const Span& x : other.reads_)
        if (meet(w, x, rounds)) return true;
      for (const Span& x : other.writes_)
        if (meet(w, x, rounds)) return true;
    }
    return false;
  }

 private:
  struct Box {
    __int128 first, last;
    void axis(idx from, idx to, idx stride) {
      const __int128 one = (__int128)stride * from, two = (__int128)stride * (to - 1);
      first += std::min(one, two);
      last += std::max(one, two);
    }
  };

  void add(std::vector<Span>& list, int32_t buffer, DType dtype, const Box& box) {
    const BufferInfo& b = program_.buffers[buffer];
    const bool slice = b.place == PLACE_SLICE;
    const BufferInfo& root = slice ? program_.buffers[b.index] : b;
    if (root.place == PLACE_CONST || root.place == PLACE_SCALAR) return;
    const int64_t space = root.place == PLACE_ARENA ? -1 : root.place == PLACE_INPUT ? root.index : ((int64_t)1 << 32) + root.index;
    const __int128 start = root.place == PLACE_ARENA ? root.offset : 0;
    list.push_back(Span{space, start + box.first * widthOf(dtype), start + (box.last + 1) * widthOf(dtype), slice ? b.offset : 0});
  }

  bool gemm(const Step& s) {
    const GemmTask& t = s.gemm;
    if (t.batchRank > 0 || t.m != rows_ || (s.plain && t.outCol != 1)) return false;
    if (t.k > 0) {
      Box a{s.operand[0].offset, s.operand[0].offset};
      a.axis(from_, to_, t.aRow);
      a.axis(0, t.k, t.aCol);
      add(reads_, s.operand[0].buffer, F32, a);
      // What is packed before the loop stays as it is.
      Box b{s.operand[1].offset, s.operand[1].offset};
      b.axis(0, t.k, t.bRow);
      b.axis(0, t.n, t.bCol);
      if (s.kept < 0) add(reads_, s.operand[1].buffer, F32, b);
    }
    if (!s.plain) return map(*s.epilogue.program, *s.epilogue.segment);
    Box out{s.operand[2].offset, s.operand[2].offset};
    out.axis(from_, to_, t.outRow);
    out.axis(0, t.n, t.outCol);
    add(writes_, s.operand[2].buffer, F32, out);
    return true;
  }

  bool map(const TileProgram& p, const Segment& s) {
    if (s.rows == 0) return true;
    if (p.mode != MAP || s.block >= 0 || s.axes == 0 || s.size[0] % rows_ != 0) return false;
    for (int32_t i = 0; i < p.loads; i++)
      if (s.loads[i].buffer != ACCUMULATOR) access(reads_, s, s.loads[i]);
    for (int32_t i = 0; i < p.stores; i++) access(writes_, s, s.stores[i]);
    return true;
  }

  void access(std::vector<Span>& list, const Segment& s, const TileAccess& x) {
    Box box{x.offset, x.offset};
    const idx each = s.size[0] / rows_;
    for (int a = x.begin; a < x.end; a++) {
      if (a == 0) box.axis(from_ * each, to_ * each, x.stride[a]);
      else box.axis(0, s.size[a], x.stride[a]);
    }
    add(list, x.buffer, x.dtype, box);
  }

  const Program& program_;
  idx rows_, from_, to_;
  std::vector<Span> reads_, writes_;
};

// Of the results of the loop's products, or 0.
idx rowsOf(const LoopInfo& l) {
  for (const Step& s : l.steps)
    if (s.kind == STEP_GEMM && !s.nothing) return s.gemm.m;
  return 0;
}

}  // namespace

RowCut cutByRows(const Program& program, const LoopInfo& loop, int32_t parts) {
  const idx rows = rowsOf(loop);
  parts = (int32_t)std::min<idx>(parts, rows / LEAST_ROWS);
  const RowCut none{0, 0, 0};
  if (parts < 2) return none;
  double shared = 0;
  for (const Step& s : loop.steps)
    if (s.kind == STEP_GEMM && !s.nothing) shared += 4.0 * (double)s.gemm.k * (double)s.gemm.n;
  if (shared > MOST_SHARED) return none;
  std::vector<Part> list;
  for (int32_t i = 0; i < parts; i++) {
    list.emplace_back(program, rows, rows * i / parts, rows * (i + 1) / parts);
    for (const Step& s : loop.steps)
      if (!list.back().step(s) || list.back().spans() > MOST_SPANS) return none;
  }
  for (const Part& a : list)
    for (const Part& b : list)
      if (&a != &b && a.meets(b, loop.length)) return none;
  return RowCut{parts, rows, (rows + parts - 1) / parts};
}

}  // namespace nabla
