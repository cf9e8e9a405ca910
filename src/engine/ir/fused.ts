/**
 * The fused-expression IR: what one elementwise / reducing / row kernel computes.
 *
 * A kernel is a *body* (what is computed at a point; structure only) applied to *segments* (where: shapes and memory).
 * The iteration space of a segment is its shape; the last `inner` axes are the row that reductions run over.
 * Every instruction has a level: "inner" varies along the row, "outer" is one value per row. A `reduce` turns inner
 * into outer; an outer value used by an inner instruction is the same along the row. So one body expresses a map
 * (inner = 0 axes: everything is "inner", one element per point), a reduction with prologue and epilogue, and row kernels with
 * several reductions (softmax, layer norm, cross-entropy). Rows are independent of each other.
 *
 * Readers: the C++ tile interpreter, the C++ printer, the WGSL printer, the TypeScript reference.
 */
import type { Shape } from "../../util/index.ts";
import type { ComputeDType, DType } from "./dtype.ts";
import type { Op } from "./node.ts";

/** The primitives a fused instruction may be, besides loads, constants, indices, random bits and reductions. */
export type ScalarOp = Extract<
  Op,
  | "exp"
  | "log"
  | "sqrt"
  | "sin"
  | "tanh"
  | "erf"
  | "floor"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "max"
  | "min"
  | "lt"
  | "le"
  | "eq"
  | "ne"
  | "bitAnd"
  | "bitOr"
  | "bitXor"
  | "shiftLeft"
  | "shiftRight"
  | "where"
>;

export type Level = "outer" | "inner";

/** `args` are indices of earlier instructions. The dtype is that of the result, as held in a register. */
export type FusedInstr =
  /** An element of segment.loads[load]: converted to computeDType (bool: 0/1). */
  | { readonly op: "load"; readonly load: number; readonly dtype: ComputeDType; readonly level: Level }
  | { readonly op: "literal"; readonly value: number; readonly dtype: ComputeDType; readonly level: Level }
  /** The affine number segment.indices[index] gives at this point (iota; random counters). */
  | {
      readonly op: "index";
      readonly index: number;
      readonly dtype: "i32" | "u32" | "f32";
      readonly level: Level;
    }
  /** args = [key0, key1, counter], all u32: the Philox word for element `counter` (see ops/philox). */
  | { readonly op: "random"; readonly args: readonly number[]; readonly dtype: "u32"; readonly level: Level }
  /** `to` may be narrower than the register: casting to f16, bf16, i8 or u8 rounds (wraps) and stays in f32 / i32. */
  | {
      readonly op: "cast";
      readonly args: readonly number[];
      readonly to: DType;
      readonly dtype: ComputeDType;
      readonly level: Level;
    }
  | {
      readonly op: "scalar";
      readonly fn: ScalarOp;
      readonly args: readonly number[];
      readonly dtype: ComputeDType;
      readonly level: Level;
    }
  /** Over the whole row; level is always "outer". argMax/argMin give the i32 position within the row (first extreme; NaN wins). */
  | {
      readonly op: "reduce";
      readonly kind: "sum" | "max" | "min" | "prod" | "argMax" | "argMin";
      readonly args: readonly number[];
      readonly dtype: ComputeDType;
      readonly level: "outer";
    };

export interface FusedBody {
  readonly instrs: readonly FusedInstr[];
  /** Stored dtype of each load. */
  readonly loads: readonly DType[];
  /** What is written: the instruction whose value it is, and the dtype in memory. */
  readonly stores: readonly { readonly value: number; readonly dtype: DType }[];
  readonly indices: number;
}

/** An affine map from a segment's index to an integer: offset + sum(strides[d] * i[d]). One stride per axis; 0 broadcasts. */
export interface Affine {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Where an operand lies, in elements of its dtype from the start of a plan buffer. */
export interface Access extends Affine {
  /** Index into Plan.buffers, or ACCUMULATOR in an epilogue's load 0. */
  readonly buffer: number;
  /** Loads only: outside lo[d] <= i[d] < hi[d] nothing is read and `fill` is the value. */
  readonly guard?:
    | { readonly lo: readonly number[]; readonly hi: readonly number[]; readonly fill: number }
    | undefined;
}

/** The buffer number by which a gemm's or conv's epilogue reads the accumulated element. */
export const ACCUMULATOR = -1;

export interface Segment {
  readonly shape: Shape;
  /** How many trailing axes form the row that reductions run over; 0 when the body has none. */
  readonly inner: number;
  readonly loads: readonly Access[];
  readonly indices: readonly Affine[];
  /** A store of an outer value has stride 0 on the inner axes and is written once per row. */
  readonly stores: readonly Access[];
}
