/** A run's curves: loss and metrics, learning rate, speed, gradient norms. */
import type { RunRecord } from "../track/run-record.ts";
import type { Chart, ChartSeries } from "./chart.ts";

type Points = readonly (readonly [number, number])[];

const mostPoints = 300;

/** Means of neighbours, so that a long run draws as fast as a short one. */
function thinned(points: Points): Points {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (finite.length <= mostPoints) return finite;
  const size = Math.ceil(finite.length / mostPoints);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, at) => {
    const part = finite.slice(at * size, (at + 1) * size);
    return [mean(part.map(([x]) => x)), mean(part.map(([, y]) => y))] as const;
  });
}

const spansDecades = (series: readonly ChartSeries[]): boolean => {
  const values = series.flatMap(({ points }) => points.map(([, y]) => y));
  return values.length > 0 && Math.min(...values) > 0 && Math.max(...values) > 20 * Math.min(...values);
};

const hasPoints = ({ points }: ChartSeries): boolean => points.length > 0;

/** On a logarithmic axis where values span decades, unless the level of 0 matters. */
function chart(title: string, y: string, series: readonly ChartSeries[], linear = false): Chart | null {
  const shown = series.filter(hasPoints);
  if (shown.length === 0) return null;
  const log = !linear && spansDecades(shown);
  return { title, x: { label: "step" }, y: { label: y, log }, series: shown };
}

/** Loss, then each metric: training and validation by epoch, and training between. */
export function scoreCharts({ history, steps }: RunRecord): Chart[] {
  const names = [...new Set(history.flatMap(({ train }) => Object.keys(train)))];
  if (names.length === 0) names.push(...Object.keys(steps[0]?.train ?? {}));
  const dots = history.length <= 40;
  return names.flatMap((name) => {
    const by = (part: "train" | "validation"): Points =>
      history.map((record) => [record.step, record[part]?.[name] ?? Number.NaN] as const);
    const series = [
      { name: "training, by epoch", points: thinned(by("train")), dots },
      { name: "validation", points: thinned(by("validation")), dots },
      {
        name: "training, between",
        points: thinned(steps.map(({ step, train }) => [step, train[name] ?? Number.NaN])),
        faint: true,
      },
    ];
    return chart(title(name), name, series) ?? [];
  });
}

const title = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** The learning rate and what else changes on the way. */
export function hyperparameterCharts({ steps }: RunRecord): Chart[] {
  const names = [...new Set(steps.flatMap(({ hyperparameters }) => Object.keys(hyperparameters)))];
  return names.flatMap((name) => {
    const points = thinned(
      steps.map(({ step, hyperparameters }) => [step, hyperparameters[name] ?? Number.NaN]),
    );
    const constant = points.every(([, value]) => value === points[0]?.[1]);
    if (constant && name !== "learningRate") return [];
    return chart(title(spaced(name)), spaced(name), [{ name: spaced(name), points }]) ?? [];
  });
}

/** weightDecay: weight decay. */
export const spaced = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export function speedCharts({ steps }: RunRecord): Chart[] {
  const speed = thinned(steps.map(({ step, samplesPerSecond }) => [step, samplesPerSecond]));
  const waiting = thinned(steps.map(({ step, waiting }) => [step, 100 * waiting]));
  return [
    chart("Speed", "samples per second", [{ name: "samples per second", points: speed }], true),
    waiting.some(([, share]) => share > 0)
      ? chart("Waiting for data", "% of the time", [{ name: "waiting for data", points: waiting }], true)
      : null,
  ].filter((one): one is Chart => one !== null);
}

/** Gradient norms and update ratios by layer, where there is telemetry. */
export function telemetryCharts({ telemetry }: RunRecord): Chart[] {
  const paths = [...new Set(telemetry.flatMap(({ layers }) => layers.map(({ path }) => path)))];
  const by = (measure: (layer: RunRecord["telemetry"][number]["layers"][number]) => number) =>
    paths.map((path) => ({
      name: path === "" ? "the model" : path,
      points: thinned(
        telemetry.map(({ step, layers }) => {
          const layer = layers.find((one) => one.path === path);
          return [step, layer === undefined ? Number.NaN : measure(layer)];
        }),
      ),
    }));
  return [
    chart(
      "Gradient norms by layer",
      "norm",
      by(({ gradientNorm }) => gradientNorm),
    ),
    chart(
      "Update ratios by layer",
      "norm of the update / norm of the weights",
      by(({ updateNorm, weightNorm }) => updateNorm / weightNorm),
    ),
  ].filter((one): one is Chart => one !== null);
}
