/** Negative log-likelihood of class numbers, from log-probabilities. */
import type { Tensor } from "../../engine/tensor/index.ts";
import {
  asLabel,
  type ClassOptions,
  outOfRange,
  pick,
  requireClassNumbers,
  weightsOf,
  withoutIgnored,
} from "./class-targets.ts";
import { expectLogProbabilities } from "./logits.ts";
import { maskInput, reduceLoss } from "./reduction.ts";

/**
 * -w_t y_t for log-probabilities y: [..., classes], class numbers t: [...] and class weights w, by default 1: with logSoftmax
 * before it, crossEntropy. A class number out of range makes the loss of its row NaN.
 * The mean divides by the sum of the rows' weights, as in PyTorch.
 * @throws ShapeError or DTypeError when the targets are no class numbers or weights do not fit; ConfigError for a wrong option.
 * @example nll(logSoftmax(logits), labels); // f32[32,10], i32[32]
 */
export function nll(logProbabilities: Tensor, targets: Tensor, options: ClassOptions = {}): Tensor {
  requireClassNumbers("nll", "log-probabilities", logProbabilities, targets);
  expectLogProbabilities("nll", logProbabilities);
  const label = asLabel(targets);
  const weights = weightsOf("nll", options, logProbabilities);
  const kept = withoutIgnored("nll", options, label);
  const picked = pick(maskInput("nll", logProbabilities, kept.mask, label.shape), label).neg();
  const measure = weights === null ? null : pick(weights, label);
  const loss = measure === null ? picked : picked.mul(measure);
  const checked = loss.add(outOfRange(label, logProbabilities.shape.at(-1) as number));
  return reduceLoss("nll", checked, kept, measure);
}
