// What exec hands to the native kernels: plain task structs, the worker that runs them, and the table each instruction set exposes.
// Shared by every translation unit, so it holds types only: no function body, no member initialiser.
//
// A task may be run in shares: the same kernel is called with the same task and Workers of index 0 .. count-1, and does the share of
// that index. Shares may run at once on several threads or one after the other on one, so a kernel never waits for another share: exec
// lets the threads meet between dependent steps.
// The bits of a result depend neither on Worker::count nor on the vector width, only on whether the machine has fused multiply-add.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Of x86-64, which instruction sets are built in: 1 base, 2 v3, 4 v4. Test builds leave some out.
#ifndef NABLA_SETS
#define NABLA_SETS 7
#endif

namespace nabla {

typedef ptrdiff_t idx;  // sizes, strides and offsets, in elements unless a name ends in Bytes

constexpr int MAX_AXES = 6;     // of a window; exec merges or splits axes beforehand
constexpr int MAX_BATCH = 6;    // batch axes of a gemm
constexpr int SPATIAL = 3;      // spatial axes of a convolution: lift lower ranks with axes of size 1

// In the order of `dtypes` in src/engine/ir/dtype.ts.
enum DType : int32_t { F32 = 0, I32 = 1, U32 = 2, BOOL = 3, F16 = 4, BF16 = 5, I8 = 6, U8 = 7 };
constexpr int32_t DTYPES = 8;

// A share of a task, and the memory of the thread that runs it.
struct Worker {
  int32_t index;                // 0 .. count-1
  int32_t count;
  char* scratch;                // this thread's own, 64-byte aligned; at least the <kernel>Scratch(task) bytes of the table
  char* registers;              // this thread's own memory for the tile interpreter (epilogues run inside kernels)
  idx rows;                     // 0, or the result has so many rows along its first axis, and shares are runs of them (products and maps only)
};

// Called on finished parts of a result while they are in cache. The result is batches of rows x cols (row-major);
// acc[i * ld + j] is element (batch, row + i, col + j). May write acc. apply = null: plain store to `out`.
// Every element is handed over exactly once, by one thread; part sizes are arbitrary.
struct Epilogue {
  void (*apply)(const void* ctx, float* acc, idx ld, idx batch, idx row, idx rows, idx col, idx cols, Worker& w);
  const void* ctx;
};

// out[batch, i, j] = sum over p of a[batch, i, p] * b[batch, p, j], one accumulator per element in increasing p.
// With an epilogue, `out` may be null: then results go to a scratch panel and only `apply` sees them. A non-null `out` is written
// before `apply` is called with acc inside it; only allowed if the epilogue reads nothing that overlaps `out`
// (except through acc), and outCol is 1. k = 0 gives zeros. Strides may be 0 (a, b) or anything else.
struct GemmTask {
  int32_t batchRank;
  idx batch[MAX_BATCH], aBatch[MAX_BATCH], bBatch[MAX_BATCH], outBatch[MAX_BATCH];
  idx m, n, k;
  const float *a, *b;
  idx aRow, aCol, bRow, bCol;
  float* out;
  idx outRow, outCol;
  Epilogue epilogue;
  bool bf16;                    // operands are rounded to bfloat16; pairs of k are summed the odd one first
  const float* packedB;         // null, or b as `packWhole` left it
};

// b [k, n] of many products, as their tiles read it.
struct PackTask {
  idx k, n;
  const float* b;
  idx row, col;
  float* to;
};

// Contiguous x [n, ...in, c], w [...kernel, c / groups, o], y [n, ...size, o] with o % groups == c % groups == 0.
// y[n, p, o] = sum over taps t and c of x[n, p * stride + t * dilation - padLo, c] * w[t, c, o] (0 outside x).
// The high padding is implied by `size`. padLo may be negative (crop).
// conv: a = x, b = w, out = y. convInputGrad: a = y, b = w, out = x. convFilterGrad: a = x, b = y, out = w.
// The epilogue sees the result as one batch of rows x last axis: rows = every leading axis of out flattened. `out` as in GemmTask.
struct ConvTask {
  idx n, c, o, groups;
  idx in[SPATIAL], kernel[SPATIAL], size[SPATIAL], stride[SPATIAL], padLo[SPATIAL], dilation[SPATIAL];
  const float *a, *b;
  float* out;
  Epilogue epilogue;
};

enum ReduceKind : int32_t { REDUCE_SUM = 0, REDUCE_MAX = 1, REDUCE_PROD = 2 };

// reduceWindow (sum, max; dtype f32, i32, u32): out has src's dtype. argWindow (max): out is i32, the flat index into src of the
// first maximum (NaN wins); -1 where a window holds padding only. Both contiguous. out[p] covers src[p * stride + t * dilation - padLo].
struct WindowTask {
  int32_t rank;
  DType dtype;
  ReduceKind kind;
  idx in[MAX_AXES], size[MAX_AXES], window[MAX_AXES], stride[MAX_AXES], padLo[MAX_AXES], dilation[MAX_AXES];
  const void* src;
  void* out;
};

// Inclusive scan of [outer, length, inner] along the middle axis, from the end when reverse. f32, i32, u32. out may be src.
struct CumulateTask {
  DType dtype;
  ReduceKind kind;
  bool reverse;
  idx outer, length, inner;
  const void* src;
  void* out;
};

// take (along = false): src [outer, length, inner], indices [count], out [outer, count, inner].
// along: src [outer, length, inner], indices and out [outer, count, inner].
// An index outside 0 .. length-1 gives `fill` (the low elementBytes of it).
struct GatherTask {
  bool along;
  int32_t elementBytes;         // 1, 2 or 4
  uint32_t fill;
  idx outer, length, inner, count;
  const void* src;
  const int32_t* indices;
  void* out;
};

// The adjoint: out = base, then out[.., indices[j], ..] (= or +=) updates[.., j, ..] in row-major order of indices; out-of-range
// indices are dropped. base, out [outer, length, inner]; updates [outer, count, inner]; indices as in GatherTask. base may equal out
// (in place), else they do not overlap. add: f32, i32, u32; set: any dtype.
struct ScatterTask {
  bool along, add;
  DType dtype;
  idx outer, length, inner, count;
  const void* base;
  const int32_t* indices;
  const void* updates;
  void* out;
};

// Stable argsort of [outer, length, inner] along the middle axis; out i32 [outer, k, inner]. NaN last in both directions; -0 equals 0.
struct SortTask {
  DType dtype;                  // any
  bool descending;
  idx outer, length, inner, k;
  const void* src;
  int32_t* out;
};

// A tensor of heads in place, [batch, time, head, width]: elements of the last axis adjoin.
struct HeadsView {
  const float* data;
  idx batch, time, head;
};

// out[b, i, h] = sum over keys j of share[j] v[b, j, g], shares being the softmax over j of scale q[b, i, h] . k[b, j, g], g the group of
// heads / groups heads that h is in; logSum[b, i, h] is the logarithm of the softmax's sum of exponentials. Query i sees key j if
// visible[b, h, i, j] (where there is a mask), and j <= i (where causal); one that sees none has out 0 and logSum infinity.
// Backward: from the cotangent g of out, and delta = sum(g out), the cotangents of q, k and v. Results are contiguous.
struct AttentionTask {
  idx batch, queries, keys, heads, groups, width, valueWidth;  // groups > 0 divides heads
  float scale;
  bool causal;
  HeadsView q, k, v, g;
  HeadsView logSum, delta;      // of width 1
  const uint8_t* visible;       // null: no mask
  idx maskBatch, maskHead, maskQuery, maskKey;
  float *out, *logSumOut;       // [batch, queries, heads, valueWidth], [batch, queries, heads]
  float *dq, *dk, *dv;          // as q, k and v
};

// What kern.cpp exposes for one instruction set. Scratch functions give bytes per thread for that task, whatever the thread count.
struct KernelTable {
  const char* name;             // "sse2", "avx2", "avx512", "neon", "wasm"
  int32_t vectorBytes;
  int32_t fused;                // 1: fused multiply-add (the first numeric class), 0: not

  void (*gemm)(const GemmTask&, Worker&);
  void (*packWhole)(const PackTask&, Worker&);
  void (*conv)(const ConvTask&, Worker&);
  void (*convInputGrad)(const ConvTask&, Worker&);
  void (*convFilterGrad)(const ConvTask&, Worker&);
  void (*reduceWindow)(const WindowTask&, Worker&);
  void (*argWindow)(const WindowTask&, Worker&);
  void (*cumulate)(const CumulateTask&, Worker&);
  void (*gather)(const GatherTask&, Worker&);
  void (*scatter)(const ScatterTask&, Worker&);
  void (*argsort)(const SortTask&, Worker&);
  void (*attention)(const AttentionTask&, Worker&);
  void (*attentionBackward)(const AttentionTask&, Worker&);

  idx (*gemmScratch)(const GemmTask&);
  idx (*packedFloats)(const GemmTask&);  // that `packWhole` writes for it; 0: this product cannot read a packed b
  idx (*convScratch)(const ConvTask&);  // enough for each of the trio
  idx (*sortScratch)(const SortTask&);
  idx (*attentionScratch)(const AttentionTask&);  // enough for both

  // In words, the way a product takes on one thread. `out` decides too: null when only an epilogue sees the result.
  const char* (*gemmPath)(const GemmTask&);
  // And a convolution: form 0 forward, 1 the input's gradient, 2 the filter's.
  const char* (*convPath)(const ConvTask&, int form);
};

}  // namespace nabla

// One getter per instruction set: KNS_TABLE(kern_v3) is the name of the C function kern_v3_table.
#define KNS_PASTE_(a, b) a##b
#define KNS_TABLE(ns) KNS_PASTE_(ns, _table)
extern "C" {
const nabla::KernelTable* kern_base_table(void);
const nabla::KernelTable* kern_v3_table(void);
const nabla::KernelTable* kern_v4_table(void);
const nabla::KernelTable* kern_neon_table(void);
const nabla::KernelTable* kern_wasm_table(void);
}
