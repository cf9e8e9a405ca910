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

constexpr int32_t NONE = -1;
constexpr int32_t MOST_INSTRUCTIONS = 256;
constexpr int16_t SECTION_END = -1;

// `operand` is the program's own number of a load, store, index or place, of a uniform value its register.
struct Operation {
  int32_t op, level, operand, dtype, value;
  int32_t count, args[TILE_ARGS];
};
typedef std::vector<Operation> Section;

// Derives a program's signature as scripts/catalogue/signature.ts does.
class Reader {
 public:
  Reader(const TileProgram& p, const std::vector<DType>& loads, const std::vector<DType>& stores)
      : p_(p), loadTypes_(loads), storeTypes_(stores), held_(p.registers, Held{NOTHING, 0}), uniformValue_(p.registers, NONE) {}

  bool read() {
    for (int32_t i = 0; i < p_.uniformEnd; i++) {
      const TileInstr& ins = p_.instrs[i];
      held_[ins.d] = ins.op == OP_splat && held_[ins.a[0]].is == IN_UNIFORM ? held_[ins.a[0]] : Held{IN_UNIFORM, ins.d};
    }
    if (p_.mode == MAP || p_.mode == ROWS) return section(p_.uniformEnd, p_.bodyEnd);
    for (int32_t k = 0; k < p_.stages; k++) {
      const Stage& s = p_.stage[k];
      if (!section(s.outerBegin, s.outerEnd) || !section(s.outerEnd, s.innerEnd) || !section(s.innerEnd, s.reduceEnd)) return false;
    }
    return section(p_.finalBegin, p_.finalEnd);
  }

  std::vector<Section> sections;
  int32_t values = 0;

 private:
  enum What : int32_t { NOTHING, IN_UNIFORM, VALUE, PLACE };
  struct Held {
    What is;
    int32_t number;
  };

  int32_t add(int32_t op, int32_t level, int32_t operand, int32_t dtype, int32_t count = 0, const int32_t* args = nullptr) {
    Operation o = {op, level, operand, dtype, values, count, {}};
    for (int32_t k = 0; k < count; k++) o.args[k] = args[k];
    sections.back().push_back(o);
    return values++;
  }

  // The number of the value in a register, NONE where there is none.
  int32_t value(int32_t r) {
    Held& h = held_[r];
    if (h.is == VALUE) return h.number;
    if (h.is == PLACE) {
      h = Held{VALUE, add(OP_row, INNER, h.number, NONE)};
      return h.number;
    }
    if (h.is != IN_UNIFORM) return NONE;
    int32_t& known = uniformValue_[h.number];
    if (known == NONE) known = add(OP_splat, UNIFORM, h.number, NONE);
    return known;
  }

  bool section(int32_t begin, int32_t end) {
    sections.emplace_back();
    Section stores;
    for (int32_t i = begin; i < end; i++)
      if (!one(p_.instrs[i], stores)) return false;
    // In the order of their values: that of the results must not matter.
    std::stable_sort(stores.begin(), stores.end(), [](const Operation& a, const Operation& b) {
      return a.args[0] != b.args[0] ? a.args[0] < b.args[0] : a.operand < b.operand;
    });
    sections.back().insert(sections.back().end(), stores.begin(), stores.end());
    return true;
  }

  bool one(const TileInstr& ins, Section& stores) {
    switch (ins.op) {
      case OP_target: return true;
      case OP_literal: return false;
      case OP_load: held_[ins.d] = Held{VALUE, add(ins.op, ins.level, ins.a[0], loadTypes_[ins.a[0]])}; return true;
      case OP_index_i:
      case OP_index_f: held_[ins.d] = Held{VALUE, add(ins.op, ins.level, ins.a[0], NONE)}; return true;
      case OP_store: {
        const int32_t v = value(ins.a[0]);
        stores.push_back(Operation{ins.op, ins.level, ins.a[1], storeTypes_[ins.a[1]], NONE, 1, {v}});
        return v != NONE;
      }
      case OP_row: held_[ins.d] = Held{PLACE, ins.a[0]}; return true;
      case OP_splat:
      case OP_expand:
      case OP_copy: {
        const int32_t v = value(ins.a[0]);
        held_[ins.d] = Held{VALUE, v};
        return v != NONE;
      }
      default: break;
    }
    const int32_t count = opcodeArity[ins.op];
    int32_t args[TILE_ARGS];
    for (int32_t k = 0; k < count; k++)
      if ((args[k] = value(ins.a[k])) == NONE) return false;
    const Held before = held_[ins.d];
    const int32_t v = add(ins.op, ins.level, NONE, NONE, count, args);
    held_[ins.d] = Held{VALUE, v};
    const bool reduces = ins.op >= OP_reduceSum_f && ins.op <= OP_argMin_u;
    if (before.is == PLACE && !reduces) sections.back().push_back(Operation{OP_target, INNER, before.number, NONE, NONE, 1, {v}});
    return true;
  }

  const TileProgram& p_;
  const std::vector<DType>&loadTypes_, &storeTypes_;
  std::vector<Held> held_;
  std::vector<int32_t> uniformValue_;
};

uint32_t mix(uint32_t hash, uint32_t word) { return (hash ^ word) * 16777619u; }

// A map's operations as its stores need them, those by the form of their values: the order in which a program computes what is
// independent says nothing.
class Need {
 public:
  Need(const Section& operations, int32_t values) : hashes_(values), makers_(values), done_(values) {
    for (const Operation& o : operations) {
      if (o.value == NONE) continue;
      uint32_t hash = mix(mix(2166136261u, (uint32_t)o.op), o.dtype == NONE ? 255u : (uint32_t)o.dtype);
      for (int32_t k = 0; k < o.count; k++) hash = mix(hash, hashes_[o.args[k]]);
      hashes_[o.value] = hash;
      makers_[o.value] = &o;
    }
    Section stores;
    for (const Operation& o : operations)
      if (o.op == OP_store) stores.push_back(o);
    std::stable_sort(stores.begin(), stores.end(),
                     [this](const Operation& a, const Operation& b) { return hashes_[a.args[0]] < hashes_[b.args[0]]; });
    for (const Operation& store : stores) {
      need(store.args[0]);
      order.push_back(store);
    }
  }
  Section order;

 private:
  void need(int32_t value) {
    if (done_[value]) return;
    done_[value] = true;
    const Operation& maker = *makers_[value];
    for (int32_t k = 0; k < maker.count; k++) need(maker.args[k]);
    order.push_back(maker);
  }
  std::vector<uint32_t> hashes_;
  std::vector<const Operation*> makers_;
  std::vector<bool> done_;
};

// Numbers values and operands as they appear and writes the words.
class Writer {
 public:
  Writer(Mode mode, int32_t values, Binding& b) : b_(b), numbers_(values, NONE) { word(mode); }

  bool section(const Section& operations) {
    for (const Operation& o : operations) {
      const int32_t operand = operandOf(o);
      if (operand == FULL) return false;
      word(o.op), word(o.level);
      if (operand != NONE) word(operand);
      if (o.dtype != NONE) word(o.dtype);
      for (int32_t k = 0; k < o.count; k++) word(numbers_[o.args[k]]);
      if (o.value != NONE) numbers_[o.value] = count_++;
    }
    word(SECTION_END);
    return true;
  }
  std::vector<int16_t> words;

 private:
  static constexpr int32_t FULL = -2;
  void word(int32_t w) { words.push_back((int16_t)w); }

  // The place of `item` in a list of what has appeared.
  static int32_t number(int32_t* seen, int32_t& count, int32_t most, int32_t item) {
    for (int32_t i = 0; i < count; i++)
      if (seen[i] == item) return i;
    if (count == most) return FULL;
    seen[count] = item;
    return count++;
  }
  int32_t operandOf(const Operation& o) {
    switch (o.op) {
      case OP_splat: return number(b_.uniform, b_.uniforms, CALL_UNIFORMS, o.operand);
      case OP_load: return number(b_.load, b_.loads, CALL_OPERANDS, o.operand);
      case OP_store: return number(b_.store, b_.stores, CALL_OPERANDS, o.operand);
      case OP_index_i:
      case OP_index_f: return number(b_.index, b_.indices, CALL_OPERANDS, o.operand);
      default: return o.operand;
    }
  }
  Binding& b_;
  std::vector<int32_t> numbers_;
  int32_t count_ = 0;
};

}  // namespace

bool bindKernel(const TileProgram& p, const std::vector<DType>& loads, const std::vector<DType>& stores, const Kernel* kernels, Binding& b) {
  b = Binding();
  const int32_t count = p.mode == MAP || p.mode == ROWS ? p.bodyEnd : p.finalEnd;
  if (!kernels || p.mode == COLUMNS || p.mode == STACKED || count > MOST_INSTRUCTIONS) return false;
  Reader reader(p, loads, stores);
  if (!reader.read()) return false;
  Writer writer(p.mode, reader.values, b);
  for (const Section& section : reader.sections)
    if (!writer.section(p.mode == MAP ? Need(section, reader.values).order : section)) return false;
  for (size_t k = 0; k < sizeof(listed) / sizeof(listed[0]); k++) {
    const Listed& entry = listed[k];
    if (entry.length != writer.words.size() || memcmp(listedWords + entry.begin, writer.words.data(), entry.length * sizeof(int16_t)) != 0) continue;
    b.kernel = kernels[k];
    b.name = entry.name;
    return true;
  }
  return false;
}

}  // namespace nabla
