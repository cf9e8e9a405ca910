#include "catalogue_index.h"

#include <string.h>
#include <algorithm>

namespace nabla {

namespace {

struct Listed {
  const char* name;
  size_t begin, length;  // in listedWords
};
#include "generated/catalogue-index.inc"

constexpr int32_t NONE = INT32_MIN;
constexpr int16_t SECTION_END = -1;

// Derives a program's signature as scripts/catalogue/signature.ts does, noting which operand is which.
class Reader {
 public:
  Reader(const TileProgram& p, const std::vector<DType>& loads, const std::vector<DType>& stores, Binding& b)
      : p_(p), loadTypes_(loads), storeTypes_(stores), b_(b), held_(p.registers, Held{NOTHING, 0}), uniformValue_(p.registers, -1) {}

  bool read() {
    for (int32_t i = 0; i < p_.uniformEnd; i++) {
      const TileInstr& ins = p_.instrs[i];
      held_[ins.d] = ins.op == OP_splat && held_[ins.a[0]].is == IN_UNIFORM ? held_[ins.a[0]] : Held{IN_UNIFORM, ins.d};
    }
    word(p_.mode);
    if (p_.mode == MAP || p_.mode == ROWS) return section(p_.uniformEnd, p_.bodyEnd);
    for (int32_t k = 0; k < p_.stages; k++) {
      const Stage& s = p_.stage[k];
      if (!section(s.outerBegin, s.outerEnd) || !section(s.outerEnd, s.innerEnd) || !section(s.innerEnd, s.reduceEnd)) return false;
    }
    return section(p_.finalBegin, p_.finalEnd);
  }

  std::vector<int16_t> words;

 private:
  enum What : int32_t { NOTHING, IN_UNIFORM, VALUE, PLACE };
  struct Held {
    What is;
    int32_t number;
  };

  struct Pending {
    int32_t store, level, value;
  };

  void word(int32_t w) { words.push_back((int16_t)w); }

  // The place of `item` in a list of what has appeared; NONE when the list is full.
  static int32_t number(int32_t* seen, int32_t& count, int32_t most, int32_t item) {
    for (int32_t i = 0; i < count; i++)
      if (seen[i] == item) return i;
    if (count == most) return NONE;
    seen[count] = item;
    return count++;
  }

  int32_t make() { return values_++; }

  // The number of the value in a register, NONE where there is none.
  int32_t value(int32_t r) {
    Held& h = held_[r];
    if (h.is == VALUE) return h.number;
    if (h.is == PLACE) {
      word(OP_row), word(INNER), word(h.number);
      h = Held{VALUE, make()};
      return h.number;
    }
    if (h.is != IN_UNIFORM) return NONE;
    int32_t& known = uniformValue_[h.number];
    if (known < 0) {
      const int32_t operand = number(b_.uniform, b_.uniforms, CALL_UNIFORMS, h.number);
      if (operand == NONE) return NONE;
      word(OP_splat), word(UNIFORM), word(operand);
      known = make();
    }
    return known;
  }

  bool section(int32_t begin, int32_t end) {
    pending_.clear();
    for (int32_t i = begin; i < end; i++)
      if (!one(p_.instrs[i])) return false;
    // In the order of their values: that of the results must not matter.
    std::sort(pending_.begin(), pending_.end(),
              [](const Pending& a, const Pending& b) { return a.value != b.value ? a.value < b.value : a.store < b.store; });
    for (const Pending& s : pending_) {
      const int32_t operand = number(b_.store, b_.stores, CALL_OPERANDS, s.store);
      if (operand == NONE) return false;
      word(OP_store), word(s.level), word(operand), word(storeTypes_[s.store]), word(s.value);
    }
    word(SECTION_END);
    return true;
  }

  bool one(const TileInstr& ins) {
    switch (ins.op) {
      case OP_target: return true;
      case OP_literal: return false;
      case OP_load: {
        const int32_t operand = number(b_.load, b_.loads, CALL_OPERANDS, ins.a[0]);
        if (operand == NONE) return false;
        word(ins.op), word(ins.level), word(operand), word(loadTypes_[ins.a[0]]);
        held_[ins.d] = Held{VALUE, make()};
        return true;
      }
      case OP_index_i:
      case OP_index_f: {
        const int32_t operand = number(b_.index, b_.indices, CALL_OPERANDS, ins.a[0]);
        if (operand == NONE) return false;
        word(ins.op), word(ins.level), word(operand);
        held_[ins.d] = Held{VALUE, make()};
        return true;
      }
      case OP_store: {
        const int32_t v = value(ins.a[0]);
        pending_.push_back(Pending{ins.a[1], ins.level, v});
        return v != NONE;
      }
      case OP_row: held_[ins.d] = Held{PLACE, ins.a[0]}; return true;
      case OP_splat:
      case OP_expand:
      case OP_copy: {
        const int32_t v = value(ins.a[0]);
        if (v == NONE) return false;
        held_[ins.d] = Held{VALUE, v};
        return true;
      }
      default: break;
    }
    int32_t args[TILE_ARGS];
    for (int32_t k = 0; k < opcodeArity[ins.op]; k++)
      if ((args[k] = value(ins.a[k])) == NONE) return false;
    word(ins.op), word(ins.level);
    for (int32_t k = 0; k < opcodeArity[ins.op]; k++) word(args[k]);
    const Held before = held_[ins.d];
    held_[ins.d] = Held{VALUE, make()};
    const bool reduces = ins.op >= OP_reduceSum_f && ins.op <= OP_argMin_u;
    if (before.is == PLACE && !reduces) word(OP_target), word(INNER), word(before.number), word(held_[ins.d].number);
    return true;
  }

  const TileProgram& p_;
  const std::vector<DType>&loadTypes_, &storeTypes_;
  Binding& b_;
  std::vector<Held> held_;
  std::vector<int32_t> uniformValue_;
  std::vector<Pending> pending_;
  int32_t values_ = 0;
};

}  // namespace

bool bindKernel(const TileProgram& p, const std::vector<DType>& loads, const std::vector<DType>& stores, const Kernel* kernels, Binding& b) {
  b = Binding();
  if (!kernels || p.mode == COLUMNS || p.mode == STACKED) return false;
  Reader reader(p, loads, stores, b);
  if (!reader.read()) return false;
  for (size_t k = 0; k < sizeof(listed) / sizeof(listed[0]); k++) {
    const Listed& entry = listed[k];
    if (entry.length != reader.words.size() || memcmp(listedWords + entry.begin, reader.words.data(), entry.length * sizeof(int16_t)) != 0) continue;
    b.kernel = kernels[k];
    b.name = entry.name;
    return true;
  }
  return false;
}

}  // namespace nabla
