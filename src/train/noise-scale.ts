/** noiseScale: batches that grow with the measured gradient noise scale. What is measured is in noise-step.ts. */
import { ConfigError } from "../util/index.ts";
import { rejectUnknown, wholeNumber } from "./options.ts";

export interface NoiseScaleOptions {
  /** The first batch size, for which the learning rate is meant. Default 32. */
  readonly min?: number;
  /** Sizes are min, 2 min, 4 min and so on, none above this. Default 1024. */
  readonly max?: number;
  /** Steps from one measurement to the next; each costs about what a step costs. Default 10. */
  readonly every?: number;
  /** Decay of the means of both measured quantities. Default 0.9. */
  readonly smoothing?: number;
  /** The size aimed at, as a share of the noise scale. Default 1. */
  readonly fraction?: number;
  /** Whether batches may become smaller again. Default false. */
  readonly shrink?: boolean;
}

/** A batch size that follows the noise; made by `noiseScale`. */
export class NoiseScale {
  constructor(readonly options: Required<NoiseScaleOptions>) {}
}

/** What has been measured so far, in plain numbers: saved with a checkpoint. */
export interface NoiseState {
  readonly size: number;
  /** Means that forget, without correction: in their quotient it cancels. */
  readonly signal: number;
  readonly noise: number;
  readonly measurements: number;
  /** The step before which the last one was made. */
  readonly step: number;
}

/** Of one measurement, both without bias: |G|^2, the squared norm of the true gradient, and tr(Sigma), the variance of a row's. */
export interface Measured {
  readonly signal: number;
  readonly noise: number;
}

/**
 * A batch size that grows from `min` to `max` as the gradient noise scale B = tr(Sigma) / |G|^2 does: the size up to which twice the rows
 * save nearly half of the steps. G is the true gradient and Sigma the covariance of the gradients of single rows.
 *
 * Before every `every`-th step the gradients g1 and g2 of the two halves (b rows each) of its batch give, without bias,
 * |G|^2 = g1 . g2 and tr(Sigma) = b |g1 - g2|^2 / 2, which is appendix A.1 of the paper for batches of b and 2b rows. Their means decay by
 * `smoothing` each by itself and are divided then. After 1 / (1 - smoothing) measurements and each further one the size goes one place
 * towards that of min, 2 min, 4 min, ... which is nearest to `fraction` B as a ratio. While the mean of |G|^2 is not above 0 it stays.
 * Training itself is untouched: the measurement is a program of its own, which keeps nothing but these numbers.
 *
 * McCandlish et al., "An empirical model of large-batch training", 2018.
 * @throws ConfigError unless min is a whole number of at least 2, max one of at least min, every one of at least 1, 0 <= smoothing < 1 and
 * fraction > 0; for an unknown option.
 * @example
 * await trainer.fit(train, { epochs: 10, batchSize: noiseScale({ min: 32, max: 1024 }) });
 */
export function noiseScale(options: NoiseScaleOptions = {}): NoiseScale {
  const op = "noiseScale";
  rejectUnknown(op, options, ["min", "max", "every", "smoothing", "fraction", "shrink"]);
  const { min = 32, max = 1024, every = 10, smoothing = 0.9, fraction = 1, shrink = false } = options;
  wholeNumber(op, "min", min, 2);
  wholeNumber(op, "max", max, min);
  wholeNumber(op, "every", every, 1);
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ConfigError(`${op}: smoothing must be at least 0 and below 1; got ${smoothing}.`);
  }
  if (!(fraction > 0 && Number.isFinite(fraction))) {
    throw new ConfigError(`${op}: fraction must be a finite number above 0; got ${fraction}.`);
  }
  if (typeof shrink !== "boolean") {
    throw new ConfigError(`${op}: shrink must be true or false; got ${String(shrink)}.`);
  }
  return new NoiseScale({ min, max, every, smoothing, fraction, shrink });
}

type Options = NoiseScale["options"];

/** The sizes there are. */
export function sizesOf({ min, max }: Options): number[] {
  const sizes: number[] = [];
  for (let size = min; size <= max; size *= 2) sizes.push(size);
  return sizes;
}

/** The place of the size that is nearest as a ratio. */
function nearestPlace(sizes: readonly number[], wanted: number): number {
  const far = (size: number): number => Math.abs(Math.log(size / wanted));
  return sizes.reduce((best, size, i) => (far(size) < far(sizes[best] as number) ? i : best), 0);
}

/** The size at a step; a state of other options counts as the nearest size of these. */
export function sizeAt(options: Options, state: NoiseState | null): number {
  if (state === null) return options.min;
  const sizes = sizesOf(options);
  return sizes[nearestPlace(sizes, state.size)] as number;
}

/** How many steps from this one on there is no measurement; 0 when it is due. */
export const untilDue = (options: Options, step: number, state: NoiseState | null): number =>
  state === null ? 0 : Math.max(0, state.step + options.every - step);

/** tr(Sigma) / |G|^2 of the means; null while that of |G|^2 is not above 0. */
export const scaleOf = (state: NoiseState | null): number | null =>
  state !== null && state.signal > 0 ? state.noise / state.signal : null;

/** The state after a measurement before `step`, with the size from that step on. */
export function after(
  options: Options,
  state: NoiseState | null,
  step: number,
  measured: Measured,
): NoiseState {
  const { smoothing, fraction, shrink } = options;
  const mean = (old: number, value: number): number => smoothing * old + (1 - smoothing) * value;
  const size = sizeAt(options, state);
  const next: NoiseState = {
    size,
    signal: mean(state?.signal ?? 0, measured.signal),
    noise: mean(state?.noise ?? 0, measured.noise),
    measurements: (state?.measurements ?? 0) + 1,
    step,
  };
  const scale = scaleOf(next);
  // A hair less than 1 / (1 - 0.9) is not 10 in binary.
  if (scale === null || next.measurements < 1 / (1 - smoothing) - 1e-9) return next;
  const sizes = sizesOf(options);
  const place = sizes.indexOf(size);
  const way = Math.sign(nearestPlace(sizes, fraction * scale) - place);
  return way < 0 && !shrink ? next : { ...next, size: sizes[place + way] as number };
}
