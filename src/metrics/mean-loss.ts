/** meanLoss: the loss averaged over samples, not batches. */
import { type Tensor, tensor } from "../engine/tensor/index.ts";
import type { Metric } from "./metric.ts";

type Sums = { readonly sum: Tensor; readonly count: Tensor };

/** Sum of each batch's mean loss times its size, over the number of samples: a smaller last batch counts for what it is. */
export function meanLoss(): Metric<Sums> {
  return {
    name: "loss",
    init(options = {}) {
      const { device } = options;
      return { sum: tensor(0, { dtype: "f32", device }), count: tensor(0, { dtype: "i32", device }) };
    },
    update({ sum, count }, { loss, targets }) {
      const samples = targets.shape[0] ?? 1;
      return { sum: sum.add(loss.mul(samples)), count: count.add(samples) };
    },
    value: ({ sum, count }) => sum.div(count.astype("f32")),
  };
}
