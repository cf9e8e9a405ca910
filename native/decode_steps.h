// Decodes and checks the steps of a program, one function for each kind.
#pragma once
#include "decode_tiles.h"
#include "program.h"
#include "reader.h"

namespace nabla {

constexpr double CALL_NS = 20;  // of any step

class StepDecoder {
 public:
  StepDecoder(Reader& in, Program& out, const KernelTable& kernels, TileDecoder& tiles)
      : in_(in), out_(out), kernels_(kernels), tiles_(tiles), guard_(in, out) {}
  void steps(std::vector<Step>& list, int depth);

 private:
  struct Extent {
    __int128 first, last;
    bool reached;
    void axis(idx size, idx stride) {
      if (size <= 0) reached = false;
      const __int128 end = (__int128)stride * (size - 1);
      (end < 0 ? first : last) += end;
    }
  };

  struct Box {
    idx outer, length, inner;
    idx lines() const { return (idx)((size_t)outer * (size_t)inner); }  // `times` has refused what does not fit
  };

  void step(Step& s, int depth);
  void fused(Step& s);
  // m x n results a batch: either where a plain store puts them, or the program that takes them.
  void epilogue(Step& s, idx batch, idx rows, idx cols, Epilogue& e);
  void need(Step& s, const CheckedProgram& p);
  void touch(const Operand& o, const Extent& e, bool write, DType dtype = F32);
  // A whole buffer of `count` elements.
  void whole(Step& s, int which, DType dtype, idx count, bool write);
  idx times(idx a, idx b) { return product(in_, a, b, "a size"); }

  // decode_products.cpp
  void gemm(Step& s);
  void matrix(Step& s, int which, int32_t rank, const idx* batch, idx* strides, idx rows, idx cols, idx& row, idx& col, bool write);
  void conv(Step& s);

  // decode_attention.cpp
  void attention(Step& s);
  // Strides of [batch, time, head, width], the last being 1.
  void heads(Step& s, int which, HeadsView& x, idx batch, idx time, idx count, idx width);
  void mask(Step& s, AttentionTask& t);

  // decode_lines.cpp
  void window(Step& s);
  Box box();
  void cumulate(Step& s);
  void gather(Step& s);
  void scatter(Step& s);
  void sort(Step& s);
  void copy(Step& s);

  // decode_loops.cpp
  void loop(Step& s, int depth);
  // Packs the product's second matrix before the loop, where no step in it writes to that.
  void packOnce(Step& s, LoopInfo& l);

  Reader& in_;
  Program& out_;
  const KernelTable& kernels_;
  TileDecoder& tiles_;
  BufferGuard guard_;
};

}  // namespace nabla
