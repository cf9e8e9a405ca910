/** Kullback-Leibler divergence between rows of probabilities. */
import { type Tensor, where } from "../../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../../util/index.ts";
import { expectLogProbabilities } from "./logits.ts";
import { asFloat, type LossOptions, maskInput, reduceLoss, sameShapes } from "./reduction.ts";

export interface KlDivergenceOptions extends LossOptions {
  /** Whether the targets are log-probabilities too. Default false. */
  readonly logTargets?: boolean;
}

/**
 * KL(t || p) = sum_c t_c (log t_c - y_c) over the last axis, for log-probabilities y = log p and probabilities t, both
 * [..., classes]; 0 log 0 counts as 0. One value a row: the mean is over rows (PyTorch's "batchmean"; its "mean" divides by the
 * number of classes as well).
 * Kullback and Leibler, "On information and sufficiency", 1951.
 * @throws ShapeError when the shapes differ or have no class axis.
 * @example klDivergence(logSoftmax(student.div(T)), softmax(teacher.div(T))).mul(T * T); // distillation
 */
export function klDivergence(
  logProbabilities: Tensor,
  targets: Tensor,
  options: KlDivergenceOptions = {},
): Tensor {
  sameShapes("klDivergence", logProbabilities, targets);
  if (logProbabilities.ndim === 0) {
    throw new ShapeError(`klDivergence: there must be a class axis; got ${formatShape(targets.shape)}.`);
  }
  expectLogProbabilities("klDivergence", logProbabilities);
  const rows = targets.shape.slice(0, -1);
  const y = maskInput("klDivergence", logProbabilities, options.mask, rows);
  const t = maskInput("klDivergence", asFloat(targets, y), options.mask, rows);
  const each = options.logTargets ? t.exp().mul(t.sub(y)) : pointwise(y, t);
  return reduceLoss("klDivergence", each.sum(-1), options);
}

/** t (log t - y), which is 0 where t is 0, also for y = -Infinity. */
function pointwise(y: Tensor, t: Tensor): Tensor {
  const some = t.ne(0);
  return t.mul(
    where(some, t, 1)
      .log()
      .sub(where(some, y, 0)),
  );
}
