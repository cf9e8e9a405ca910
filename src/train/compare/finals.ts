/** The finals: the best settings train anew with several seeds, measured on the way; what that shows of each. */
import type { Leg } from "./lane.ts";
import { type CurvePoint, type Finalist, type Reached, type Setting, settingOf } from "./result.ts";
import { mean, variance } from "./welch.ts";

/** Measurements of each run, at equal distances. */
const measurements = 12;

/** Where on the way to `rows` to measure, in multiples of `grain` but for the last. */
export function measuringPoints(rows: number, grain: number): number[] {
  const at = Array.from({ length: measurements - 1 }, (_, i) =>
    Math.max(grain, Math.round((rows * (i + 1)) / measurements / grain) * grain),
  );
  return [...new Set([...at, rows])].filter((point) => point <= rows);
}

/** The least loss on the way, which early stopping keeps. */
export const least = (curve: readonly CurvePoint[]): number => Math.min(...curve.map(({ loss }) => loss));

/** What the whole runs of one setting show; null where there is none. */
export function finalistOf(setting: Setting, legs: readonly Leg[]): Finalist | null {
  const [first] = legs;
  if (first === undefined) return null;
  const last = legs.map(({ points }) => points.at(-1) as CurvePoint);
  const losses = legs.map(({ points }) => least(points));
  return {
    ...settingOf(setting),
    losses,
    mean: mean(losses),
    deviation: Math.sqrt(variance(losses)),
    steps: (last[0] as CurvePoint).step,
    seconds: mean(last.map(({ seconds }) => seconds)),
    curves: legs.map(({ points }) => points),
    stateBytesPerParameter: first.stateBytes / first.parameters,
    reached: { seeds: 0, steps: null, seconds: null },
  };
}

/** Where the curves first come to `target`. */
export function reach(curves: readonly (readonly CurvePoint[])[], target: number): Reached {
  const at = curves.flatMap((curve) => crossing(curve, target) ?? []);
  if (at.length === 0) return { seeds: 0, steps: null, seconds: null };
  return {
    seeds: at.length,
    steps: mean(at.map(({ step }) => step)),
    seconds: mean(at.map(({ seconds }) => seconds)),
  };
}

function crossing(curve: readonly CurvePoint[], target: number): { step: number; seconds: number } | null {
  const index = curve.findIndex(({ loss }) => loss <= target);
  const [before, after] = [curve[index - 1], curve[index]];
  if (after === undefined) return null;
  if (before === undefined || !Number.isFinite(before.loss)) return after;
  const part = (before.loss - target) / (before.loss - after.loss);
  return {
    step: before.step + part * (after.step - before.step),
    seconds: before.seconds + part * (after.seconds - before.seconds),
  };
}
