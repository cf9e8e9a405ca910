/** Cross-entropy from logits, for class numbers or probabilities. */
import { arange, stopGradient, type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, DTypeError, formatShape, ShapeError, sameShape } from "../../util/index.ts";
import { expectLogits } from "./logits.ts";
import { asFloat, type LossOptions, reduceLoss } from "./reduction.ts";

export interface CrossEntropyOptions extends LossOptions {
  /** Mixes the target with the uniform distribution: (1 - s) t + s / classes. Szegedy et al. 2016. Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * -sum_c t_c log softmax(x)_c over the last axis of the logits x: [..., classes].
 * Targets are class numbers (integers, [...]) or probabilities ([..., classes]). The gradient is softmax(x) - t, and loss and
 * gradient are one pass over each row. A class number out of range makes the loss of its row NaN rather than plausible.
 * Logits are what comes before the softmax: put none at the end of the model (a warning tells).
 * @throws ShapeError or DTypeError when the targets are neither; ConfigError unless 0 <= labelSmoothing < 1.
 * @example crossEntropy(model.forward(images), labels); // f32[32,10], i32[32]
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const smoothing = options.labelSmoothing ?? 0;
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ConfigError(`crossEntropy: labelSmoothing must be at least 0 and below 1; got ${smoothing}.`);
  }
  expectLogits("crossEntropy", logits);
  const sparse = isSparse(logits, targets);
  const classes = logits.shape.at(-1) as number;
  const z = logits.sub(stopGradient(logits.max(-1, { keepDims: true })));
  const logSum = z.exp().sum(-1).log(); // of the shifted logits; the shift cancels below
  const values = sparse
    ? sparseRows(z, logSum, targets, classes, smoothing)
    : denseRows(z, logSum, asFloat(targets, logits), classes, smoothing);
  return reduceLoss("crossEntropy", values, options.reduction);
}

function sparseRows(z: Tensor, logSum: Tensor, targets: Tensor, classes: number, smoothing: number): Tensor {
  const label = targets.dtype === "i32" ? targets : targets.astype("i32");
  const index = arange(classes);
  const picked = where(index.eq(label.unsqueeze(-1)), z, 0).sum(-1);
  const loss = logSum.sub(
    smoothing === 0 ? picked : picked.mul(1 - smoothing).add(z.mean(-1).mul(smoothing)),
  );
  // Not on the way to the logits, so it costs the gradient nothing.
  return loss.add(where(label.ge(0).logicalAnd(label.lt(classes)), 0, Number.NaN));
}

function denseRows(z: Tensor, logSum: Tensor, targets: Tensor, classes: number, smoothing: number): Tensor {
  const t = smoothing === 0 ? targets : targets.mul(1 - smoothing).add(smoothing / classes);
  return logSum.mul(t.sum(-1)).sub(t.mul(z).sum(-1));
}

const classNumbers: ReadonlySet<string> = new Set(["i32", "u32", "i8", "u8"]);

/** Class numbers (true) or probabilities (false)? */
function isSparse(logits: Tensor, targets: Tensor): boolean {
  const got = `got ${logits.dtype}${formatShape(logits.shape)} and ${targets.dtype}${formatShape(targets.shape)}`;
  if (logits.shape.length === 0) {
    throw new ShapeError(`crossEntropy: logits must have a class axis; ${got}.`);
  }
  if (sameShape(targets.shape, logits.shape)) return false;
  if (!sameShape(targets.shape, logits.shape.slice(0, -1))) {
    throw new ShapeError(
      `crossEntropy: targets must be class numbers ${formatShape(logits.shape.slice(0, -1))} or probabilities ${formatShape(logits.shape)}; ${got}.`,
    );
  }
  if (classNumbers.has(targets.dtype)) return true;
  throw new DTypeError(`crossEntropy: class numbers must be integers; ${got}. Hint: targets.astype("i32").`);
}
