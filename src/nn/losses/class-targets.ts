/** Class numbers as targets: what they must be, which of them count, and what each class counts. */
import { arange, Tensor, tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, DTypeError, formatShape, ShapeError, sameShape } from "../../util/index.ts";
import { keptBy, type LossOptions } from "./reduction.ts";

export interface ClassOptions extends LossOptions {
  /** One number per class, a row of class c counting classWeights[c]: the mean divides by their sum over the rows, as in PyTorch. */
  readonly classWeights?: Tensor | readonly number[];
  /** Rows of this class number do not count, as if masked. Default: none (PyTorch's -100 must be asked for). */
  readonly ignoreIndex?: number;
}

const shapes = (scores: Tensor, targets: Tensor): string =>
  `got ${scores.dtype}${formatShape(scores.shape)} and ${targets.dtype}${formatShape(targets.shape)}`;

/** Are the targets class numbers, [...] to scores [..., classes]? False for another shape; throws for what are no numbers of classes. */
export function areClassNumbers(op: string, what: string, scores: Tensor, targets: Tensor): boolean {
  if (scores.ndim === 0) {
    throw new ShapeError(`${op}: ${what} must have a class axis; ${shapes(scores, targets)}.`);
  }
  if (!sameShape(targets.shape, scores.shape.slice(0, -1))) return false;
  if (["i32", "u32", "i8", "u8"].includes(targets.dtype)) return true;
  throw new DTypeError(
    `${op}: class numbers must be integers; ${shapes(scores, targets)}. Hint: targets.astype("i32").`,
  );
}

/** Throws ShapeError or DTypeError unless the targets are class numbers. */
export function requireClassNumbers(op: string, what: string, scores: Tensor, targets: Tensor): void {
  if (areClassNumbers(op, what, scores, targets)) return;
  throw new ShapeError(
    `${op}: targets must be class numbers ${formatShape(scores.shape.slice(0, -1))}; ${shapes(scores, targets)}.`,
  );
}

/** The class weights as f32 [classes]. */
export function weightsOf(op: string, { classWeights }: ClassOptions, scores: Tensor): Tensor | null {
  if (classWeights === undefined) return null;
  const list =
    classWeights instanceof Tensor ? classWeights : tensor([...classWeights], { device: scores.device });
  const classes = scores.shape.at(-1) as number;
  if (!sameShape(list.shape, [classes])) {
    throw new ShapeError(
      `${op}: classWeights must have one number per class, [${classes}]; got ${formatShape(list.shape)}.`,
    );
  }
  return list.dtype === "f32" ? list : list.astype("f32");
}

/** The options with the rows of `ignoreIndex` masked. */
export function withoutIgnored<O extends ClassOptions>(op: string, options: O, label: Tensor): O {
  const { ignoreIndex, mask } = options;
  if (ignoreIndex === undefined) return options;
  if (!Number.isInteger(ignoreIndex)) {
    throw new ConfigError(`${op}: ignoreIndex must be an integer; got ${ignoreIndex}.`);
  }
  const counts = label.ne(ignoreIndex);
  return {
    ...options,
    mask: mask === undefined ? counts : counts.logicalAnd(keptBy(op, mask, label.shape)),
  };
}

/** Class numbers as i32. */
export const asLabel = (targets: Tensor): Tensor =>
  targets.dtype === "i32" ? targets : targets.astype("i32");

/** The element of each row [..., classes] at its label [...]; 0 where the label is none of the classes. */
export function pick(rows: Tensor, label: Tensor): Tensor {
  const index = arange(rows.shape.at(-1) as number);
  return where(index.eq(label.unsqueeze(-1)), rows, 0).sum(-1);
}

/** 0 where the label is one of the classes, else NaN: a wrong label must not go unseen. It costs the gradient nothing. */
export const outOfRange = (label: Tensor, classes: number): Tensor =>
  where(label.ge(0).logicalAnd(label.lt(classes)), 0, Number.NaN);
