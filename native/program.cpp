#include "program.h"

#include <math.h>
#include <string.h>
#include <algorithm>
#include "decode_tiles.h"
#include "reader.h"

namespace nabla {

namespace {

constexpr idx MOST_KEPT = (idx)1 << 28;  // bytes a thread may keep of a row

constexpr idx LEAST_ROUNDS = 3;  // of a loop, for matrices to be packed before it

constexpr double CALL_NS = 20;  // of any step

idx lowestBit(idx n) { return n & -n; }

// Sorted, and what overlaps or adjoins made one.
std::vector<Touch> merged(std::vector<Touch> list) {
  std::sort(list.begin(), list.end(), [](const Touch& a, const Touch& b) { return a.space != b.space ? a.space < b.space : a.begin < b.begin; });
  std::vector<Touch> out;
  for (const Touch& t : list) {
    if (!out.empty() && out.back().space == t.space && t.begin <= out.back().end) out.back().end = std::max(out.back().end, t.end);
    else out.push_back(t);
  }
  return out;
}

class Decoder {
 public:
  Decoder(const int32_t* words, size_t count, size_t constBytes, const KernelTable& kernels, const TileTable& tiles, Program& out)
      : in_(words, count), constBytes_((idx)constBytes), kernels_(kernels), out_(out), tiles_(in_, out, tiles) {}

  std::string run(size_t count) {
    header(count);
    buffers();
    if (in_.ok()) guard_.reset(new BufferGuard(in_, out_));
    if (in_.ok()) tiles_.programs();
    if (in_.ok()) steps(out_.steps, 0);
    number(out_.steps);
    in_.require(in_.left() == 0, "words are left over");
    return in_.wrong();
  }

 private:
  void header(size_t count) {
    in_.require(in_.word() == PROGRAM_MAGIC, "it is not a program");
    in_.require(in_.word() == PROGRAM_VERSION, "it is of another version");
    in_.require((size_t)(uint32_t)in_.word() == count, "its length is not what it says");
    out_.arenaBytes = in_.size("the arena's size");
    out_.inputs = in_.count(0, "inputs");
    out_.outputs = in_.count(0, "outputs");
    out_.scalars = in_.count(0, "scalars");
    in_.require(out_.inputs < (1 << 24) && out_.outputs < (1 << 24) && out_.scalars < (1 << 24), "too many inputs, outputs or scalars");
    if (!in_.ok()) return;
    out_.inputBytes.assign(out_.inputs, 0);
    out_.inputWritable.assign(out_.inputs, false);
    out_.outputBytes.assign(out_.outputs, -1);
    out_.scalarTypes.assign(out_.scalars, F32);
  }

  void buffers() {
    const int32_t count = in_.count(8, "buffers");
    for (int32_t i = 0; i < count && in_.ok(); i++) {
      BufferInfo b = BufferInfo();
      b.place = (PlaceKind)in_.below(PLACE_KINDS, "a place");
      b.index = in_.word();
      b.depth = in_.word();
      b.offset = in_.size("a buffer's offset");
      b.dtype = (DType)in_.below(DTYPES, "a dtype");
      b.bytes = in_.size("a buffer's size");
      b.writable = in_.flag("a buffer's kind");
      b.alignment = 64;
      if (in_.ok()) place(b, i);
      out_.buffers.push_back(b);
    }
  }

  void place(BufferInfo& b, int32_t self) {
    auto within = [&](int32_t limit) { in_.require(b.index >= 0 && b.index < limit, "a buffer's index is out of range"); };
    switch (b.place) {
      case PLACE_INPUT:
        within(out_.inputs);
        if (!in_.ok()) return;
        if (out_.inputBytes[b.index] < b.bytes) out_.inputBytes[b.index] = b.bytes;
        if (b.writable) out_.inputWritable[b.index] = true;
        return;
      case PLACE_OUTPUT:
        within(out_.outputs);
        if (in_.ok() && out_.outputBytes[b.index] < b.bytes) out_.outputBytes[b.index] = b.bytes;
        return;
      case PLACE_ARENA:
        in_.require(b.offset % 64 == 0 && b.offset + b.bytes <= out_.arenaBytes, "a buffer leaves the arena");
        return;
      case PLACE_CONST:
        in_.require(b.offset % 64 == 0 && b.offset + b.bytes <= constBytes_, "a buffer leaves the constants");
        in_.require(!b.writable, "a constant is not to be written");
        return;
      case PLACE_SCALAR:
        within(out_.scalars);
        in_.require(b.bytes <= 64 && b.dtype <= BOOL && !b.writable, "a scalar has another kind of buffer");
        if (in_.ok()) out_.scalarTypes[b.index] = b.dtype;
        return;
      case PLACE_SLICE: {
        within(self);
        if (!in_.ok()) return;
        const BufferInfo& parent = out_.buffers[b.index];
        in_.require(b.depth >= 0 && (parent.place != PLACE_SLICE || parent.depth <= b.depth), "a slice has no loop");
        in_.require(!b.writable || parent.writable, "a slice is writable and its parent is not");
        b.alignment = b.offset == 0 ? parent.alignment : lowestBit(b.offset | parent.alignment);
        return;
      }
      default: return;
    }
  }

  void steps(std::vector<Step>& list, int depth) {
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

  void step(Step& s, int depth) {
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

  // As exec lists them.
  void number(std::vector<Step>& list) {
    for (Step& s : list) {
      if (s.kind != STEP_LOOP) s.number = out_.numbered++;
      else number(s.loop->before), number(s.loop->steps);
    }
  }

  void need(Step& s, const CheckedProgram& p) {
    const idx bytes = tiles_.registerBytes(p);
    if (bytes > s.registers) s.registers = bytes;
  }

  // An interpreted program on one segment: a part for each tile and instruction, a part for each element.
  static double timeOf(const CheckedProgram& p, const Segment& s) {
    const double elements = (double)s.rows * (double)(s.length > 0 ? s.length : 1);
    const double instrs = p.program.mode == MAP || p.program.mode == ROWS ? p.program.bodyEnd : p.program.finalEnd;
    return ceil(elements / TILE) * instrs * 5 + elements * p.cost / 2 + (double)s.rows * p.program.reduces * 4;
  }

  void fused(Step& s) {
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
        tiles_.segment(*p, false, *guard_, list[i]);
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

  // m x n results a batch: either where a plain store puts them, or the program that takes them.
  void epilogue(Step& s, idx batch, idx rows, idx cols, Epilogue& e) {
    e = Epilogue{nullptr, nullptr};
    const CheckedProgram* p = tiles_.program();
    if (!p) return;
    in_.require(p->program.mode == MAP, "an epilogue has rows");
    need(s, *p);
    Segment* segment = out_.pile.make<Segment>(1);
    TileProgram* kept = out_.pile.make<TileProgram>(1);
    *kept = p->program;
    tiles_.segment(*p, true, *guard_, *segment);
    const idx total = product(in_, product(in_, batch, rows, "a result"), cols, "a result");
    in_.require(segment->rows == total, "an epilogue's segment is of another size than the result");
    s.epilogue = EpilogueContext{kept, segment, rows, cols, nullptr};
    s.nanoseconds += timeOf(*p, *segment);
  }

  struct Extent {
    __int128 first, last;
    bool reached;
    void axis(idx size, idx stride) {
      if (size <= 0) reached = false;
      const __int128 end = (__int128)stride * (size - 1);
      (end < 0 ? first : last) += end;
    }
  };

  void touch(const Operand& o, const Extent& e, bool write, DType dtype = F32) {
    if (!e.reached || !in_.ok()) return;
    in_.require(e.first >= 0 && e.last <= MOST, "an access leaves its buffer");
    if (in_.ok()) guard_->touch(o.buffer, dtype, (idx)e.first, (idx)e.last, write);
  }

  void gemm(Step& s) {
    GemmTask& t = s.gemm;
    t = GemmTask();
    t.bf16 = in_.flag("a precision");
    t.batchRank = in_.below(MAX_BATCH + 1, "the number of batch axes");
    idx batch = 1;
    for (int i = 0; i < t.batchRank; i++) batch = product(in_, batch, t.batch[i] = in_.size("a size"), "a batch");
    t.m = in_.size("a size");
    t.n = in_.size("a size");
    t.k = in_.size("a size");
    s.nothing = batch == 0 || t.m == 0 || t.n == 0;
    matrix(s, 0, t.batchRank, t.batch, t.aBatch, t.m, t.k, t.aRow, t.aCol, false);
    matrix(s, 1, t.batchRank, t.batch, t.bBatch, t.k, t.n, t.bRow, t.bCol, false);
    s.plain = in_.flag("a plain store");
    if (s.plain) matrix(s, 2, t.batchRank, t.batch, t.outBatch, t.m, t.n, t.outRow, t.outCol, true);
    else epilogue(s, batch, t.m, t.n, t.epilogue);
    const idx results = product(in_, product(in_, batch, t.m, "a result"), t.n, "a result");
    // Short rows fill a vector nonetheless.
    const double width = (double)((t.n + 15) / 16 * 16);
    s.nanoseconds += t.n == 0 ? 0 : (double)results / (double)t.n * width * (double)(t.k + 8) / (1.7 * kernels_.vectorBytes);
    s.tiles = times(times(batch, (t.m + 15) / 16), (t.n + 31) / 32);
    if (in_.ok() && !s.nothing) s.scratch = kernels_.gemmScratch(t);
  }

  void matrix(Step& s, int which, int32_t rank, const idx* batch, idx* strides, idx rows, idx cols, idx& row, idx& col, bool write) {
    Operand& o = s.operand[which];
    o.buffer = guard_->buffer();
    o.offset = in_.number("an offset");
    Extent e{o.offset, o.offset, !s.nothing};
    for (int i = 0; i < rank; i++) e.axis(batch[i], strides[i] = in_.number("a stride"));
    e.axis(rows, row = in_.number("a stride"));
    e.axis(cols, col = in_.number("a stride"));
    touch(o, e, write);
  }

  // A whole buffer of `count` elements.
  void whole(Step& s, int which, DType dtype, idx count, bool write) {
    s.operand[which] = Operand{guard_->buffer(), 0};
    if (in_.ok() && count > 0) guard_->touch(s.operand[which].buffer, dtype, 0, count - 1, write);
  }

  idx times(idx a, idx b) { return product(in_, a, b, "a size"); }

  void conv(Step& s) {
    ConvTask& t = s.conv;
    t = ConvTask();
    s.form = in_.below(3, "a convolution's form");
    t.n = in_.size("a size");
    t.c = in_.size("a size");
    t.o = in_.size("a size");
    t.groups = in_.size("a size");
    in_.require(t.groups > 0 && t.c % t.groups == 0 && t.o % t.groups == 0, "groups do not divide the channels");
    idx pixels = t.n, taps = 1, points = t.n;
    for (int i = 0; i < SPATIAL; i++) {
      pixels = times(pixels, t.in[i] = in_.size("a size"));
      taps = times(taps, t.kernel[i] = in_.size("a size"));
      points = times(points, t.size[i] = in_.size("a size"));
      t.stride[i] = in_.size("a stride");
      t.padLo[i] = in_.number("a padding");
      t.dilation[i] = in_.size("a dilation");
      in_.require(t.stride[i] > 0 && t.dilation[i] > 0, "a stride or dilation is not positive");
      times(t.size[i] + 1, t.stride[i]);
      times(t.kernel[i] + 1, t.dilation[i]);
    }
    if (!in_.ok()) return;
    const idx x = times(pixels, t.c), y = times(points, t.o), w = times(times(taps, t.c / t.groups), t.o);
    const idx sizes[3][3] = {{x, w, y}, {y, w, x}, {x, y, w}};
    const idx cols[3] = {t.o, t.c, t.o};
    whole(s, 0, F32, sizes[s.form][0], false);
    whole(s, 1, F32, sizes[s.form][1], false);
    const idx results = sizes[s.form][2], width = cols[s.form];
    s.nothing = results == 0;
    s.plain = in_.flag("a plain store");
    if (s.plain) whole(s, 2, F32, results, true);
    else epilogue(s, 1, width > 0 ? results / width : 0, width, t.epilogue);
    s.nanoseconds += (double)y * (double)taps * (double)(t.c / t.groups) / 25;
    if (in_.ok() && !s.nothing) s.scratch = kernels_.convScratch(t);
  }

  void window(Step& s) {
    WindowTask& t = s.window;
    t = WindowTask();
    s.form = in_.flag("a window's form");
    t.dtype = (DType)in_.below(3, "a window's dtype");
    t.kind = (ReduceKind)in_.below(2, "a window's kind");
    in_.require(!s.form || t.kind == REDUCE_MAX, "an argWindow has no such kind");
    t.rank = in_.below(MAX_AXES + 1, "the number of axes");
    idx elements = 1, results = 1, taps = 1;
    for (int i = 0; i < t.rank; i++) {
      elements = times(elements, t.in[i] = in_.size("a size"));
      results = times(results, t.size[i] = in_.size("a size"));
      taps = times(taps, t.window[i] = in_.size("a size"));
      t.stride[i] = in_.size("a stride");
      t.padLo[i] = in_.number("a padding");
      t.dilation[i] = in_.size("a dilation");
      in_.require(t.stride[i] > 0 && t.dilation[i] > 0 && t.window[i] > 0, "a window, stride or dilation is not positive");
      times(t.size[i] + 1, t.stride[i]);
      times(t.window[i] + 1, t.dilation[i]);
    }
    whole(s, 0, t.dtype, elements, false);
    whole(s, 1, s.form ? I32 : t.dtype, results, true);
    s.nothing = results == 0;
    s.nanoseconds = (double)results * (1 + (double)taps);
  }

  struct Box {
    idx outer, length, inner;
    idx lines() const { return (idx)((size_t)outer * (size_t)inner); }  // `times` has refused what does not fit
  };
  Box box() {
    Box b;
    b.outer = in_.size("a size");
    b.length = in_.size("a size");
    b.inner = in_.size("a size");
    times(b.outer, b.inner);
    return b;
  }

  void cumulate(Step& s) {
    CumulateTask& t = s.cumulate;
    t = CumulateTask();
    t.dtype = (DType)in_.below(3, "a scan's dtype");
    t.kind = (ReduceKind)in_.below(3, "a scan's kind");
    t.reverse = in_.flag("a direction");
    const Box b = box();
    t.outer = b.outer, t.length = b.length, t.inner = b.inner;
    const idx total = times(b.lines(), b.length);
    whole(s, 0, t.dtype, total, false);
    whole(s, 1, t.dtype, total, true);
    s.nothing = total == 0;
    s.nanoseconds = (double)total;
  }

  void gather(Step& s) {
    GatherTask& t = s.gather;
    t = GatherTask();
    const DType dtype = (DType)in_.below(DTYPES, "a dtype");
    t.along = in_.flag("a gather's form");
    t.elementBytes = (int32_t)widthOf(dtype);
    t.fill = (uint32_t)in_.word();
    const Box b = box();
    t.outer = b.outer, t.length = b.length, t.inner = b.inner;
    t.count = in_.size("a size");
    const idx results = times(b.lines(), t.count);
    whole(s, 0, dtype, times(b.lines(), b.length), false);
    whole(s, 1, I32, t.along ? results : t.count, false);
    whole(s, 2, dtype, results, true);
    s.nothing = results == 0;
    s.nanoseconds = (double)results * (t.along || b.inner < 8 ? 1.5 : 0.3);
  }

  void scatter(Step& s) {
    ScatterTask& t = s.scatter;
    t = ScatterTask();
    t.dtype = (DType)in_.below(DTYPES, "a dtype");
    t.along = in_.flag("a scatter's form");
    t.add = in_.flag("a scatter's mode");
    in_.require(!t.add || t.dtype <= U32, "a scatter cannot add this dtype");
    const Box b = box();
    t.outer = b.outer, t.length = b.length, t.inner = b.inner;
    t.count = in_.size("a size");
    const idx updates = times(b.lines(), t.count), total = times(b.lines(), b.length);
    whole(s, 0, t.dtype, total, false);
    whole(s, 1, I32, t.along ? updates : t.count, false);
    whole(s, 2, t.dtype, updates, false);
    whole(s, 3, t.dtype, total, true);
    s.nothing = total == 0;
    s.nanoseconds = (double)updates * 1.5 + (double)total * 0.1;
  }

  void sort(Step& s) {
    SortTask& t = s.sort;
    t = SortTask();
    t.dtype = (DType)in_.below(DTYPES, "a dtype");
    t.descending = in_.flag("a direction");
    const Box b = box();
    t.outer = b.outer, t.length = b.length, t.inner = b.inner;
    t.k = in_.size("a size");
    in_.require(t.k <= t.length && t.length <= INT32_MAX, "a sort's length is out of range");
    const idx total = times(b.lines(), b.length);
    whole(s, 0, t.dtype, total, false);
    whole(s, 1, I32, times(b.lines(), t.k), true);
    s.nothing = b.lines() == 0 || t.k == 0;
    s.nanoseconds = (double)total * (1 + log2((double)t.length + 1)) * 2;
    if (in_.ok() && !s.nothing) s.scratch = kernels_.sortScratch(t);
  }

  // Strides of [batch, time, head, width], the last being 1.
  void heads(Step& s, int which, HeadsView& x, idx batch, idx time, idx count, idx width) {
    Operand& o = s.operand[which];
    o.buffer = guard_->buffer();
    o.offset = in_.number("an offset");
    Extent e{o.offset, o.offset, true};
    e.axis(batch, x.batch = in_.number("a stride"));
    e.axis(time, x.time = in_.number("a stride"));
    e.axis(count, x.head = in_.number("a stride"));
    e.axis(width, 1);
    touch(o, e, false);
  }

  void mask(Step& s, AttentionTask& t) {
    Operand& o = s.operand[3];
    o.buffer = guard_->buffer();
    o.offset = in_.number("an offset");
    Extent e{o.offset, o.offset, true};
    e.axis(t.batch, t.maskBatch = in_.number("a stride"));
    e.axis(t.heads, t.maskHead = in_.number("a stride"));
    e.axis(t.queries, t.maskQuery = in_.number("a stride"));
    e.axis(t.keys, t.maskKey = in_.number("a stride"));
    touch(o, e, false, BOOL);
  }

  void attention(Step& s) {
    AttentionTask& t = s.attention;
    t = AttentionTask();
    s.form = in_.flag("an attention's form");
    t.causal = in_.flag("causality");
    s.plain = !in_.flag("a mask");
    const int32_t scale = in_.word();
    memcpy(&t.scale, &scale, sizeof scale);
    t.batch = in_.size("a size");
    t.queries = in_.size("a size");
    t.keys = in_.size("a size");
    t.heads = in_.size("a size");
    t.groups = in_.size("a size");
    t.width = in_.size("a size");
    t.valueWidth = in_.size("a size");
    in_.require(t.groups > 0 && t.heads % t.groups == 0, "groups do not divide the heads");
    const idx rows = times(times(t.batch, t.queries), t.heads), columns = times(times(t.batch, t.keys), t.groups);
    const idx pairs = times(rows, t.keys), widths = t.width + t.valueWidth;
    const idx sizes[3] = {times(rows, t.width), times(columns, t.width), times(columns, t.valueWidth)};
    const idx out = times(rows, t.valueWidth);
    in_.require(rows > 0 && t.keys > 0 && t.width > 0 && t.valueWidth > 0, "attention over nothing");
    if (!in_.ok()) return;
    heads(s, 0, t.q, t.batch, t.queries, t.heads, t.width);
    heads(s, 1, t.k, t.batch, t.keys, t.groups, t.width);
    heads(s, 2, t.v, t.batch, t.keys, t.groups, t.valueWidth);
    if (!s.plain) mask(s, t);
    if (s.form == 0) {
      whole(s, 4, F32, out, true);
      whole(s, 5, F32, rows, true);
    } else {
      heads(s, 4, t.logSum, t.batch, t.queries, t.heads, 1);
      heads(s, 5, t.delta, t.batch, t.queries, t.heads, 1);
      heads(s, 6, t.g, t.batch, t.queries, t.heads, t.valueWidth);
      for (int i = 0; i < 3; i++) whole(s, 7 + i, F32, sizes[i], true);
    }
    const double seen = (double)pairs * (t.causal ? 0.6 : 1);
    s.nanoseconds += seen * ((double)widths * (s.form ? 2.5 : 1) / (1.5 * kernels_.vectorBytes) + 6.0 / kernels_.vectorBytes);
    s.tiles = s.form ? times(t.batch, t.groups) : times(times(t.batch, t.heads), (t.queries + 31) / 32);
    if (in_.ok()) s.scratch = kernels_.attentionScratch(t);
  }

  void copy(Step& s) {
    const DType dtype = (DType)in_.below(DTYPES, "a dtype");
    const idx total = in_.size("a size");
    whole(s, 0, dtype, total, false);
    whole(s, 1, dtype, total, true);
    s.copy = CopyTask{nullptr, nullptr, total * widthOf(dtype)};
    s.nothing = total == 0;
  }

  void loop(Step& s, int depth) {
    s.loop = std::make_shared<LoopInfo>();
    LoopInfo& l = *s.loop;
    out_.loops = true;
    l.length = in_.size("a loop's length");
    l.reverse = in_.flag("a direction");
    if (in_.flag("a loop's kind")) {
      l.guard = guard_->buffer();
      if (in_.ok()) guard_->touch(l.guard, BOOL, 0, 0, false);
      in_.require(l.length == 1, "a guarded loop has several rounds");
    }
    const int32_t slices = in_.count(1, "slices");
    for (int32_t i = 0; i < slices && in_.ok(); i++) {
      const int32_t id = guard_->buffer();
      const BufferInfo& b = out_.buffers[id];
      in_.require(b.place == PLACE_SLICE && b.depth == depth && !guard_->isActive(id), "a loop moves a buffer that is not its slice");
      if (!in_.ok()) return;
      const BufferInfo& parent = out_.buffers[b.index];
      in_.require(parent.place != PLACE_SLICE || guard_->isActive(b.index), "a slice's parent is a slice outside its loop");
      const idx reach = l.length > 0 ? times(l.length - 1, b.offset) + b.bytes : 0;
      in_.require(reach <= parent.bytes, "a slice leaves its parent");
      guard_->setActive(id, true);
      l.slices.push_back(id);
    }
    steps(l.steps, depth + 1);
    if (!in_.ok()) return;
    for (int32_t id : l.slices) guard_->setActive(id, false);
    if (l.length >= LEAST_ROUNDS)
      for (Step& inner : l.steps)
        if (inner.kind == STEP_GEMM && !inner.nothing) packOnce(inner, l);
    s.nothing = l.length == 0 || l.steps.empty();
    for (const Step& inner : l.steps) s.nanoseconds += inner.nanoseconds * (double)l.length;
  }

  // Packs the product's second matrix before the loop, where no step in it writes to that.
  void packOnce(Step& s, LoopInfo& l) {
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

  static bool writes(const std::vector<Step>& list, const std::vector<Touch>& to) {
    for (const Step& s : list)
      if (s.kind == STEP_LOOP ? writes(s.loop->steps, to) : overlap(s.writes, to)) return true;
    return false;
  }

  Reader in_;
  idx constBytes_;
  const KernelTable& kernels_;
  Program& out_;
  TileDecoder tiles_;
  std::unique_ptr<BufferGuard> guard_;
};

}  // namespace

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

std::string decodeProgram(const int32_t* words, size_t count, size_t constBytes, const KernelTable& kernels, const TileTable& tiles,
                          Program& out) {
  return Decoder(words, count, constBytes, kernels, tiles, out).run(count);
}

}  // namespace nabla
