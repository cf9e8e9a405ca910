/** Focal losses: cross-entropy that counts less what is already right. */
import { logSoftmax, sigmoid, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import { softplus } from "../activations.ts";
import {
  asLabel,
  type ClassOptions,
  outOfRange,
  pick,
  requireClassNumbers,
  weightsOf,
  withoutIgnored,
} from "./class-targets.ts";
import { expectLogits } from "./logits.ts";
import { asFloat, type LossOptions, maskInput, reduceLoss, sameShapes } from "./reduction.ts";

interface Focus {
  /** How steeply the easy ones fall away; 0 is cross-entropy. Default 2. */
  readonly gamma?: number;
}

export interface FocalOptions extends LossOptions, Focus {
  /** The weight of targets 1, with 1 - alpha for targets 0; null for none. Default 0.25. */
  readonly alpha?: number | null;
}

/**
 * -a (1 - q)^gamma log q for logits x and targets t in [0, 1], both of one shape: q = s(x) for t = 1 and 1 - s(x) for t = 0, a = alpha
 * and 1 - alpha. For many labels of which few are true, as in detection.
 * Lin et al., "Focal loss for dense object detection", 2017. Their sum is divided by the number of objects: use "sum".
 * @throws ShapeError when the shapes differ; ConfigError unless gamma >= 0 and 0 <= alpha <= 1.
 * @example focal(logits, boxes, { reduction: "sum" }).div(boxes.sum().maximum(1));
 */
export function focal(logits: Tensor, targets: Tensor, options: FocalOptions = {}): Tensor {
  const { alpha = 0.25 } = options;
  const gamma = focus("focal", options);
  if (alpha !== null && !(alpha >= 0 && alpha <= 1)) {
    throw new ConfigError(`focal: alpha must be in [0, 1], or null; got ${alpha}.`);
  }
  sameShapes("focal", logits, targets);
  expectLogits("focal", logits, "sigmoid");
  const x = maskInput("focal", logits, options.mask);
  const t = maskInput("focal", asFloat(targets, logits), options.mask);
  const surprise = softplus(x).sub(x.mul(t));
  // 1 - q without its cancellation near 0.
  const wrong = sigmoid(x.neg())
    .mul(t)
    .add(sigmoid(x).mul(t.sub(1).neg()));
  const values = damped(surprise, wrong, gamma);
  const weight = alpha === null ? null : t.mul(2 * alpha - 1).add(1 - alpha);
  return reduceLoss("focal", weight === null ? values : values.mul(weight), options);
}

export interface CategoricalFocalOptions extends ClassOptions, Focus {}

/**
 * -w_t (1 - p_t)^gamma log p_t with p = softmax(x), for logits x: [..., classes], class numbers t: [...] and class weights w
 * (the paper's alpha), by default 1. Rows are averaged, and weighed, as in `crossEntropy`, which gamma = 0 is.
 * Lin et al. 2017, for one label out of many.
 * @throws ShapeError or DTypeError when the targets are no class numbers or weights do not fit; ConfigError unless gamma >= 0.
 * @example categoricalFocal(model.forward(images), labels, { gamma: 1.5 });
 */
export function categoricalFocal(
  logits: Tensor,
  targets: Tensor,
  options: CategoricalFocalOptions = {},
): Tensor {
  const gamma = focus("categoricalFocal", options);
  requireClassNumbers("categoricalFocal", "logits", logits, targets);
  expectLogits("categoricalFocal", logits, "softmax");
  const label = asLabel(targets);
  const weights = weightsOf("categoricalFocal", options, logits);
  const kept = withoutIgnored("categoricalFocal", options, label);
  const y = logSoftmax(maskInput("categoricalFocal", logits, kept.mask, label.shape));
  const right = pick(y, label);
  const measure = weights === null ? null : pick(weights, label);
  const values = damped(right.neg(), right.expm1().neg(), gamma);
  const weighed = measure === null ? values : values.mul(measure);
  return reduceLoss(
    "categoricalFocal",
    weighed.add(outOfRange(label, logits.shape.at(-1) as number)),
    kept,
    measure,
  );
}

function focus(op: string, { gamma = 2 }: Focus): number {
  if (gamma >= 0 && gamma < Number.POSITIVE_INFINITY) return gamma;
  throw new ConfigError(`${op}: gamma must be a number of at least 0; got ${gamma}.`);
}

/** surprise * wrong^gamma. The floor, the smallest normal f32, keeps a power below 1 from an infinite slope at 0. */
function damped(surprise: Tensor, wrong: Tensor, gamma: number): Tensor {
  if (gamma === 0) return surprise;
  return surprise.mul((gamma < 1 ? wrong.maximum(2 ** -126) : wrong).pow(gamma));
}
