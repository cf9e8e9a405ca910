/** modelCard: what there is to know of a model before it is used, on one page of Markdown. */
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import type { CalibrationCurve } from "../calibration/curve.ts";
import type { TemperatureScaling } from "../calibration/temperature.ts";
import type { MetricsByGroup } from "../groups/metrics-by-group.ts";
import type { PermutationImportance } from "../importance.ts";
import type { Robustness } from "../robustness/robustness.ts";
import { plain, shown, table } from "./markdown.ts";

export interface CardCalibration {
  readonly curve?: CalibrationCurve;
  readonly temperature?: TemperatureScaling;
  readonly brier?: number;
}

/** Everything but the name may be left out; texts are Markdown. */
export interface ModelCard {
  readonly name: string;
  readonly description?: string;
  /** For what, and by whom. */
  readonly intendedUse?: string;
  readonly limitations?: string;
  /** Where the data come from and how they were prepared. */
  readonly data?: string;
  /** What the model is given, and what it predicts. */
  readonly inputs?: readonly string[];
  readonly target?: string;
  readonly classes?: readonly string[];
  /** Facts of the training by name, in their order. */
  readonly training?: Readonly<Record<string, string | number | null>>;
  /** Metrics by name, of each part of the data. */
  readonly scores?: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  readonly groups?: MetricsByGroup;
  readonly robustness?: Robustness;
  readonly calibration?: CardCalibration;
  readonly importance?: PermutationImportance;
}

const known = optionNames<ModelCard>({
  name: true,
  description: true,
  intendedUse: true,
  limitations: true,
  data: true,
  inputs: true,
  target: true,
  classes: true,
  training: true,
  scores: true,
  groups: true,
  robustness: true,
  calibration: true,
  importance: true,
});

/**
 * A model card in Markdown: Mitchell et al., "Model cards for model reporting", 2019. A section that nothing was given for is not
 * made up but named at the end as not stated. `nabla card <run>` fills it from a run's folder.
 * @throws ConfigError for sections that do not exist, naming the nearest, and without a name.
 * @example
 * const card = modelCard({ name: "digits", intendedUse: "Reading postcodes.", robustness: await robustness(model, test, { epsilons: [0.1] }) });
 */
export function modelCard(card: ModelCard): string {
  rejectUnknown("modelCard", card, known);
  if (typeof card.name !== "string" || card.name.trim() === "") {
    throw new ConfigError("modelCard: the model must have a name; got none.");
  }
  const sections: readonly [title: string, body: string | null][] = [
    ["Intended use", textOf(card.intendedUse)],
    ["Limitations", textOf(card.limitations)],
    ["Data", dataOf(card)],
    ["Training", trainingOf(card.training ?? {})],
    ["Scores", scoresOf(card.scores ?? {})],
    ["By group", card.groups === undefined ? null : groupsOf(card.groups)],
    ["Robustness", card.robustness === undefined ? null : robustnessOf(card.robustness)],
    ["Calibration", card.calibration === undefined ? null : calibrationOf(card.calibration)],
    ["Importance of features", card.importance === undefined ? null : importanceOf(card.importance)],
  ];
  const missing = sections.filter(([, body]) => body === null).map(([title]) => title.toLowerCase());
  const parts = [`# ${plain(card.name)}`];
  const description = textOf(card.description);
  if (description !== null) parts.push(description);
  for (const [title, body] of sections) if (body !== null) parts.push(`## ${title}`, body);
  if (missing.length > 0)
    parts.push("## Not stated", `Nothing was said or measured of: ${missing.join(", ")}.`);
  return `${parts.join("\n\n")}\n`;
}

const textOf = (text: string | undefined): string | null =>
  text === undefined || text.trim() === "" ? null : text.trim();

function dataOf({ data, inputs, target, classes }: ModelCard): string | null {
  const list = (words: readonly string[]) => words.map(plain).join(", ");
  const lines = [
    textOf(data),
    inputs === undefined ? null : `Inputs (${inputs.length}): ${list(inputs)}.`,
    target === undefined
      ? null
      : `Predicts: ${plain(target)}${classes === undefined ? "" : `, one of ${list(classes)}`}.`,
  ].filter((line) => line !== null);
  return lines.length === 0 ? null : lines.join("\n\n");
}

function trainingOf(facts: NonNullable<ModelCard["training"]>): string | null {
  const rows = Object.entries(facts).map(([name, value]) => [
    plain(name),
    typeof value === "string" ? plain(value) : shown(value),
  ]);
  return rows.length === 0 ? null : table(["", ""], rows);
}

function scoresOf(scores: NonNullable<ModelCard["scores"]>): string | null {
  const names = [...new Set(Object.values(scores).flatMap((values) => Object.keys(values)))];
  if (names.length === 0) return null;
  const rows = Object.entries(scores).map(([part, values]) => [
    plain(part),
    ...names.map((name) => shown(values[name])),
  ]);
  return table(["", ...names.map(plain)], rows);
}

function groupsOf({ overall, groups, gaps, fairness }: MetricsByGroup): string {
  const names = Object.keys(overall);
  const rated = groups.some(({ rates }) => rates !== undefined);
  const rows = groups.map(({ group, rows: count, metrics, rates }) => [
    plain(group),
    String(count),
    ...names.map((name) => shown(metrics[name])),
    ...(rated ? [rates?.selectionRate, rates?.truePositiveRate, rates?.falsePositiveRate].map(shown) : []),
  ]);
  const total = groups.reduce((sum, { rows: count }) => sum + count, 0);
  const all = [
    "all",
    String(total),
    ...names.map((name) => shown(overall[name])),
    ...(rated ? ["", "", ""] : []),
  ];
  const head = [
    "group",
    "rows",
    ...names.map(plain),
    ...(rated ? ["selected", "true positives", "false positives"] : []),
  ];
  const largest = Object.entries(gaps).map(([name, gap]) =>
    gap.difference === null
      ? `${plain(name)} -`
      : `${plain(name)} ${shown(gap.difference)} (${plain(gap.lowest ?? "")} to ${plain(gap.highest ?? "")})`,
  );
  const lines = [table(head, [...rows, all]), `Largest gaps: ${largest.join("; ")}.`];
  if (fairness !== undefined) {
    lines.push(
      `Differences of rates: selection ${shown(fairness.selectionRateDifference)}, true positives ${shown(fairness.truePositiveRateDifference)}, false positives ${shown(fairness.falsePositiveRateDifference)}, equalised odds ${shown(fairness.equalisedOddsDifference)}.`,
    );
  }
  return lines.join("\n\n");
}

function robustnessOf({ rows, clean, attacks, noise }: Robustness): string {
  const cases = [
    ["as they are", shown(clean)],
    ...attacks.map(({ epsilon, accuracy }) => [`attacked, epsilon ${shown(epsilon)}`, shown(accuracy)]),
    ...noise.map(({ deviation, accuracy }) => [`noise, deviation ${shown(deviation)}`, shown(accuracy)]),
  ];
  return table([`${rows} rows`, "accuracy"], cases);
}

function calibrationOf({ curve, temperature, brier }: CardCalibration): string | null {
  const lines: string[] = [];
  if (curve !== undefined) {
    const rows = curve.bins.map(({ low, high, rows: count, predicted, actual }) => [
      `${shown(low)} to ${shown(high)}`,
      ...[count, predicted, actual].map(shown),
    ]);
    lines.push(
      table(["probability", "rows", "predicted", "came true"], rows),
      `Expected calibration error ${shown(curve.expectedError)}, largest ${shown(curve.largestError)}.`,
    );
  }
  if (brier !== undefined) lines.push(`Brier score ${shown(brier)}.`);
  if (temperature !== undefined) {
    const { before, after } = temperature;
    lines.push(
      `At temperature ${shown(temperature.temperature)} the log loss is ${shown(after.logLoss)} in place of ${shown(before.logLoss)}, the calibration error ${shown(after.calibrationError)} in place of ${shown(before.calibrationError)}.`,
    );
  }
  return lines.length === 0 ? null : lines.join("\n\n");
}

function importanceOf({ metric, baseline, features }: PermutationImportance): string {
  const sorted = features.toSorted((a, b) => b.mean - a.mean);
  const rows = sorted.map(({ name, mean, deviation }) => [
    plain(name),
    `${shown(mean)} ± ${shown(deviation)}`,
  ]);
  return [
    table(["feature", `${plain(metric)} worse by`], rows),
    `By permutation; ${plain(metric)} of the data as they are: ${shown(baseline)}.`,
  ].join("\n\n");
}
