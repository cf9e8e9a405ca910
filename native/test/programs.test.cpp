// Whole programs through exec: results must not depend on threads or (where multiply-adds fuse) on the instruction set, and no word of a
// program, whatever it is changed to, may take a run outside its memory. Programs come from test/native/programs.ts.
#include "../exec.h"
#include "check.h"

extern bool quick;
void checkSchedule(const nabla::Program& program, int32_t threads, const char* name);

namespace {

using nabla::DType;

#if defined(__SANITIZE_THREAD__)
constexpr bool RACES_ARE_REPORTED = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool RACES_ARE_REPORTED = true;
#else
constexpr bool RACES_ARE_REPORTED = false;
#endif
#else
constexpr bool RACES_ARE_REPORTED = false;
#endif

struct Given {
  DType dtype;
  std::string bytes;
};
struct Case {
  std::string name;
  std::vector<int32_t> words;
  std::string constants;
  std::vector<double> scalars;
  std::vector<Given> inputs;
  std::vector<DType> outputs;
};

struct File {
  std::string data;
  size_t at = 0;
  int32_t word() {
    int32_t w;
    std::memcpy(&w, data.data() + at, 4);
    at += 4;
    return w;
  }
  std::string bytes() {
    const size_t n = (size_t)word();
    std::string s = data.substr(at, n);
    at += (n + 3) / 4 * 4;
    return s;
  }
};

std::vector<Case> readCases(const char* path) {
  File f;
  if (FILE* file = std::fopen(path, "rb")) {
    char part[65536];
    for (size_t n; (n = std::fread(part, 1, sizeof part, file)) > 0;) f.data.append(part, n);
    std::fclose(file);
  }
  std::vector<Case> cases(f.data.empty() ? 0 : (size_t)f.word());
  for (Case& c : cases) {
    c.name = f.bytes();
    std::string words = f.bytes();
    c.words.resize(words.size() / 4);
    std::memcpy(c.words.data(), words.data(), words.size());
    c.constants = f.bytes();
    std::string scalars = f.bytes();
    c.scalars.resize(scalars.size() / 8);
    if (!scalars.empty()) std::memcpy(c.scalars.data(), scalars.data(), scalars.size());
    c.inputs.resize((size_t)f.word());
    for (Given& g : c.inputs) g.dtype = (DType)f.word(), g.bytes = f.bytes();
    c.outputs.resize((size_t)f.word());
    for (DType& d : c.outputs) d = (DType)f.word();
  }
  return cases;
}

// Of the bytes, with every NaN made one: which NaN comes out is the machine's affair.
uint64_t hashValues(uint64_t h, const char* p, size_t n, DType dtype) {
  const bool half = dtype == nabla::F16 || dtype == nabla::BF16;
  if (dtype != nabla::F32 && !half) return hashBytes(h, p, n);
  const size_t width = half ? 2 : 4;
  const uint32_t infinity = dtype == nabla::F32 ? 0x7f800000u : dtype == nabla::F16 ? 0x7c00u : 0x7f80u;
  for (size_t i = 0; i + width <= n; i += width) {
    uint32_t u = 0;
    std::memcpy(&u, p + i, width);
    if ((u & (half ? 0x7fffu : 0x7fffffffu)) > infinity) u = infinity + 1;
    h = hashBytes(h, &u, width);
  }
  return h;
}

std::atomic<int> finished{0};
void done(void*, nabla::Job* job) {
  delete job;
  finished.fetch_add(1);
}

// Costs and sizes a mutated program may have without slowing the tests down.
double costOf(const std::vector<nabla::Step>& steps) {
  double ns = 0;
  for (const nabla::Step& s : steps) ns += s.kind == nabla::STEP_LOOP ? (double)s.loop->length * (100 + costOf(s.loop->steps)) : s.nanoseconds + 100;
  return ns;
}
bool affordable(const nabla::Program& p) {
  idx bytes = p.arenaBytes + p.scratch + p.registers;
  for (idx b : p.inputBytes) bytes += b;
  for (idx b : p.outputBytes) bytes += b < 0 ? 0 : b;
  return bytes < (1 << 25) && costOf(p.steps) < 2e6;
}

// The caller's bytes, ending where they end and at an odd multiple of 4, for a program that only reads them.
int32_t lendCopy(nabla::Context& context, const std::string& bytes, size_t need) {
  char* p = (char*)std::malloc(need + 4);
  std::memset(p, 0, need + 4);
  std::memcpy(p + 4, bytes.data(), std::min(bytes.size(), need));
  return context.lend(p + 4, need, [](void* owner) { std::free(owner); }, p);
}

// Loads and runs; a hash of all inputs and outputs afterwards, or 0 with `wrong` set.
uint64_t runCase(nabla::Context& context, const Case& c, const std::vector<int32_t>& words, bool repeat, bool trusted, std::string& wrong) {
  int32_t id = -1;
  wrong = context.load(words.data(), words.size(), c.constants.data(), c.constants.size(), id);
  if (!wrong.empty()) return 0;
  const std::shared_ptr<nabla::Executable> exe = context.executable(id);
  const nabla::Program& p = exe->program;
  exe->saved = 1e9;  // however small it is, all threads take part
  uint64_t hash = 0;
  if (trusted || affordable(p)) {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < (size_t)(p.inputs + p.outputs); i++) {
      const bool input = i < (size_t)p.inputs;
      const idx need = input ? p.inputBytes[i] : p.outputBytes[i - (size_t)p.inputs];
      if (input && i < c.inputs.size() && need >= 0 && !p.inputWritable[i]) {
        ids.push_back(lendCopy(context, c.inputs[i].bytes, (size_t)need));
        continue;
      }
      ids.push_back(need < 0 ? -1 : context.alloc((size_t)need));
      if (!input || ids[i] < 0 || i >= c.inputs.size()) continue;
      const std::string& bytes = c.inputs[i].bytes;
      std::memcpy(context.memory().data(ids[i]), bytes.data(), std::min(bytes.size(), (size_t)need));
    }
    std::vector<double> scalars = c.scalars;
    scalars.resize((size_t)p.scalars);
    wrong = context.run(exe, ids.data(), ids.size(), scalars.data(), scalars.size());
    if (wrong.empty() && repeat) {
      auto job = std::make_unique<nabla::Job>();
      wrong = context.resolve(*exe, ids.data(), ids.size(), job->memory);
      job->exe = exe;
      job->scalars = scalars;
      job->count = 2;
      if (wrong.empty() && context.enqueue(std::move(job))) context.drain();
    }
    hash = HASH_START;
    for (size_t i = 0; i < ids.size(); i++) {
      if (ids[i] < 0) continue;
      const bool input = i < (size_t)p.inputs;
      const size_t n = context.memory().bytes(ids[i]), o = i - (size_t)p.inputs;
      const DType dtype = input ? (i < c.inputs.size() ? c.inputs[i].dtype : nabla::I8) : o < c.outputs.size() ? c.outputs[o] : nabla::I8;
      hash = hashValues(hash, context.memory().data(ids[i]), n, dtype);
      context.free(ids[i]);
    }
  }
  context.unload(id);
  return hash;
}

// What malformed words look like: other small numbers, neighbours, extremes, bits, another word of the program.
int32_t mutation(const std::vector<int32_t>& words, size_t at, Rng& rng) {
  const int32_t extremes[] = {0, 1, -1, 2, 7, 64, 255, 65536, INT32_MAX, INT32_MIN, 0x40000000, -64};
  switch (rng.below(5)) {
    case 0: return extremes[rng.below(12)];
    case 1: return (int32_t)((uint32_t)words[at] + (uint32_t)rng.between(-3, 3));
    case 2: return (int32_t)((uint32_t)words[at] ^ 1u << rng.below(32));
    case 3: return words[(size_t)rng.below((idx)words.size())];
    default: return (int32_t)((uint32_t)words[at] * 2u);
  }
}

}  // namespace

void testPrograms(const char* path) {
  const std::vector<Case> cases = readCases(path);
  CHECK(!cases.empty(), "no programs in %s", path);
  std::vector<uint64_t> fusedHash(cases.size(), 0);
  for (const nabla::Isa& isa : nabla::availableIsas()) {
    std::vector<uint64_t> first(cases.size(), 0);
    int before = checks;
    for (int threads : {1, 2, 3, 8}) {
      nabla::Context context(isa, threads, SIZE_MAX, done, nullptr);
      for (size_t i = 0; i < cases.size(); i++) {
        std::string wrong;
        const uint64_t hash = runCase(context, cases[i], cases[i].words, true, true, wrong);
        CHECK(wrong.empty(), "%s %s: %s", isa.name, cases[i].name.c_str(), wrong.c_str());
        nabla::Program p;
        if (nabla::decodeProgram(cases[i].words.data(), cases[i].words.size(), cases[i].constants.size(), *isa.kernels, *isa.tiles, p).empty())
          checkSchedule(p, threads, cases[i].name.c_str());
        if (threads == 1) first[i] = hash;
        else CHECK(hash == first[i], "%s %s: 1 and %d threads differ", isa.name, cases[i].name.c_str(), threads);
        if (threads == 2) {
          nabla::Isa plain = isa;
          plain.tiles = isa.tiles->interpreter;
          nabla::Context interpreter(plain, 1, SIZE_MAX, done, nullptr);
          const uint64_t expected = runCase(interpreter, cases[i], cases[i].words, true, true, wrong);
          CHECK(hash == expected, "%s %s: the catalogue and the interpreter differ", isa.name, cases[i].name.c_str());
        }
        if (threads > 1 || !isa.kernels->fused) continue;
        if (fusedHash[i] == 0) fusedHash[i] = hash;
        else CHECK(hash == fusedHash[i], "%s %s: instruction sets differ", isa.name, cases[i].name.c_str());
      }
    }
    std::printf("  programs %d checks on %s\n", checks - before, isa.name);
  }
  if (RACES_ARE_REPORTED) return;  // a mutated program may race with itself, which is its own fault
  Rng rng(61);
  int accepted = 0, refused = 0;
  for (const nabla::Isa& isa : nabla::availableIsas()) {
    nabla::Context context(isa, 2, SIZE_MAX, done, nullptr);
    for (const Case& c : cases)
      for (int round = 0; round < (quick ? 12 : 100); round++) {
        std::vector<int32_t> words = c.words;
        for (idx n = rng.between(1, 3); n > 0; n--) {
          const size_t at = (size_t)rng.below((idx)words.size());
          words[at] = mutation(words, at, rng);
        }
        if (rng.below(20) == 0) words.resize((size_t)rng.below((idx)words.size()));
        std::string wrong;
        runCase(context, c, words, false, false, wrong);
        (wrong.empty() ? accepted : refused)++;
      }
  }
  CHECK(refused > 0, "no malformed program was refused");
  std::printf("  programs %d mutants refused, %d ran or were too large to run\n", refused, accepted);
}
