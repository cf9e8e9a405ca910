/** metricsByGroup: whether a model is as good for each group of rows as for the others. */
import { type Tensor, take, tensor } from "../../engine/tensor/index.ts";
import type { Metric, MetricName } from "../../metrics/index.ts";
import {
  ConfigError,
  formatShape,
  optionNames,
  rejectUnknown,
  ShapeError,
  sameShape,
} from "../../util/index.ts";
import { checkRows } from "../checks.ts";
import { measure, metricOf } from "../measure.ts";
import { type Fairness, fairnessOf, type Rates, ratesOf, spreadOf } from "./rates.ts";

export interface GroupOptions {
  /** By name, or your own with options. */
  readonly metrics: readonly (MetricName | Metric)[];
  /** The group of each row. */
  readonly groups: ArrayLike<string | number | boolean>;
  /**
   * The class that is a yes, for the rates of fairness. Of one logit, or two classes, with integer targets it is 1 by default; else there are
   * no rates unless it is said. null: no rates, as for regression.
   */
  readonly positive?: number | null;
}

const known = optionNames<GroupOptions>({ metrics: true, groups: true, positive: true });

export interface GroupScores {
  readonly group: string;
  readonly rows: number;
  /** By name; NaN where the metric has none for these rows. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Where there is a positive class. */
  readonly rates?: Rates;
}

export interface Gap {
  /** The largest value of a group less the smallest, of those that have one; null where fewer than two do. */
  readonly difference: number | null;
  readonly lowest: string | null;
  readonly highest: string | null;
}

export interface MetricsByGroup {
  /** Of all rows. */
  readonly overall: Readonly<Record<string, number>>;
  /** In the order of their names. */
  readonly groups: readonly GroupScores[];
  readonly gaps: Readonly<Record<string, Gap>>;
  /** Where there is a positive class. */
  readonly fairness?: Fairness;
}

/**
 * Metrics of each group of rows, the largest gap of each metric, and for classification the rates a decision is judged by: selection
 * rate, true and false positive rate, and their largest differences between groups (Hardt, Price and Srebro, "Equality of opportunity in
 * supervised learning", 2016). Logits and targets are as the metrics take them; the decision is the largest logit, or one logit above 0.
 * Small groups make large gaps by chance: look at `rows`.
 * @throws ShapeError where groups are not as many as rows; ConfigError for fewer than two groups, unknown metrics, or a positive class that
 * is none.
 * @example
 * const logits = await predict(model, x);
 * const { groups, fairness } = await metricsByGroup(logits, y, { metrics: ["accuracy"], groups: table.column("sex").values });
 */
export async function metricsByGroup(
  logits: Tensor,
  targets: Tensor,
  options: GroupOptions,
): Promise<MetricsByGroup> {
  const op = "metricsByGroup";
  rejectUnknown(op, options, known);
  const rows = logits.shape[0] ?? 0;
  checkRows(op, "targets", targets.shape[0] ?? 0, rows);
  checkRows(op, "groups", options.groups.length, rows);
  if (options.metrics.length === 0) throw new ConfigError(`${op}: metrics must name one at least; got none.`);
  const metrics = options.metrics.map((metric) => metricOf(op, metric));
  const members = membersOf(op, options.groups);
  const positive = positiveOf(op, logits, targets, options.positive);
  const decisions = positive === null ? null : await decisionsOf(logits, targets, positive);

  const scoresOf = async (x: Tensor, y: Tensor): Promise<Record<string, number>> => {
    const scores: Record<string, number> = {};
    for (const metric of metrics) scores[metric.name] = await measure(metric, x, y);
    return scores;
  };
  const groups: GroupScores[] = [];
  for (const [group, own] of members) {
    const at = tensor(Int32Array.from(own));
    const scores = await scoresOf(take(logits, at, 0), take(targets, at, 0));
    const rates =
      decisions &&
      ratesOf(
        own.map((row) => decisions.decided[row] === true),
        own.map((row) => decisions.actual[row] === true),
      );
    groups.push({ group, rows: own.length, metrics: scores, ...(rates && { rates }) });
  }
  const gaps = Object.fromEntries(metrics.map(({ name }) => [name, gapOf(name, groups)]));
  const rates = groups.flatMap((group) => group.rates ?? []);
  return {
    overall: await scoresOf(logits, targets),
    groups,
    gaps,
    ...(decisions && { fairness: fairnessOf(rates) }),
  };
}

/** The rows of each group, groups by name. */
function membersOf(op: string, groups: GroupOptions["groups"]): [string, number[]][] {
  const members = new Map<string, number[]>();
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row];
    if (group === null || group === undefined || Number.isNaN(group)) {
      throw new ConfigError(
        `${op}: every row must have a group; row ${row} has ${group}. Give such rows a name, as "unknown".`,
      );
    }
    const own = members.get(String(group)) ?? [];
    members.set(String(group), own);
    own.push(row);
  }
  if (members.size < 2) {
    throw new ConfigError(
      `${op}: there must be two groups at least to compare; got ${members.size === 0 ? "no row" : `only "${[...members.keys()][0]}"`}.`,
    );
  }
  return [...members].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The positive class, null for none; of one logit it is 1. */
function positiveOf(
  op: string,
  logits: Tensor,
  targets: Tensor,
  asked: number | null | undefined,
): number | null {
  const single = logits.ndim === 1 || (logits.ndim === 2 && logits.shape[1] === 1);
  const classes = single ? 2 : (logits.shape.at(-1) as number);
  // One number a row is a logit only beside targets of whole numbers: else it is a regression.
  if (asked === null || (asked === undefined && (classes !== 2 || targets.dtype === "f32"))) return null;
  const positive = asked ?? 1;
  if (logits.ndim > 2 || (!single && sameShape(logits.shape, targets.shape))) {
    throw new ShapeError(
      `${op}: rates are of logits [n, classes] with class numbers [n], or of one logit a row; got ${formatShape(logits.shape)} and ${formatShape(targets.shape)}. Say positive: null for none.`,
    );
  }
  if (!Number.isInteger(positive) || positive < 0 || positive >= classes) {
    throw new ConfigError(`${op}: positive must be a class in [0, ${classes}); got ${positive}.`);
  }
  return positive;
}

/** Whether each row was decided to be of the class, and whether it is. */
async function decisionsOf(
  logits: Tensor,
  targets: Tensor,
  positive: number,
): Promise<{ decided: boolean[]; actual: boolean[] }> {
  const single = logits.ndim === 1 || logits.shape[1] === 1;
  const predicted = single ? logits.flatten().gt(0).astype("i32") : logits.argmax(-1);
  const yes = async (x: Tensor): Promise<boolean[]> =>
    Array.from((await x.data()) as ArrayLike<number>, (value) => value === positive);
  return { decided: await yes(predicted), actual: await yes(targets.flatten().astype("i32")) };
}

function gapOf(name: string, groups: readonly GroupScores[]): Gap {
  const there = groups.filter(({ metrics }) => !Number.isNaN(metrics[name]));
  const sorted = there.toSorted((a, b) => (a.metrics[name] as number) - (b.metrics[name] as number));
  return {
    difference: spreadOf(there.map(({ metrics }) => metrics[name] as number)),
    lowest: sorted[0]?.group ?? null,
    highest: sorted.at(-1)?.group ?? null,
  };
}
