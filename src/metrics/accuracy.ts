/** accuracy and topKAccuracy: the share of predictions that are right. */
import { arange, type Tensor, takeAlongAxis, tensor } from "../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../util/index.ts";
import type { Metric } from "./metric.ts";
import { type IgnoreOptions, requireIgnore, requireWhole } from "./options.ts";
import { keptRows, kindOf, yes } from "./targets.ts";

type Counts = { readonly correct: Tensor; readonly count: Tensor };

/**
 * correct / count over all batches, both exact i32 counts.
 * Classes: logits [..., classes] with class numbers [...] or probabilities [..., classes]; the largest logit wins.
 * Binary: logits and targets of one shape whose last axis is 1 (or absent: [batch]); right when the logit's sign is the target's.
 * @throws ConfigError for an ignoreIndex that is no integer; ShapeError when logits and targets are neither.
 */
export function accuracy(options: IgnoreOptions = {}): Metric<Counts> {
  return share("accuracy", options, (logits, targets) => {
    const kind = kindOf("accuracy", logits, targets);
    if (kind === "binary") return logits.gt(0).eq(yes(targets));
    return logits.argmax(-1).eq(kind === "dense" ? targets.argmax(-1) : targets.astype("i32"));
  });
}

export interface TopKOptions extends IgnoreOptions {
  /** Default 5. */
  readonly k?: number;
}

/**
 * The share of rows whose class is among the k largest logits; of equal ones the first count as larger, so that k = 1 is `accuracy`.
 * Logits [..., classes] with class numbers [...]. A NaN in a row is larger than all.
 * @throws ConfigError unless k is a whole number from 1 to the number of classes; ShapeError when the shapes do not fit.
 * @example new Trainer({ model, loss, optimizer, metrics: [topKAccuracy({ k: 3 })] });
 */
export function topKAccuracy(options: TopKOptions = {}): Metric<Counts> {
  const { k = 5 } = options;
  requireWhole("topKAccuracy", "k", k, 1);
  return share(k === 5 ? "topKAccuracy" : `top${k}Accuracy`, options, (logits, targets) => {
    const kind = kindOf("topKAccuracy", logits, targets);
    if (kind !== "classes") {
      throw new ShapeError(
        `topKAccuracy: targets must be class numbers ${formatShape(logits.shape.slice(0, -1))}; got ${formatShape(targets.shape)}.`,
      );
    }
    const classes = logits.shape.at(-1) as number;
    if (k > classes) {
      throw new ConfigError(`topKAccuracy: k must be at most the number of classes, ${classes}; got ${k}.`);
    }
    const label = targets.astype("i32").unsqueeze(-1);
    const own = takeAlongAxis(logits, label, -1);
    const behind = logits.lt(own).logicalOr(logits.eq(own).logicalAnd(arange(classes).ge(label)));
    return behind.logicalNot().astype("i32").sum(-1).lt(k);
  });
}

/** Counts the rows, of those that are kept, for which `right` is true. */
function share(
  name: string,
  options: IgnoreOptions,
  right: (logits: Tensor, targets: Tensor) => Tensor,
): Metric<Counts> {
  requireIgnore(name, options);
  return {
    name,
    mean: options.ignoreIndex === undefined,
    init(place = {}) {
      const zero = () => tensor(0, { dtype: "i32", device: place.device });
      return { correct: zero(), count: zero() };
    },
    update({ correct, count }, { logits, targets }) {
      const hits = right(logits, targets);
      const kept = keptRows(name, options, logits, targets);
      if (kept === null) {
        return { correct: correct.add(hits.astype("i32").sum()), count: count.add(hits.size) };
      }
      return {
        correct: correct.add(hits.flatten().logicalAnd(kept).astype("i32").sum()),
        count: count.add(kept.astype("i32").sum()),
      };
    },
    value: ({ correct, count }) => correct.astype("f32").div(count.astype("f32")),
  };
}
