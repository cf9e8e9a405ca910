/** precision, recall and F1, from counts of each class. */
import { arange, type Tensor, tensor, where } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import type { Metric } from "./metric.ts";
import { type IgnoreOptions, requireIgnore, requireWhole } from "./options.ts";
import { decide, keptRows } from "./targets.ts";

/** i32 [classes] each: rows of the class that were predicted so, rows predicted so, rows of the class. */
type ClassCounts = { readonly hits: Tensor; readonly predicted: Tensor; readonly actual: Tensor };

/**
 * binary: of class 1 of two. macro: the mean over classes that occur in targets or predictions. weighted: the same, each counting as
 * often as it is in the targets. micro: of the counts of all classes together, which for one class a row is the accuracy. A number: of that class.
 */
export type Average = "binary" | "macro" | "weighted" | "micro" | number;

export interface ClassMetricOptions extends IgnoreOptions {
  /** Default "binary", or "macro" when there are `classes`. */
  readonly average?: Average;
  /** How many there are; must be said unless there are two, since the counts have a place for each. */
  readonly classes?: number;
}

/**
 * Of what was predicted to be of the class, the share that is: hits / predicted; 0 when nothing was, as in scikit-learn.
 * Logits and targets as for `accuracy`.
 * @throws ConfigError for an average or a number of classes that cannot be, ShapeError when logits and targets do not fit.
 * @example metrics: ["precision", recall({ classes: 10, average: "macro" }), f1({ classes: 10, average: 3 })]
 */
export const precision = (options: ClassMetricOptions = {}): Metric<ClassCounts> =>
  fromCounts("precision", options, ({ hits, predicted }) => ratio(hits, predicted));

/** Of the rows of the class, the share that was found: hits / actual. See `precision`. */
export const recall = (options: ClassMetricOptions = {}): Metric<ClassCounts> =>
  fromCounts("recall", options, ({ hits, actual }) => ratio(hits, actual));

/** The harmonic mean of precision and recall, 2 hits / (predicted + actual). See `precision`. */
export const f1 = (options: ClassMetricOptions = {}): Metric<ClassCounts> =>
  fromCounts("f1", options, ({ hits, predicted, actual }) => ratio(hits.mul(2), predicted.add(actual)));

/** a / b in f32, 0 where b is 0. */
const ratio = (a: Tensor, b: Tensor): Tensor => where(b.eq(0), 0, a.div(b.maximum(1)));

function fromCounts(
  kind: string,
  options: ClassMetricOptions,
  score: (counts: ClassCounts) => Tensor,
): Metric<ClassCounts> {
  const { classes = 2 } = options;
  const average = options.average ?? (options.classes === undefined ? "binary" : "macro");
  checkOptions(kind, average, options);
  return {
    name: average === "binary" ? kind : `${kind}(${average})`,
    mean: false,
    init(place = {}) {
      const empty = () => counter(classes, place.device);
      return { hits: empty(), predicted: empty(), actual: empty() };
    },
    update({ hits, predicted, actual }, { logits, targets }) {
      const rows = decide(kind, logits, targets);
      if (rows.classes !== classes) {
        throw new ConfigError(
          `${kind}: classes must be the number the model has; got ${classes} for ${rows.classes}. Say ${kind}({ classes: ${rows.classes}, average: "macro" }).`,
        );
      }
      const each = arange(classes);
      const of = (row: Tensor) => row.unsqueeze(-1).eq(each);
      const kept = keptRows(kind, options, logits, targets)?.unsqueeze(-1) ?? null;
      const total = (flags: Tensor) => (kept === null ? flags : flags.logicalAnd(kept)).astype("i32").sum(0);
      const [guess, truth] = [of(rows.predicted), of(rows.actual)];
      return {
        hits: hits.add(total(guess.logicalAnd(truth))),
        predicted: predicted.add(total(guess)),
        actual: actual.add(total(truth)),
      };
    },
    value(counts) {
      const rows = counts.actual.sum();
      return where(rows.eq(0), Number.NaN, averaged(average, counts, score));
    },
  };
}

function averaged(average: Average, counts: ClassCounts, score: (counts: ClassCounts) => Tensor): Tensor {
  if (average === "micro") {
    return score({ hits: counts.hits.sum(), predicted: counts.predicted.sum(), actual: counts.actual.sum() });
  }
  const each = score(counts);
  if (average === "binary" || typeof average === "number")
    return each.index(average === "binary" ? 1 : average);
  const weight =
    average === "weighted" ? counts.actual : counts.actual.add(counts.predicted).ne(0).astype("i32");
  return each.mul(weight).sum().div(weight.sum());
}

/** i32 zeros, with memory of their own. */
const counter = (classes: number, device: string | undefined): Tensor =>
  tensor(new Int32Array(classes), { device });

function checkOptions(kind: string, average: Average, options: ClassMetricOptions): void {
  const { classes = 2 } = options;
  requireWhole(kind, "classes", classes, 2);
  requireIgnore(kind, options);
  if (typeof average === "number") {
    if (Number.isInteger(average) && average >= 0 && average < classes) return;
    throw new ConfigError(`${kind}: the class must be a whole number in [0, ${classes}); got ${average}.`);
  }
  if (average === "binary" && classes !== 2) {
    throw new ConfigError(`${kind}: the average "binary" is of two classes; got ${classes}.`);
  }
  if (!["binary", "macro", "weighted", "micro"].includes(average)) {
    throw new ConfigError(
      `${kind}: average must be "binary", "macro", "weighted", "micro" or a class; got ${JSON.stringify(average)}.`,
    );
  }
}
