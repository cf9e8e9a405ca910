/** accuracy: the share of predictions that are right. */
import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { formatShape, ShapeError, sameShape } from "../util/index.ts";
import type { Metric } from "./metric.ts";

type Counts = { readonly correct: Tensor; readonly count: Tensor };

/**
 * correct / count over all batches, both exact i32 counts.
 * Classes: logits [..., classes] with class numbers [...] or probabilities [..., classes]; the largest logit wins.
 * Binary: logits and targets of one shape whose last axis is 1 (or absent: [batch]); right when the logit's sign is the target's.
 * @throws ShapeError when logits and targets are neither.
 */
export function accuracy(): Metric<Counts> {
  return {
    name: "accuracy",
    init(options = {}) {
      const zero = () => tensor(0, { dtype: "i32", device: options.device });
      return { correct: zero(), count: zero() };
    },
    update({ correct, count }, { logits, targets }) {
      const right = hits(logits, targets);
      return { correct: correct.add(right.astype("i32").sum()), count: count.add(right.size) };
    },
    value: ({ correct, count }) => correct.astype("f32").div(count.astype("f32")),
  };
}

/** bool, one per prediction. */
function hits(logits: Tensor, targets: Tensor): Tensor {
  const same = sameShape(logits.shape, targets.shape);
  const classes = logits.shape.at(-1) ?? 1;
  if (same && (classes === 1 || logits.shape.length < 2))
    return logits.gt(0).eq(targets.astype("f32").gt(0.5));
  if (same) return logits.argmax(-1).eq(targets.argmax(-1));
  if (logits.shape.length > 0 && sameShape(logits.shape.slice(0, -1), targets.shape)) {
    return logits.argmax(-1).eq(targets.astype("i32"));
  }
  throw new ShapeError(
    `accuracy: targets must be class numbers ${formatShape(logits.shape.slice(0, -1))} or of the logits' shape; got logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)}.`,
  );
}
