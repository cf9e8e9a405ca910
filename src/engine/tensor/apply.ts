/** How operations build nodes: operands are brought to one dtype and shape, then one checked node is made. */
import { broadcastShapes, DTypeError, type Shape, sameShape } from "../../util/index.ts";
import {
  type Attrs,
  computeDType,
  type DType,
  formatAval,
  isFloat,
  type Node,
  type Op,
  rawNode,
} from "../ir/index.ts";
import { make, type ToldOf } from "../ops/index.ts";
import { noteDebt } from "../runtime/index.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** A tensor on a node that was just built. */
export function wrap(node: Node): Tensor {
  if (node.value === null) noteDebt(node);
  return new Tensor(node);
}

/** One primitive on tensors; `told` is the shape (and dtype) where the operands do not imply it. */
export function apply<K extends Op>(
  op: K,
  src: readonly Tensor[],
  attrs: Attrs[K],
  ...told: ToldOf<K>
): Tensor {
  const nodes = src.map((tensor) => tensor.node);
  return wrap(make(op, nodes, attrs, ...told));
}

/** `value` everywhere. It is part of the compiled plan: use `tensor(value)` for a number that changes. */
export function constant(value: number, dtype: DType, shape: Shape): Tensor {
  return new Tensor(rawNode("const", [], { dtype, shape: [...shape] }, { value }));
}

/** A tensor; a lone number becomes f32, a lone boolean bool. */
export function asTensor(x: TensorLike): Tensor {
  if (x instanceof Tensor) return x;
  return typeof x === "boolean" ? constant(Number(x), "bool", []) : constant(x, "f32", []);
}

/** This dtype if `x` has it, else a cast. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply("cast", [x], { dtype });
}

/** Throws DTypeError for f16, bf16, i8 and u8, which only store. */
export function requireCompute(op: string, x: Tensor): void {
  const computes = computeDType[x.dtype];
  if (computes !== x.dtype) {
    throw new DTypeError(
      `${op}: operands must be f32, i32, u32 or bool; got ${formatAval(x.node.aval)}. ${x.dtype} only stores: compute in .astype("${computes}").`,
    );
  }
}

/** A float operand for functions on reals: integers and bool are cast to f32. */
export function asFloat(op: string, x: TensorLike): Tensor {
  const tensor = asTensor(x);
  requireCompute(op, tensor);
  return castTo(tensor, "f32");
}

/** bool counts as i32 0 and 1 where numbers are meant. */
export function asNumeric(op: string, x: TensorLike): Tensor {
  const tensor = asTensor(x);
  requireCompute(op, tensor);
  return tensor.dtype === "bool" ? castTo(tensor, "i32") : tensor;
}

/**
 * The dtype two operands meet in: equal dtypes stay; f32 wins over i32, u32 and bool; i32 and u32 win over bool.
 * Throws DTypeError for i32 with u32.
 */
export function promote(op: string, a: Tensor, b: Tensor): DType {
  requireCompute(op, a);
  requireCompute(op, b);
  if (a.dtype === b.dtype) return a.dtype;
  if (isFloat(a.dtype) || isFloat(b.dtype)) return "f32";
  if (a.dtype === "bool") return b.dtype;
  if (b.dtype === "bool") return a.dtype;
  throw new DTypeError(
    `${op}: i32 and u32 do not mix; got ${formatAval(a.node.aval)} and ${formatAval(b.node.aval)}. Cast one with .astype("i32") or .astype("u32").`,
  );
}

const RANGE = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/** A number as a constant that fits beside `other`. Throws DTypeError where an integer tensor meets a fraction. */
function besideNumber(op: string, value: number, other: Tensor): Tensor {
  requireCompute(op, other);
  const { dtype } = other;
  if (dtype === "i32" || dtype === "u32") {
    const [low, high] = RANGE[dtype];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new DTypeError(
        `${op}: a number beside ${formatAval(other.node.aval)} must be an integer in [${low}, ${high}]; got ${value}. Cast the tensor with .astype("f32") first.`,
      );
    }
    return constant(value, dtype, []);
  }
  return constant(value, dtype === "bool" && Number.isInteger(value) ? "i32" : "f32", []);
}

/** Two operands as tensors, numbers in the dtype of the other. */
export function pair(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  if (typeof a === "number" && b instanceof Tensor) return [besideNumber(op, a, b), b];
  if (typeof b === "number" && a instanceof Tensor) return [a, besideNumber(op, b, a)];
  return [asTensor(a), asTensor(b)];
}

/** `x` in a shape it broadcasts to. */
export function expandTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (x.node.op === "const") return constant(x.node.attrs.value, x.dtype, shape);
  const padded = [...new Array<number>(shape.length - x.ndim).fill(1), ...x.shape];
  const ranked = x.ndim === shape.length ? x : apply("reshape", [x], {}, padded);
  return sameShape(padded, shape) ? ranked : apply("expand", [ranked], {}, shape);
}

/** Broadcasts all to their common shape. */
export function broadcast(op: string, ...xs: Tensor[]): Tensor[] {
  const shape = broadcastShapes(op, ...xs.map((x) => x.shape));
  return xs.map((x) => expandTo(x, shape));
}

/** Both operands in one dtype (or `dtype`) and one shape. */
export function operands(op: string, a: TensorLike, b: TensorLike, dtype?: DType): [Tensor, Tensor] {
  const [x, y] = pair(op, a, b);
  const common = dtype ?? promote(op, x, y);
  const [p, q] = broadcast(op, castTo(x, common), castTo(y, common));
  return [p as Tensor, q as Tensor];
}
