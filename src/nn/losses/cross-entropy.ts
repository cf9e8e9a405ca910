/** Cross-entropy from logits, for class numbers or probabilities. */
import { stopGradient, Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError, sameShape } from "../../util/index.ts";
import {
  areClassNumbers,
  asLabel,
  type ClassOptions,
  outOfRange,
  pick,
  weightsOf,
  withoutIgnored,
} from "./class-targets.ts";
import { expectLogits } from "./logits.ts";
import { asFloat, maskInput, reduceLoss } from "./reduction.ts";

export interface CrossEntropyOptions extends ClassOptions {
  /**
   * Mixes the target with the uniform distribution: (1 - s) t + s / classes. Szegedy et al. 2016. Default 0. A 0-d tensor may follow the step.
   */
  readonly labelSmoothing?: number | Tensor;
}

/**
 * -sum_c w_c t_c log softmax(x)_c over the last axis of the logits x: [..., classes], with class weights w, by default 1.
 * Targets are class numbers (integers, [...]) or probabilities ([..., classes]). The gradient is softmax(x) - t, and loss and
 * gradient are one pass over each row. A class number out of range makes the loss of its row NaN rather than plausible.
 * The mean is over rows; with class weights and class numbers it divides by the sum of the rows' weights, as in PyTorch.
 * Logits are what comes before the softmax: put none at the end of the model (a warning tells).
 * @throws ShapeError or DTypeError when the targets are neither, or weights do not fit; ConfigError unless 0 <= labelSmoothing < 1,
 * and for ignoreIndex with probabilities.
 * @example crossEntropy(model.forward(images), labels); // f32[32,10], i32[32]
 * @example crossEntropy(logits, tokens, { ignoreIndex: -100 }); // f32[8,64,vocabulary], i32[8,64] padded with -100
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const smoothing = options.labelSmoothing ?? 0;
  if (smoothing instanceof Tensor) {
    if (smoothing.ndim !== 0) {
      throw new ShapeError(
        `crossEntropy: labelSmoothing must be 0-d; got ${smoothing.dtype}${formatShape(smoothing.shape)}.`,
      );
    }
  } else if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ConfigError(`crossEntropy: labelSmoothing must be at least 0 and below 1; got ${smoothing}.`);
  }
  expectLogits("crossEntropy", logits, "softmax");
  return isSparse(logits, targets)
    ? sparseLoss(logits, asLabel(targets), options, smoothing)
    : denseLoss(logits, asFloat(targets, logits), options, smoothing);
}

const rest = (smoothing: number | Tensor): number | Tensor =>
  typeof smoothing === "number" ? 1 - smoothing : smoothing.neg().add(1);
const share = (smoothing: number | Tensor, classes: number): number | Tensor =>
  typeof smoothing === "number" ? smoothing / classes : smoothing.div(classes);

/** Logits less the largest of their row, and log sum exp of them: the shift cancels in every loss. */
function shifted(logits: Tensor): [z: Tensor, logSum: Tensor] {
  const z = logits.sub(stopGradient(logits.max(-1, { keepDims: true })));
  return [z, z.exp().sum(-1).log()];
}

function sparseLoss(
  logits: Tensor,
  label: Tensor,
  options: CrossEntropyOptions,
  smoothing: number | Tensor,
): Tensor {
  const classes = logits.shape.at(-1) as number;
  const weights = weightsOf("crossEntropy", options, logits);
  const kept = withoutIgnored("crossEntropy", options, label);
  const [z, logSum] = shifted(maskInput("crossEntropy", logits, kept.mask, label.shape));
  const picked = pick(z, label);
  if (weights === null) {
    const aim = smoothing === 0 ? picked : picked.mul(rest(smoothing)).add(z.mean(-1).mul(smoothing));
    return reduceLoss("crossEntropy", logSum.sub(aim).add(outOfRange(label, classes)), kept);
  }
  const measure = pick(weights, label);
  const hit = measure.mul(logSum.sub(picked));
  const all = weights.sum().mul(logSum).sub(weights.mul(z).sum(-1));
  const loss = smoothing === 0 ? hit : hit.mul(rest(smoothing)).add(all.mul(share(smoothing, classes)));
  return reduceLoss("crossEntropy", loss.add(outOfRange(label, classes)), kept, measure);
}

function denseLoss(
  logits: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions,
  smoothing: number | Tensor,
): Tensor {
  if (options.ignoreIndex !== undefined) {
    throw new ConfigError(
      "crossEntropy: ignoreIndex is of class numbers, and the targets are probabilities. Use { mask }.",
    );
  }
  const rows = logits.shape.slice(0, -1);
  const weights = weightsOf("crossEntropy", options, logits);
  const [z, logSum] = shifted(maskInput("crossEntropy", logits, options.mask, rows));
  const given = maskInput("crossEntropy", targets, options.mask, rows);
  const smooth =
    smoothing === 0 ? given : given.mul(rest(smoothing)).add(share(smoothing, logits.shape.at(-1) as number));
  const t = weights === null ? smooth : smooth.mul(weights);
  return reduceLoss("crossEntropy", logSum.mul(t.sum(-1)).sub(t.mul(z).sum(-1)), options);
}

/** Class numbers (true) or probabilities (false)? */
function isSparse(logits: Tensor, targets: Tensor): boolean {
  if (logits.ndim > 0 && sameShape(targets.shape, logits.shape)) return false;
  if (areClassNumbers("crossEntropy", "logits", logits, targets)) return true;
  throw new ShapeError(
    `crossEntropy: targets must be class numbers ${formatShape(logits.shape.slice(0, -1))} or probabilities ${formatShape(logits.shape)}; got ${logits.dtype}${formatShape(logits.shape)} and ${targets.dtype}${formatShape(targets.shape)}.`,
  );
}
