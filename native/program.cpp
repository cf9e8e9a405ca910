#include "program.h"

#include "decode_steps.h"
#include "decode_tiles.h"
#include "reader.h"

namespace nabla {

namespace {

idx lowestBit(idx n) { return n & -n; }

class Decoder {
 public:
  Decoder(const int32_t* words, size_t count, size_t constBytes, const KernelTable& kernels, const TileTable& tiles, Program& out)
      : in_(words, count), constBytes_((idx)constBytes), kernels_(kernels), out_(out), tiles_(in_, out, tiles) {}

  std::string run(size_t count) {
    header(count);
    buffers();
    if (in_.ok()) tiles_.programs();
    if (in_.ok()) StepDecoder(in_, out_, kernels_, tiles_).steps(out_.steps, 0);
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

  // As exec lists them.
  void number(std::vector<Step>& list) {
    for (Step& s : list) {
      if (s.kind != STEP_LOOP) s.number = out_.numbered++;
      else number(s.loop->before), number(s.loop->steps);
    }
  }

  Reader in_;
  idx constBytes_;
  const KernelTable& kernels_;
  Program& out_;
  TileDecoder tiles_;
};

}  // namespace

std::string decodeProgram(const int32_t* words, size_t count, size_t constBytes, const KernelTable& kernels, const TileTable& tiles,
                          Program& out) {
  return Decoder(words, count, constBytes, kernels, tiles, out).run(count);
}

}  // namespace nabla
