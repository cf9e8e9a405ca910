/** What a race tells: settings, their curves, the finalists with their evidence. Plain data: it can be sent and stored as it is. */

export interface Setting {
  readonly optimizer: string;
  readonly learningRate: number;
  readonly batchSize: number;
}

export interface CurvePoint {
  readonly step: number;
  /** Of training; compilation and evaluations aside. */
  readonly seconds: number;
  /** Of the validation data; infinite when it diverged. */
  readonly loss: number;
}

export interface Trial extends Setting {
  /** Measured after each of its rounds and epochs. */
  readonly curve: readonly CurvePoint[];
  /** The least on the way, which early stopping keeps; infinite when it diverged, failed or was not measured. */
  readonly loss: number;
  /** Of its last measurement. */
  readonly steps: number;
  readonly seconds: number;
  /** The optimizer's state. */
  readonly stateBytes: number;
  readonly diverged: boolean;
  /** Why it could not go on: what its model, loss or optimizer threw, or how its process ended. */
  readonly error: string | null;
}

/** When a finalist first was at the target loss or below, on average over those of its seeds that came there. */
export interface Reached {
  /** How many seeds did. */
  readonly seeds: number;
  /** Between two measurements, on the line through them; null when no seed did. */
  readonly steps: number | null;
  readonly seconds: number | null;
}

export interface Finalist extends Setting {
  /** The least of each seed, on the way through equally many rows. */
  readonly losses: readonly number[];
  readonly mean: number;
  /** Deviation of the losses over seeds. */
  readonly deviation: number;
  /** Of each run. */
  readonly steps: number;
  /** Of a run's training, on average. */
  readonly seconds: number;
  /** Of each seed, measured at the same steps. */
  readonly curves: readonly (readonly CurvePoint[])[];
  /** The optimizer's state, per number trained. */
  readonly stateBytesPerParameter: number;
  readonly reached: Reached;
}

export interface Round {
  /** Settings that took part. */
  readonly settings: number;
  /** On how many rows each has trained in all by its end; rows are counted anew in each epoch. */
  readonly rows: number;
  /** From the start of the race to its end. */
  readonly seconds: number;
}

export interface CompareResult {
  /** All, the best first: later rounds before earlier ones, then by loss. */
  readonly trials: readonly Trial[];
  readonly rounds: readonly Round[];
  /** The two best with several seeds, the better first; one when there was one setting, none when interrupted before. */
  readonly finalists: readonly Finalist[];
  /** Null when the race was interrupted before anything was measured. */
  readonly winner: Setting | null;
  /** Welch's test of the finalists' losses: how probable such a difference is where there is none. Null without two runs of each. */
  readonly p: number | null;
  /** Whether p is above 0.05; null where it is not known. */
  readonly insideNoise: boolean | null;
  /** The loss that `reached` is about. */
  readonly target: number | null;
  readonly seconds: number;
}

export const settingOf = ({ optimizer, learningRate, batchSize }: Setting): Setting => ({
  optimizer,
  learningRate,
  batchSize,
});
