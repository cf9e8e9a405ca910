// The addon's face to Node: numbers, typed arrays and promises in, calls on a Context out. All state is per environment.
#define NAPI_VERSION 8
#include <node_api.h>

#include <string.h>
#include <memory>
#include <string>
#include <vector>
#include "describe.h"
#include "exec.h"

namespace {

using namespace nabla;

struct Pending {
  napi_deferred deferred;
  napi_ref target;  // keeps the array a read writes to
};

struct Environment {
  std::vector<std::unique_ptr<Context>> contexts;
  napi_threadsafe_function settle = nullptr;
  int64_t promises = 0;
  int64_t unreported = 0;  // bytes V8 does not know of yet

  // The environment ends: nothing may run on.
  static void end(void* self) { ((Environment*)self)->contexts.clear(); }
};

constexpr int64_t REPORT = 1 << 20;
// Told to V8 beside a block's bytes: only a full collection frees what JavaScript dropped, and many small tensors alone would bring
// one on too late.
constexpr int64_t BESIDE = 1024;

napi_value fail(napi_env env, const char* code, const std::string& text) {
  napi_throw_error(env, code, text.c_str());
  return nullptr;
}
napi_value misuse(napi_env env, const char* what) { return fail(env, "NABLA_MISUSE", std::string(what) + ": wrong arguments"); }

// The arguments of a call, converted as asked for; `ok` turns false at the first that is not what it should be.
struct Call {
  napi_env env;
  napi_value args[6];
  size_t count = 6;
  bool ok = true;
  Environment* environment = nullptr;

  Call(napi_env e, napi_callback_info info, size_t expected) : env(e) {
    napi_value self;
    ok = napi_get_cb_info(env, info, &count, args, &self, nullptr) == napi_ok && count >= expected;
    napi_get_instance_data(env, (void**)&environment);
    ok = ok && environment;
  }
  int64_t integer(size_t i) {
    int64_t v = 0;
    if (ok) ok = napi_get_value_int64(env, args[i], &v) == napi_ok;
    return v;
  }
  double real(size_t i) {
    double v = 0;
    if (ok) ok = napi_get_value_double(env, args[i], &v) == napi_ok;
    return v;
  }
  // The bytes and length of a typed array of that type.
  void* array(size_t i, napi_typedarray_type type, size_t& length) {
    napi_typedarray_type found;
    void* data = nullptr;
    length = 0;
    if (ok) ok = napi_get_typedarray_info(env, args[i], &found, &length, &data, nullptr, nullptr) == napi_ok && found == type;
    return data;
  }
  Context* context() {
    const int64_t i = integer(0);
    ok = ok && i >= 0 && (size_t)i < environment->contexts.size();
    return ok ? environment->contexts[i].get() : nullptr;
  }
  void report(int64_t bytes) {
    environment->unreported += bytes;
    if (environment->unreported < REPORT && environment->unreported > -REPORT) return;
    int64_t total;
    napi_adjust_external_memory(env, environment->unreported, &total);
    environment->unreported = 0;
  }
};

napi_value number(napi_env env, double v) {
  napi_value result = nullptr;
  napi_create_double(env, v, &result);
  return result;
}

// On a job's thread.
void jobDone(void* owner, Job* job) { napi_call_threadsafe_function(((Environment*)owner)->settle, job, napi_tsfn_nonblocking); }

// On the environment's thread, for each job done; without an environment when that is ending.
void settle(napi_env env, napi_value, void* context, void* data) {
  std::unique_ptr<Job> job((Job*)data);
  std::unique_ptr<Pending> pending((Pending*)job->owner);
  if (!env) return;
  Environment* environment = (Environment*)context;
  napi_value undefined;
  napi_get_undefined(env, &undefined);
  napi_resolve_deferred(env, pending->deferred, undefined);
  if (pending->target) napi_delete_reference(env, pending->target);
  if (--environment->promises == 0) napi_unref_threadsafe_function(env, environment->settle);
}

// isas() -> names of the instruction sets that can be chosen, best first
napi_value isas(napi_env env, napi_callback_info) {
  napi_value list;
  napi_create_array(env, &list);
  uint32_t i = 0;
  for (const Isa& isa : availableIsas()) {
    napi_value name;
    napi_create_string_utf8(env, isa.name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, list, i++, name);
  }
  return list;
}

// create(isa index, threads, memory limit in bytes, whether to use the catalogue) -> context
napi_value create(napi_env env, napi_callback_info info) {
  Call call(env, info, 4);
  const int64_t isa = call.integer(0), threads = call.integer(1);
  const double limit = call.real(2);
  const int64_t catalogue = call.integer(3);
  const std::vector<Isa> list = availableIsas();
  if (!call.ok || isa < 0 || (size_t)isa >= list.size() || threads < 1 || threads > 1024) return misuse(env, "create");
  std::vector<std::unique_ptr<Context>>& contexts = call.environment->contexts;
  const size_t most = limit > 0 && limit < 1e18 ? (size_t)limit : SIZE_MAX;
  Isa chosen = list[isa];
  if (!catalogue) chosen.tiles = chosen.tiles->interpreter;
  contexts.emplace_back(new Context(chosen, (int32_t)threads, most, jobDone, call.environment));
  return number(env, (double)(contexts.size() - 1));
}

// threads(context) -> how many there really are
napi_value threads(napi_env env, napi_callback_info info) {
  Call call(env, info, 1);
  Context* c = call.context();
  return c ? number(env, c->threads()) : misuse(env, "threads");
}

// alloc(context, bytes) -> id, or -1 when there is no room
napi_value alloc(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  const double bytes = call.real(1);
  if (!call.ok || !(bytes >= 0)) return misuse(env, "alloc");
  const int32_t id = bytes < 1e15 ? c->alloc((size_t)bytes) : -1;
  if (id >= 0) call.report((int64_t)bytes + BESIDE);
  return number(env, id);
}

// Keeps an array of the host for as long as a block lies on its memory.
struct Loan {
  napi_env env;
  napi_ref array;
};
void endLoan(void* owner) {
  std::unique_ptr<Loan> loan((Loan*)owner);
  napi_delete_reference(loan->env, loan->array);
}

// lend(context, Uint8Array) -> id of a block on the array's own memory that is only read, or -1 where it does not lie well
napi_value lend(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  size_t length;
  char* data = (char*)call.array(1, napi_uint8_array, length);
  if (!call.ok) return misuse(env, "lend");
  std::unique_ptr<Loan> loan(new Loan{env, nullptr});
  if (napi_create_reference(env, call.args[1], 1, &loan->array) != napi_ok) return misuse(env, "lend");
  const int32_t id = c->lend(data, length, endLoan, loan.get());
  if (id < 0) endLoan(loan.release());
  else loan.release();
  return number(env, id);
}

// free(context, id)
napi_value release(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  if (!call.ok || id < 0 || id > INT32_MAX || !c->memory().valid((int32_t)id)) return misuse(env, "free");
  const int64_t reported = c->memory().lent((int32_t)id) ? 0 : (int64_t)c->memory().bytes((int32_t)id) + BESIDE;
  if (!c->free((int32_t)id)) return misuse(env, "free");
  call.report(-reported);
  return nullptr;
}

// The place of `length` bytes at `offset` of block `id`; null when there is none.
char* inside(Context& c, int64_t id, double offset, size_t length) {
  if (id < 0 || id > INT32_MAX || !c.memory().valid((int32_t)id) || !(offset >= 0)) return nullptr;
  const double end = offset + (double)length;
  return end <= (double)c.memory().bytes((int32_t)id) ? c.memory().data((int32_t)id) + (size_t)offset : nullptr;
}

// write(context, id, offset, Uint8Array), after whatever is in flight
napi_value write(napi_env env, napi_callback_info info) {
  Call call(env, info, 4);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  const double offset = call.real(2);
  size_t length;
  const void* data = call.array(3, napi_uint8_array, length);
  char* to = call.ok ? inside(*c, id, offset, length) : nullptr;
  if (!to || c->memory().lent((int32_t)id)) return misuse(env, "write");
  c->drain();
  if (length) memcpy(to, data, length);
  return nullptr;
}

napi_value promise(Call& call, std::unique_ptr<Job> job, Context& c, napi_value target) {
  std::unique_ptr<Pending> pending(new Pending{nullptr, nullptr});
  napi_value result;
  if (napi_create_promise(call.env, &pending->deferred, &result) != napi_ok) return nullptr;
  if (target) napi_create_reference(call.env, target, 1, &pending->target);
  job->owner = pending.get();
  if (call.environment->promises++ == 0) napi_ref_threadsafe_function(call.env, call.environment->settle);
  if (!c.enqueue(std::move(job))) {
    if (--call.environment->promises == 0) napi_unref_threadsafe_function(call.env, call.environment->settle);
    return fail(call.env, "NABLA_THREAD", "no thread could be started");
  }
  pending.release();
  return result;
}

// read(context, id, offset, Uint8Array): fills the array; the result is a promise when work is in flight
napi_value read(napi_env env, napi_callback_info info) {
  Call call(env, info, 4);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  const double offset = call.real(2);
  size_t length;
  char* to = (char*)call.array(3, napi_uint8_array, length);
  const char* from = call.ok ? inside(*c, id, offset, length) : nullptr;
  if (!from) return misuse(env, "read");
  if (!c->busy()) {
    if (length) memcpy(to, from, length);
    return nullptr;
  }
  std::unique_ptr<Job> job(new Job());
  job->from = from;
  job->to = to;
  job->bytes = length;
  return promise(call, std::move(job), *c, call.args[3]);
}

// load(context, Int32Array program, Uint8Array constants) -> id
napi_value load(napi_env env, napi_callback_info info) {
  Call call(env, info, 3);
  Context* c = call.context();
  size_t words, bytes;
  const void* program = call.array(1, napi_int32_array, words);
  const void* consts = call.array(2, napi_uint8_array, bytes);
  if (!call.ok) return misuse(env, "load");
  int32_t id = -1;
  const std::string wrong = c->load((const int32_t*)program, words, (const char*)consts, bytes, id);
  if (!wrong.empty()) return fail(env, wrong == "out of memory" ? "NABLA_MEMORY" : "NABLA_PROGRAM", wrong);
  return number(env, id);
}

// cost(context, program) -> nanoseconds of one run on one thread, roughly
napi_value cost(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  const std::shared_ptr<Executable> exe = call.ok ? c->executable((int32_t)id) : nullptr;
  if (!exe) return misuse(env, "cost");
  double sum = 0;
  for (const Step& s : exe->program.steps) sum += s.nanoseconds;
  return number(env, sum);
}

// explain(context, program) -> a note for each step, those inside a loop right after it
napi_value explain(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  const std::shared_ptr<Executable> exe = call.ok ? c->executable((int32_t)id) : nullptr;
  if (!exe) return misuse(env, "explain");
  napi_value list;
  napi_create_array(env, &list);
  uint32_t i = 0;
  for (const std::string& text : describeProgram(exe->program, exe->saved > 0 ? exe->together : exe->alone, *c->isa().kernels, c->threads())) {
    napi_value note;
    napi_create_string_utf8(env, text.data(), text.size(), &note);
    napi_set_element(env, list, i++, note);
  }
  return list;
}

// time(context, program, 1 or 0): begins to time the program's steps, or ends it
napi_value timeProgram(napi_env env, napi_callback_info info) {
  Call call(env, info, 3);
  Context* c = call.context();
  const int64_t id = call.integer(1), on = call.integer(2);
  const std::shared_ptr<Executable> exe = call.ok ? c->executable((int32_t)id) : nullptr;
  if (!exe) return misuse(env, "time");
  c->time(*exe, on != 0);
  return nullptr;
}

// times(context, program) -> nanoseconds of each step, of all threads together, in the order of explain's notes; [] where it is not timed
napi_value times(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  const std::shared_ptr<Executable> exe = call.ok ? c->executable((int32_t)id) : nullptr;
  if (!exe) return misuse(env, "times");
  napi_value list;
  napi_create_array(env, &list);
  uint32_t i = 0;
  for (const double nanoseconds : c->times(*exe)) napi_set_element(env, list, i++, number(env, nanoseconds));
  return list;
}

// unload(context, program)
napi_value unload(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  if (!call.ok || !c->unload((int32_t)id)) return misuse(env, "unload");
  return nullptr;
}

// run(context, program, Int32Array ids of inputs then outputs, Float64Array scalars)
napi_value run(napi_env env, napi_callback_info info) {
  Call call(env, info, 4);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  size_t ids, numbers;
  const int32_t* blocks = (const int32_t*)call.array(2, napi_int32_array, ids);
  const double* scalars = (const double*)call.array(3, napi_float64_array, numbers);
  const std::shared_ptr<Executable> exe = call.ok ? c->executable((int32_t)id) : nullptr;
  if (!exe) return misuse(env, "run");
  const std::string wrong = c->run(exe, blocks, ids, scalars, numbers);
  return wrong.empty() ? nullptr : fail(env, "NABLA_RUN", wrong);
}

// call(context, program, ids, Float32Array from, Float32Array to): writes the first input, runs, reads the first output
napi_value callProgram(napi_env env, napi_callback_info info) {
  Call call(env, info, 5);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  size_t ids, given, wanted;
  const int32_t* blocks = (const int32_t*)call.array(2, napi_int32_array, ids);
  const void* from = call.array(3, napi_float32_array, given);
  void* to = call.array(4, napi_float32_array, wanted);
  const std::shared_ptr<Executable> exe = call.ok ? c->executable((int32_t)id) : nullptr;
  const size_t result = exe ? (size_t)exe->program.inputs : 0;  // its place in ids
  if (!exe || result == 0 || ids <= result) return misuse(env, "call");
  c->drain();
  char* input = inside(*c, blocks[0], 0, given * 4);
  const char* output = inside(*c, blocks[result], 0, wanted * 4);
  if (!input || !output || c->memory().lent(blocks[0])) return misuse(env, "call");
  if (given) memcpy(input, from, given * 4);
  const std::string wrong = c->run(exe, blocks, ids, nullptr, 0);
  if (!wrong.empty()) return fail(env, "NABLA_RUN", wrong);
  if (wanted) memcpy(to, output, wanted * 4);
  return nullptr;
}

// runMany(context, program, ids, scalars, count) -> promise
napi_value runMany(napi_env env, napi_callback_info info) {
  Call call(env, info, 5);
  Context* c = call.context();
  const int64_t id = call.integer(1);
  size_t ids, numbers;
  const int32_t* blocks = (const int32_t*)call.array(2, napi_int32_array, ids);
  const double* scalars = (const double*)call.array(3, napi_float64_array, numbers);
  const int64_t count = call.integer(4);
  std::unique_ptr<Job> job(new Job());
  job->exe = call.ok ? c->executable((int32_t)id) : nullptr;
  if (!job->exe || count < 0) return misuse(env, "runMany");
  if (numbers != (size_t)job->exe->program.scalars) return fail(env, "NABLA_RUN", "the number of scalars is not the plan's");
  const std::string wrong = c->resolve(*job->exe, blocks, ids, job->memory);
  if (!wrong.empty()) return fail(env, "NABLA_RUN", wrong);
  job->scalars.assign(scalars, scalars + numbers);
  job->count = count;
  return promise(call, std::move(job), *c, nullptr);
}

// stats(context, Float64Array of 3): bytes live, most there were, bytes of arenas
napi_value stats(napi_env env, napi_callback_info info) {
  Call call(env, info, 2);
  Context* c = call.context();
  size_t length;
  double* out = (double*)call.array(1, napi_float64_array, length);
  if (!call.ok || length < 3) return misuse(env, "stats");
  c->collect();
  out[0] = (double)c->memory().live();
  out[1] = (double)c->memory().peak();
  out[2] = (double)c->arenas();
  return nullptr;
}

struct Function {
  const char* name;
  napi_callback call;
};
constexpr Function functions[] = {
    {"isas", isas},   {"create", create}, {"threads", threads}, {"alloc", alloc}, {"lend", lend}, {"free", release}, {"write", write},
    {"read", read},   {"load", load},     {"cost", cost},       {"explain", explain}, {"time", timeProgram}, {"times", times}, {"unload", unload}, {"run", run},          {"runMany", runMany},
    {"stats", stats}, {"call", callProgram},
};

}  // namespace

NAPI_MODULE_INIT() {
  Environment* environment = new Environment();
  napi_set_instance_data(env, environment, [](napi_env, void* data, void*) { delete (Environment*)data; }, nullptr);
  napi_value name;
  napi_create_string_utf8(env, "nabla", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, environment, settle, &environment->settle);
  // Only promises keep the process alive.
  napi_unref_threadsafe_function(env, environment->settle);
  // Hooks run last first: jobs end before what settles them goes.
  napi_add_env_cleanup_hook(env, Environment::end, environment);
  for (const Function& f : functions) {
    napi_value value;
    napi_create_function(env, f.name, NAPI_AUTO_LENGTH, f.call, nullptr, &value);
    napi_set_named_property(env, exports, f.name, value);
  }
  return exports;
}
