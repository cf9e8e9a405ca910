/** What `compile` makes and a backend runs: a list of steps over numbered buffers. Plain data; no functions, no nodes. */
import type { Aval } from "./aval.ts";
import type { FusedBody, Segment } from "./fused.ts";
import type { ConvAttrs, KernelParams, WindowAttrs } from "./node.ts";

/** Where a buffer's bytes are. Every buffer starts at a multiple of 64 bytes and is padded to one. */
export type Place =
  /** Given by the caller at each run. Steps write to it only if the input is donated. */
  | { readonly in: "input"; readonly index: number }
  /** Fresh memory given by the caller at each run. */
  | { readonly in: "output"; readonly index: number }
  /** Plan-owned scratch, undefined between runs; lifetimes overlap only where byte ranges do not. */
  | { readonly in: "arena"; readonly offset: number }
  /** Filled once, when the plan is loaded. */
  | { readonly in: "const"; readonly data: Uint8Array }
  /** A 0-d host number, written by each run from its `scalars`. */
  | { readonly in: "scalar"; readonly index: number }
  /**
   * The i-th slice of `parent`: starts at byte i * stride. `i` is that of the enclosing loop at nesting `depth` (0: outermost),
   * so that a step of an inner loop can read a slice of the outer one; only steps inside that loop may use it.
   */
  | { readonly in: "slice"; readonly parent: number; readonly stride: number; readonly depth: number };

export interface PlanBuffer {
  readonly place: Place;
  readonly aval: Aval;
  readonly bytes: number;
  /** The buffer that holds the same value under another shape: same place, same bytes, same dtype. */
  readonly alias?: number | undefined;
}

/** Elementwise, reduction and row kernels; several segments run the same body on independent memory. */
export interface FusedStep {
  readonly kind: "fused";
  readonly body: FusedBody;
  readonly segments: readonly Segment[];
}

/** Runs on each element of a contraction's result: load 0 of the body is ACCUMULATOR; segment.inner is 0. */
export interface Epilogue {
  readonly body: FusedBody;
  readonly segment: Segment;
}

/** A batch of matrices in place: element strides, any sign-free combination (0 broadcasts). */
export interface MatrixAccess {
  readonly buffer: number;
  readonly offset: number;
  readonly batchStrides: readonly number[];
  readonly rowStride: number;
  readonly colStride: number;
}

/** What the operands of a matrix product are rounded to before they are multiplied; sums are f32. */
export type MatmulPrecision = "f32" | "bf16";

/** out[batch, m, n] = epilogue(sum over k of a[batch, m, k] * b[batch, k, n]), f32. The epilogue's segment has shape [...batch, m, n]. */
export interface GemmStep {
  readonly kind: "gemm";
  readonly precision: MatmulPrecision;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: MatrixAccess;
  readonly b: MatrixAccess;
  readonly epilogue: Epilogue;
}

/** One of the conv trio on contiguous f32 operands; the epilogue's segment has the result's shape. */
export interface ConvStep extends ConvAttrs {
  readonly kind: "conv";
  readonly op: "conv" | "convInputGrad" | "convFilterGrad";
  /** Buffers of src[0] and src[1]. */
  readonly a: number;
  readonly b: number;
  /** Shapes of x [N, ...spatial, C], w [...kernel, C/groups, O] and y [N, ...out, O]. */
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly y: readonly number[];
  readonly epilogue: Epilogue;
}

/** On contiguous operands. */
export type WindowStep =
  | (WindowAttrs & {
      readonly kind: "window";
      readonly op: "reduceWindow";
      readonly reduce: "sum" | "max";
      readonly src: number;
      readonly out: number;
    })
  | (WindowAttrs & {
      readonly kind: "window";
      readonly op: "argWindow";
      readonly reduce: "max";
      readonly src: number;
      readonly out: number;
    })
  | {
      readonly kind: "window";
      readonly op: "cumulate";
      readonly reduce: "sum" | "max" | "prod";
      readonly axis: number;
      readonly reverse: boolean;
      readonly src: number;
      readonly out: number;
    };

/** On contiguous operands. For scatter `out` may be the same buffer as `base`; else base is copied first. */
export type IndexStep =
  | {
      readonly kind: "index";
      readonly op: "gather";
      readonly axis: number;
      readonly along: boolean;
      /** What an index out of range reads; by default NaN (0 for integers, false). */
      readonly fill?: number;
      readonly src: number;
      readonly indices: number;
      readonly out: number;
    }
  | {
      readonly kind: "index";
      readonly op: "scatter";
      readonly mode: "add" | "set";
      readonly axis: number;
      readonly along: boolean;
      readonly base: number;
      readonly indices: number;
      readonly updates: number;
      readonly out: number;
    };

/** On a contiguous operand. */
export interface SortStep {
  readonly kind: "sort";
  readonly axis: number;
  readonly descending: boolean;
  readonly k: number;
  readonly src: number;
  readonly out: number;
}

/** A tensor in place: element strides, none negative (0 broadcasts), 1 along the last axis unless it is bool or of size 1 there. */
export interface TensorAccess {
  readonly buffer: number;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A kernel the backend lists by name; `outputs` are contiguous. */
export interface CompositeStep {
  readonly kind: "composite";
  readonly name: string;
  readonly params: KernelParams;
  readonly inputs: readonly TensorAccess[];
  readonly outputs: readonly number[];
}

export interface CollectiveStep {
  readonly kind: "collective";
  readonly op: "allReduce" | "allGather" | "reduceScatter" | "broadcast";
  readonly axis: number;
  readonly src: number;
  readonly out: number;
}

/**
 * Runs `steps` for i = 0 .. length-1 (downwards when `reverse`); buffers placed in "slice" move with i. With a `guard`, a buffer of
 * bool[], `length` is 1 and they run only where it is true.
 */
export interface LoopStep {
  readonly kind: "loop";
  readonly length: number;
  readonly reverse: boolean;
  readonly guard?: number | undefined;
  readonly steps: readonly Step[];
}

export type Step = (
  | FusedStep
  | GemmStep
  | ConvStep
  | WindowStep
  | IndexStep
  | SortStep
  | CompositeStep
  | CollectiveStep
  | LoopStep
) & {
  /** The parts it is for, and what of its work is for each, in elements computed. Absent where nobody said. */
  readonly scopes?: Scopes;
};

export type Scopes = Readonly<Record<string, number>>;

export interface PlanOutput {
  readonly buffer: number;
  readonly aval: Aval;
  /** The donated input whose memory this output is, or null when the caller gives fresh memory. */
  readonly donor: number | null;
}

export interface Plan {
  readonly buffers: readonly PlanBuffer[];
  readonly steps: readonly Step[];
  readonly inputs: readonly Aval[];
  /** Which inputs are given away: their memory may be written. */
  readonly donated: readonly boolean[];
  readonly scalars: readonly Aval[];
  readonly outputs: readonly PlanOutput[];
  readonly arenaBytes: number;
}
