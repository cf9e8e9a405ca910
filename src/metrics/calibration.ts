/** calibrationError: whether what a model is sure of is as often right. */
import { scatterAdd, sigmoid, softmax, type Tensor, tensor, where } from "../engine/tensor/index.ts";
import type { Metric } from "./metric.ts";
import { type IgnoreOptions, requireIgnore, requireWhole } from "./options.ts";
import { decide, keptRows, kindOf } from "./targets.ts";

/** Of each bin: rows and right ones, i32 [bins]; the sum of confidences, f32 [bins]. */
type Bins = { readonly count: Tensor; readonly correct: Tensor; readonly confidence: Tensor };

export interface CalibrationOptions extends IgnoreOptions {
  /** Default 15. */
  readonly bins?: number;
}

/**
 * Expected calibration error: sum over bins of (rows in it / rows) |accuracy - mean confidence|, the bins being equal parts of (0, 1] by
 * confidence, the probability of the predicted class (softmax's largest; for yes and no the larger of p and 1 - p).
 * Logits and targets as for `accuracy`.
 * Naeini et al. 2015; Guo et al., "On calibration of modern neural networks", 2017.
 * @throws ConfigError unless bins is a positive whole number; ShapeError when logits and targets do not fit.
 */
export function calibrationError(options: CalibrationOptions = {}): Metric<Bins> {
  const { bins = 15 } = options;
  requireWhole("calibrationError", "bins", bins, 1);
  requireIgnore("calibrationError", options);
  return {
    name: "calibrationError",
    mean: false,
    init(place = {}) {
      const { device } = place;
      const count = () => tensor(new Int32Array(bins), { device });
      return { count: count(), correct: count(), confidence: tensor(new Float32Array(bins), { device }) };
    },
    update({ count, correct, confidence }, { logits, targets }) {
      const { predicted, actual } = decide("calibrationError", logits, targets);
      const sure = confidenceOf(logits, targets).flatten();
      // (i / bins, (i + 1) / bins]; what is left out, or NaN, writes nothing.
      const bin = sure
        .mul(bins)
        .ceil()
        .sub(1)
        .maximum(0)
        .minimum(bins - 1)
        .astype("i32");
      const known = sure.eq(sure);
      const kept = keptRows("calibrationError", options, logits, targets)?.logicalAnd(known) ?? known;
      const at = where(kept, bin, -1);
      return {
        count: scatterAdd(count, at, 1),
        correct: scatterAdd(correct, at, predicted.eq(actual).astype("i32")),
        confidence: scatterAdd(confidence, at, sure),
      };
    },
    value({ count, correct, confidence }) {
      return correct.astype("f32").sub(confidence).abs().sum().div(count.sum().astype("f32"));
    },
  };
}

function confidenceOf(logits: Tensor, targets: Tensor): Tensor {
  if (kindOf("calibrationError", logits, targets) === "binary") return sigmoid(logits.abs());
  return softmax(logits).max(-1);
}
