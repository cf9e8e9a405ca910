// Decodes and checks tile programs and the segments they run on.
#pragma once
#include "program.h"
#include "reader.h"

namespace nabla {

// Which buffers the step at hand may touch, and how far.
class BufferGuard {
 public:
  BufferGuard(Reader& in, Program& out) : in_(in), out_(out), active_(out.buffers.size(), false) {}
  // Elements [first, last] of a buffer, read or written as `dtype`.
  void touch(int32_t buffer, DType dtype, idx first, idx last, bool write);
  // A slice moves with the loop being entered (or no longer does).
  void setActive(int32_t slice, bool active) { active_[slice] = active; }
  bool isActive(int32_t slice) const { return active_[slice]; }
  int32_t buffer() { return in_.below((int32_t)out_.buffers.size(), "a buffer"); }

 private:
  Reader& in_;
  Program& out_;
  std::vector<bool> active_;
};

// A program with what its checks found out.
struct CheckedProgram {
  TileProgram program;
  std::vector<DType> loadTypes, storeTypes;
  std::vector<int32_t> loadLevels, indexLevels, storeLevels;  // -1: not used
  double cost = 0;  // nanoseconds an element, roughly
};

class TileDecoder {
 public:
  TileDecoder(Reader& in, Program& out, const TileTable& tiles) : in_(in), out_(out), tiles_(tiles) {}
  void programs();
  // Reads a reference to a program; null when it is wrong.
  const CheckedProgram* program();
  // Reads a segment for p. An epilogue's load may be the accumulator.
  void segment(const CheckedProgram& p, bool epilogue, BufferGuard& buffers, Segment& s);
  idx registerBytes(const CheckedProgram& p) const { return tiles_.registerBytes(p.program); }

 private:
  void list(CheckedProgram& p);
  bool suits(const CheckedProgram& p, const Segment& s) const;
  bool outgrowsCache(const CheckedProgram& p, const Segment& s) const;
  TileAccess access(const CheckedProgram& p, const Segment& s, int32_t level, DType dtype, BufferGuard* buffers, bool store, bool epilogue);

  Reader& in_;
  Program& out_;
  const TileTable& tiles_;
  std::vector<std::unique_ptr<CheckedProgram>> programs_;
};

inline idx widthOf(DType t) { return t == BOOL || t == I8 || t == U8 ? 1 : t == F16 || t == BF16 ? 2 : 4; }

}  // namespace nabla
