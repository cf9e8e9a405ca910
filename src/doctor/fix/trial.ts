/** Trials: an experiment as it is and with remedies, trained alike from several seeds, and whether the difference is more than noise. */
import { Dataset, split } from "../../data/index.ts";
import {
  type Experiment,
  type ExperimentData,
  experimentData,
  experimentModel,
  mean,
  Trainer,
  welch,
} from "../../train/index.ts";
import { NablaError } from "../../util/index.ts";
import { modelFacts } from "../model-facts.ts";
import { sized } from "../probe.ts";
import type { Remedy } from "../remedy.ts";
import { applyRemedies } from "./apply.ts";

export interface TrialOptions {
  /** Training steps of the experiment as it is; with other batches, as many rows. Default 300. */
  readonly steps?: number;
  readonly signal?: AbortSignal;
}

/** Losses by seed; Infinity where a run failed. */
export interface Comparison {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Of Welch's test that both have one mean; null where a run failed. */
  readonly p: number | null;
  readonly helps: boolean;
  readonly hurts: boolean;
}

/** Where there is no validation part, a fifth of the rows is held out, in all trials the same. */
export async function trialData(experiment: Experiment): Promise<ExperimentData> {
  const data = await experimentData(experiment);
  if (data.validation !== undefined || data.test !== undefined || !(data.train instanceof Dataset))
    return data;
  const [train, validation] = split(data.train, 0.8, experiment.seed ?? 0);
  return { ...data, train, validation };
}

/**
 * The validation loss after a short training, in units of what the best constant output would have (so that targets may be scaled
 * otherwise). Infinity where training fails.
 */
export async function trial(
  experiment: Experiment,
  data: ExperimentData,
  remedies: readonly Remedy[],
  seed: number,
  { steps = 300, signal }: TrialOptions = {},
): Promise<number> {
  const batchSize = typeof experiment.batchSize === "number" ? experiment.batchSize : 32;
  const part = sized(experiment, data, steps * batchSize);
  const rows = part.train instanceof Dataset ? part.train.length : steps * batchSize;
  const epochs = Math.max(1, Math.round((steps * batchSize) / rows));
  const changed = applyRemedies({ ...experiment, data: { ...data, ...part }, callbacks: [], seed }, remedies);
  try {
    const { train, validation, test } = await experimentData(changed);
    const held = validation ?? test;
    if (held === undefined || !(train instanceof Dataset)) return Number.POSITIVE_INFINITY;
    const { loss, optimizer, callbacks, shuffle, sampler, dropLast, augment, learningRateScaling } = changed;
    const { baseline } = await modelFacts({ model: experimentModel(changed), loss, seed }, train);
    const trainer = new Trainer({ model: experimentModel(changed), loss, optimizer, seed, callbacks });
    await trainer.fit(train, {
      epochs,
      batchSize: changed.batchSize ?? 32,
      validation: callbacks && callbacks.length > 0 ? held : undefined,
      shuffle,
      sampler,
      dropLast,
      augment,
      learningRateScaling,
      signal,
    });
    const reached = (await trainer.evaluate(held)).loss / (baseline && baseline > 0 ? baseline : 1);
    return Number.isFinite(reached) ? reached : Number.POSITIVE_INFINITY;
  } catch (error) {
    if (error instanceof NablaError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** One after the other: trials share the machine's threads. */
export async function inOrder(
  seeds: readonly number[],
  run: (seed: number) => Promise<number>,
): Promise<number[]> {
  const losses: number[] = [];
  for (const seed of seeds) losses.push(await run(seed));
  return losses;
}

/** The experiment as it is beside the same with remedies, from each of the seeds. Throws what making data and model throws. */
export async function compareRemedies(
  experiment: Experiment,
  remedies: readonly Remedy[],
  seeds: readonly number[],
  options: TrialOptions = {},
): Promise<Comparison> {
  const data = await trialData(experiment);
  const before = await inOrder(seeds, (seed) => trial(experiment, data, [], seed, options));
  return compareLosses(
    before,
    await inOrder(seeds, (seed) => trial(experiment, data, remedies, seed, options)),
  );
}

/** A smaller gain is not worth a change, even where seeds hardly differ. */
const LEAST_GAIN = 0.02;

/** Seeds a side from which on a whole side below the other is beyond chance: 2 of the 70 orders of 4 and 4 (Wilcoxon 1945). */
const SEPARATING = 4;

/** Whether all of `low` lie below all of `high`, and are enough for that to count. */
const below = (low: readonly number[], high: readonly number[]): boolean =>
  Math.min(low.length, high.length) >= SEPARATING && Math.max(...low) < Math.min(...high);

/** Whether `after` is better, or worse, beyond the noise of seeds: by Welch's test, or where the sides do not overlap. */
export function compareLosses(before: readonly number[], after: readonly number[]): Comparison {
  const failures = (list: readonly number[]) => list.filter((loss) => !Number.isFinite(loss)).length;
  const [lost, lostAfter] = [failures(before), failures(after)];
  if (lost > 0 || lostAfter > 0) {
    const trains = lost > before.length / 2 || below(after, before);
    return { before, after, p: null, helps: lostAfter === 0 && trains, hurts: lostAfter > lost };
  }
  // Of logarithms: a loss that is a hundred times another's must not pass for mere spread.
  const positive = [...before, ...after].every((loss) => loss > 0);
  const [a, b] = positive ? [before.map(Math.log), after.map(Math.log)] : [before, after];
  const p = welch(a, b);
  const [old, now] = [mean(before), mean(after)];
  const likely = p !== null && p < 0.05;
  const gain = now < old - LEAST_GAIN * Math.abs(old);
  return {
    before,
    after,
    p,
    helps: gain && (likely || below(after, before)),
    hurts: now > old && (likely || below(before, after)),
  };
}
