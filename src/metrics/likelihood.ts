/** logLoss and perplexity: how likely the targets are to the model. */
import { logSoftmax, type Tensor, takeAlongAxis, tensor, where } from "../engine/tensor/index.ts";
import { ShapeError } from "../util/index.ts";
import type { Metric } from "./metric.ts";
import { type IgnoreOptions, requireIgnore } from "./options.ts";
import { keptRows, kindOf } from "./targets.ts";

type Sums = { readonly sum: Tensor; readonly count: Tensor };

/**
 * The mean of -log p(target) over rows, p being the softmax of the logits, or the sigmoid for yes and no; targets as for `accuracy`.
 * It is what the loss was before smoothing, weights and penalties. NaN for a class number out of range.
 * @throws ConfigError for an ignoreIndex that is no integer; ShapeError when logits and targets do not fit.
 */
export const logLoss = (options: IgnoreOptions = {}): Metric<Sums> =>
  meanSurprise("logLoss", options, (mean) => mean);

/**
 * e to the mean of -log p(token): of how many equally likely tokens the model is as unsure. Logits [..., vocabulary] with tokens [...].
 * The mean is over all tokens, not of batches' perplexities.
 * @throws as `logLoss`.
 * @example metrics: [perplexity({ ignoreIndex: -100 })]
 */
export const perplexity = (options: IgnoreOptions = {}): Metric<Sums> =>
  meanSurprise("perplexity", options, (mean) => mean.exp());

function meanSurprise(name: string, options: IgnoreOptions, finish: (mean: Tensor) => Tensor): Metric<Sums> {
  requireIgnore(name, options);
  return {
    name,
    mean: name === "logLoss" && options.ignoreIndex === undefined,
    init(place = {}) {
      const { device } = place;
      return { sum: tensor(0, { dtype: "f32", device }), count: tensor(0, { dtype: "i32", device }) };
    },
    update({ sum, count }, { logits, targets }) {
      const each = surprise(name, logits, targets).flatten();
      const kept = keptRows(name, options, logits, targets);
      if (kept === null) return { sum: sum.add(each.sum()), count: count.add(each.size) };
      return { sum: sum.add(where(kept, each, 0).sum()), count: count.add(kept.astype("i32").sum()) };
    },
    value: ({ sum, count }) => finish(sum.div(count.astype("f32"))),
  };
}

function surprise(name: string, logits: Tensor, targets: Tensor): Tensor {
  const kind = kindOf(name, logits, targets);
  if (name === "perplexity" && kind !== "classes") {
    throw new ShapeError("perplexity: targets must be class numbers, one axis less than the logits.");
  }
  if (kind === "binary") {
    return logits
      .maximum(0)
      .sub(logits.mul(targets.astype("f32")))
      .add(logits.abs().neg().exp().log1p());
  }
  const y = logSoftmax(logits);
  if (kind === "dense") return targets.astype("f32").mul(y).sum(-1).neg();
  return takeAlongAxis(y, targets.astype("i32").unsqueeze(-1), -1).squeeze(-1).neg();
}
