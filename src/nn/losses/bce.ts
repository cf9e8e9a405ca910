/** Binary cross-entropy, from logits or from probabilities. */
import { customGradient, Tensor, tensor } from "../../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../../util/index.ts";
import { softplus } from "../activations.ts";
import { expectLogits } from "./logits.ts";
import { asFloat, type LossOptions, maskInput, reduceLoss, sameShapes } from "./reduction.ts";

export interface BceOptions extends LossOptions {
  /**
   * Weight of the positive class against the negative: a number, or one for each place of the last axis, as for several labels.
   * Default 1. The mean divides by the number of values all the same, as in PyTorch.
   */
  readonly positiveWeight?: number | readonly number[] | Tensor;
}

/**
 * -(w t log s(x) + (1 - t) log(1 - s(x))) for logits x and targets t in [0, 1], with s the sigmoid and w positiveWeight;
 * computed as (1 - t) x + (1 + (w - 1) t) softplus(-x), which neither overflows nor takes log 0.
 * Logits are what comes before the sigmoid: put none at the end of the model (a warning tells).
 * @throws ShapeError when the shapes differ, even where they would broadcast, or weights do not fit.
 * @example bceWithLogits(model.forward(x), y); // both [batch, 1]
 */
export function bceWithLogits(logits: Tensor, targets: Tensor, options: BceOptions = {}): Tensor {
  sameShapes("bceWithLogits", logits, targets);
  expectLogits("bceWithLogits", logits, "sigmoid");
  const { mask } = options;
  const x = maskInput("bceWithLogits", logits, mask);
  const t = maskInput("bceWithLogits", asFloat(targets, logits), mask);
  const w = positiveWeight(logits, options.positiveWeight);
  const values =
    w === 1
      ? softplus(x).sub(x.mul(t))
      : x
          .sub(x.mul(t))
          .add(softplus(x.neg()).mul((typeof w === "number" ? t.mul(w - 1) : t.mul(w.sub(1))).add(1)));
  return reduceLoss("bceWithLogits", values, options);
}

function positiveWeight(logits: Tensor, given: BceOptions["positiveWeight"] = 1): Tensor | number {
  if (typeof given === "number") return given;
  const weight = given instanceof Tensor ? given : tensor([...given], { device: logits.device });
  if (weight.ndim > 1 || (weight.size !== 1 && weight.size !== logits.shape.at(-1))) {
    throw new ShapeError(
      `bceWithLogits: positiveWeight must be a number or one for each place of the last axis; got ${formatShape(weight.shape)} for logits ${formatShape(logits.shape)}.`,
    );
  }
  return asFloat(weight, logits);
}

/**
 * -(t log p + (1 - t) log(1 - p)) for probabilities p and targets t in [0, 1], each logarithm at least -100 as in PyTorch, so
 * that p of 0 and 1 cost 100 and not Infinity. Prefer `bceWithLogits`: a sigmoid that rounds to 0 or 1 has lost its gradient.
 * @throws ShapeError when the shapes differ, even where they would broadcast.
 * @example bce(sigmoid(logits), y);
 */
export function bce(probabilities: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  sameShapes("bce", probabilities, targets);
  const p = maskInput("bce", probabilities, options.mask);
  const t = maskInput("bce", asFloat(targets, probabilities), options.mask);
  return reduceLoss("bce", surprise(p, t), options);
}

const rest = (p: Tensor): Tensor => p.neg().add(1);
const clampedLog = (p: Tensor): Tensor => p.log().maximum(-100);

/** Its gradient is not that of the clamped logarithms, which is 0 exactly where it is needed most. */
const surprise = customGradient(
  (p, t) =>
    t
      .mul(clampedLog(p))
      .add(rest(t).mul(clampedLog(rest(p))))
      .neg(),
  (g, [p, t]) => {
    const [x, y] = [p as Tensor, t as Tensor];
    const slope = x.sub(y).div(x.mul(rest(x)).maximum(1e-12));
    return [g.mul(slope), g.mul(clampedLog(rest(x)).sub(clampedLog(x)))];
  },
  "bce",
);
