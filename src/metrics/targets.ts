/** What targets are to logits: class numbers, probabilities of classes, or yes and no. */
import type { Tensor } from "../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError, sameShape } from "../util/index.ts";
import type { IgnoreOptions } from "./options.ts";

/**
 * classes: logits [..., classes] with class numbers [...]; dense: with probabilities [..., classes]; binary: logits and targets of one
 * shape whose last axis is 1, or absent as in [batch].
 */
export type Kind = "classes" | "dense" | "binary";

/** Throws ShapeError when targets are none of it. */
export function kindOf(op: string, logits: Tensor, targets: Tensor): Kind {
  if (sameShape(logits.shape, targets.shape)) {
    return (logits.shape.at(-1) ?? 1) === 1 || logits.ndim < 2 ? "binary" : "dense";
  }
  if (logits.ndim > 0 && sameShape(logits.shape.slice(0, -1), targets.shape)) return "classes";
  throw new ShapeError(
    `${op}: targets must be class numbers ${formatShape(logits.shape.slice(0, -1))} or of the logits' shape; got logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)}.`,
  );
}

/** Predicted and true classes of each row, i32 [rows]; the largest logit wins, and of two classes the sign decides. */
export interface Decided {
  readonly predicted: Tensor;
  readonly actual: Tensor;
  /** How many classes there are: 2 for yes and no. */
  readonly classes: number;
}

export function decide(op: string, logits: Tensor, targets: Tensor): Decided {
  const kind = kindOf(op, logits, targets);
  if (kind === "binary") {
    return {
      predicted: logits.gt(0).astype("i32").flatten(),
      actual: yes(targets).astype("i32").flatten(),
      classes: 2,
    };
  }
  const actual = kind === "dense" ? targets.argmax(-1) : targets.astype("i32");
  return {
    predicted: logits.argmax(-1).flatten(),
    actual: actual.flatten(),
    classes: logits.shape.at(-1) as number,
  };
}

/** Whether a target of yes and no, or a probability, is yes. */
export const yes = (targets: Tensor): Tensor => targets.astype("f32").gt(0.5);

/** Which rows count, bool [rows]; null for all. Throws ConfigError where an ignoreIndex meets probabilities. */
export function keptRows(
  op: string,
  { ignoreIndex }: IgnoreOptions,
  logits: Tensor,
  targets: Tensor,
): Tensor | null {
  if (ignoreIndex === undefined) return null;
  if (kindOf(op, logits, targets) === "dense") {
    throw new ConfigError(`${op}: ignoreIndex is of class numbers, and the targets are probabilities.`);
  }
  return targets.astype("i32").ne(ignoreIndex).flatten();
}
