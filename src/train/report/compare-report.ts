/** The report of a race: who won and how surely, the finalists' learning curves, and every setting. */
import type { CompareResult, CurvePoint, Finalist, Setting, Trial } from "../compare/result.ts";
import { verdictOf } from "../compare/verdict.ts";
import { formatScore, formatSeconds } from "../format.ts";
import { type Chart, type ChartSeries, chartSvg } from "./chart.ts";
import { charts, heading, lead, note, page, table } from "./page.ts";

const named = ({ optimizer, learningRate, batchSize }: Setting): string =>
  `${optimizer} at ${learningRate.toPrecision(2)}, batch ${batchSize}`;

const count = (value: number): string => Math.round(value).toLocaleString("en-US");

/**
 * One HTML file that needs nothing else: the verdict, learning curves with the spread over seeds (least to greatest), steps and time to
 * the target loss, memory of the optimizers' states, and a table of all trials.
 * @example
 * await writeFile("race.html", compareReport(await compare(parts, options), { title: "mnist", subtitle: "60 s" }));
 */
export function compareReport(
  result: CompareResult,
  about: { readonly title: string; readonly subtitle: string },
): string {
  const { winner, finalists, trials, rounds, target, seconds } = result;
  const body = [
    lead([
      winner === null ? "Interrupted before anything was measured." : `Best: ${named(winner)}.`,
      ...(finalists.length === 2 ? [sentence(verdictOf(result))] : []),
    ]),
  ];
  if (finalists.length > 0) {
    body.push(
      heading("Finalists"),
      charts([
        chartSvg(curves(finalists, target, "steps", ({ step }) => step)),
        chartSvg(curves(finalists, target, "seconds of training", (point) => point.seconds)),
      ]),
      note("Lines are means over the seeds, areas go from the least to the greatest."),
      finalistTable(finalists, target),
    );
  }
  body.push(heading("All settings"), charts([chartSvg(byRate(trials))]), trialTable(trials));
  body.push(
    note(
      `${rounds.map(({ settings, rows }, i) => `Round ${i + 1}: ${settings} settings up to ${count(rows)} rows.`).join(" ")} ${formatSeconds(seconds)} in all. In a round every setting trains on equally many rows; times leave compilation and measuring out.`,
    ),
  );
  return page(about, body);
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function curves(
  finalists: readonly Finalist[],
  target: number | null,
  unit: string,
  across: (point: CurvePoint) => number,
): Chart {
  const series = finalists.map((finalist) => meanCurve(finalist, across));
  const values = series.flatMap(({ band = [] }) => band.flatMap(({ low, high }) => [low, high]));
  return {
    title: `Loss over ${unit}`,
    x: { label: unit },
    y: { label: "loss", log: spansDecades(values) },
    series,
    levels: target === null ? [] : [{ y: target, label: `target ${formatScore(target)}` }],
  };
}

/** Means at each measurement, with the spread over the seeds. */
function meanCurve(finalist: Finalist, across: (point: CurvePoint) => number): ChartSeries {
  const length = Math.min(...finalist.curves.map((curve) => curve.length));
  const at = Array.from({ length }, (_, i) => finalist.curves.map((curve) => curve[i] as CurvePoint));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const losses = at.map((points) => points.map(({ loss }) => loss));
  const xs = at.map((points) => mean(points.map(across)));
  return {
    name: named(finalist),
    points: losses.map((values, i) => [xs[i] as number, mean(values)] as const),
    band: losses.map((values, i) => ({
      x: xs[i] as number,
      low: Math.min(...values),
      high: Math.max(...values),
    })),
  };
}

const spansDecades = (values: readonly number[]): boolean => {
  const finite = values.filter(Number.isFinite);
  return finite.length > 0 && Math.min(...finite) > 0 && Math.max(...finite) > 8 * Math.min(...finite);
};

function finalistTable(finalists: readonly Finalist[], target: number | null): string {
  const to = target === null ? "the target" : formatScore(target);
  return table(
    [
      "setting",
      "loss",
      "seeds",
      "steps",
      "time",
      `steps to ${to}`,
      `time to ${to}`,
      "state, bytes/parameter",
    ],
    finalists.map((finalist) => {
      const { mean, deviation, losses, steps, seconds, reached, stateBytesPerParameter } = finalist;
      const of = reached.seeds < losses.length ? ` (${reached.seeds} of ${losses.length} seeds)` : "";
      return [
        named(finalist),
        `${formatScore(mean)} ± ${formatScore(deviation)}`,
        String(losses.length),
        count(steps),
        formatSeconds(seconds),
        reached.steps === null ? "not reached" : `${count(reached.steps)}${of}`,
        reached.seconds === null ? "not reached" : formatSeconds(reached.seconds),
        stateBytesPerParameter.toFixed(1),
      ];
    }),
  );
}

/** What the first round, in which all took part, shows of each optimizer. */
function byRate(trials: readonly Trial[]): Chart {
  const batches = new Set(trials.map(({ batchSize }) => batchSize));
  const groups = new Map<string, [number, number][]>();
  const inOrder = [...trials].sort(
    (a, b) => a.optimizer.localeCompare(b.optimizer, "en") || a.batchSize - b.batchSize,
  );
  for (const { optimizer, learningRate, batchSize, curve } of inOrder) {
    const name = batches.size > 1 ? `${optimizer}, ${batchSize}` : optimizer;
    const [first] = curve;
    if (first === undefined) continue;
    groups.set(name, [...(groups.get(name) ?? []), [learningRate, first.loss]]);
  }
  const series = [...groups].map(([name, points]) => ({
    name,
    points: points.sort(([a], [b]) => a - b),
    dots: true,
  }));
  return {
    title: "Loss after the first round",
    x: { label: "learning rate", log: true },
    y: { label: "loss", log: spansDecades(series.flatMap(({ points }) => points.map(([, y]) => y))) },
    series,
  };
}

const trialTable = (trials: readonly Trial[]): string =>
  table(
    ["optimizer", "learning rate", "batch", "loss", "rounds", "steps", "time", "state", ""],
    trials.map((trial) => [
      trial.optimizer,
      trial.learningRate.toPrecision(2),
      String(trial.batchSize),
      trial.error !== null
        ? "failed"
        : trial.diverged
          ? "diverged"
          : trial.steps === 0
            ? "-"
            : formatScore(trial.loss),
      String(trial.curve.length),
      count(trial.steps),
      formatSeconds(trial.seconds),
      `${count(trial.stateBytes / 1000)} kB`,
      trial.error ?? "",
    ]),
  );
