/** Evidence: what is known of a run, by looking at its parts or from what it recorded; all that rules may go by. */
import type { EpochRecord, Profile, Telemetry } from "../train/index.ts";
import type { DataFacts } from "./data-facts.ts";
import type { Look } from "./look.ts";
import type { ModelFacts } from "./model-facts.ts";

export interface Settings {
  /** Null where it follows a schedule or there is none. */
  readonly learningRate: number | null;
  /** Of the optimizer, where it has one of that name. */
  readonly weightDecay: number | null;
  /** Null where it changes. */
  readonly batchSize: number | null;
  /** Whether rows come in a new order each epoch, or by a sampler. */
  readonly shuffled: boolean;
  /** Trained on a part of the rows: how well it generalises is not known then. */
  readonly partOfRows: boolean;
}

/** A loss that was NaN or infinite. */
export interface Failure {
  /** Steps taken before. */
  readonly step: number;
  /** The operation that first made such a number, in a sentence; "" where it is not known. */
  readonly operation: string;
}

/** Of the learning-rate range test. */
export interface RangeFacts {
  readonly suggestion: number | null;
  /** Where the loss exploded; null where it did not. */
  readonly divergedAt: number | null;
}

/** How fast steps went, by the clock. */
export interface Speed {
  /** The share of their time in which they waited for data. */
  readonly waiting: number;
  /** Of training alone. */
  readonly rowsPerSecond: number;
}

export interface Evidence {
  readonly settings: Settings | null;
  readonly data: DataFacts | null;
  readonly model: ModelFacts | null;
  /** In the order of steps. */
  readonly telemetry: readonly Telemetry[];
  readonly history: readonly EpochRecord[];
  readonly failure: Failure | null;
  readonly range: RangeFacts | null;
  /** Where the loss jumped about: what its gradients and its curvature were there, the last one last. */
  readonly looks: readonly Look[];
  /** Null where nothing was timed. */
  readonly speed: Speed | null;
  /** Null where kernels were not timed. */
  readonly profile: Profile | null;
}

export const noEvidence: Evidence = {
  settings: null,
  data: null,
  model: null,
  telemetry: [],
  history: [],
  failure: null,
  range: null,
  looks: [],
  speed: null,
  profile: null,
};

/** Telemetry that is judged together: as much as the rules were made for. */
const RECENT = 60;

/** The first sample, which shows how a run began, and the last ones. */
export const recentOf = <T>(telemetry: readonly T[]): readonly T[] =>
  telemetry.length <= RECENT ? telemetry : [...telemetry.slice(0, 1), ...telemetry.slice(1 - RECENT)];

export const median = (values: readonly number[]): number => {
  const order = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (order.length === 0) return Number.NaN;
  const half = order.length >> 1;
  const [low, high] = [order[half - 1] ?? 0, order[half] ?? 0];
  return order.length % 2 === 1 ? high : (low + high) / 2;
};

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Parts of a list: from a share of it to another. */
export const between = <T>(list: readonly T[], from: number, to: number): readonly T[] =>
  list.slice(Math.floor(list.length * from), Math.max(1, Math.ceil(list.length * to)));

/** Of all layers together. */
export const totalNorm = ({ layers }: Telemetry, of: "gradientNorm" | "weightNorm" | "updateNorm"): number =>
  Math.sqrt(layers.reduce((sum, layer) => sum + layer[of] ** 2, 0));

/** |update| / |weight| of a step: the median of the layers that have weights. */
export const updateRatio = ({ layers }: Telemetry): number =>
  median(layers.flatMap(({ weightNorm, updateNorm }) => (weightNorm > 0 ? [updateNorm / weightNorm] : [])));

/** Of the loss a constant would have; null where that is not known. */
export const against = (loss: number, { model }: Pick<Evidence, "model">): number | null =>
  model?.baseline && model.baseline > 0 ? loss / model.baseline : null;

/** How a run's batch losses went: medians of its first and last parts, and whether they still fall. */
export interface Course {
  readonly first: number;
  /** Of the first third. */
  readonly early: number;
  readonly last: number;
  readonly least: number;
  /** The last third's median over that of the third before. */
  /** The least of the three thirds' medians. */
  readonly trend: number;
  /** Deviation from one measured loss to the next over their mean, in the second half. */
  readonly jitter: number;
}

/** Null below six measurements. */
export function courseOf(telemetry: readonly Pick<Telemetry, "loss">[]): Course | null {
  const losses = telemetry.map(({ loss }) => loss).filter(Number.isFinite);
  if (losses.length < 6) return null;
  const second = between(losses, 0.5, 1);
  const steps = second.slice(1).map((loss, i) => loss - (second[i] ?? loss));
  const jitter =
    Math.sqrt(mean(steps.map((step) => step ** 2)) / 2) / Math.max(1e-30, Math.abs(mean(second)));
  const thirds = [0, 1, 2].map((i) => median(between(losses, i / 3, (i + 1) / 3)));
  const [early = Number.NaN, before = Number.NaN, last = Number.NaN] = thirds;
  return {
    first: losses[0] ?? Number.NaN,
    early,
    last,
    least: Math.min(...thirds),
    trend: last / Math.max(1e-30, before),
    jitter,
  };
}

/** Whether what all rows of a batch have in common says little, for they are few. */
export const smallBatches = (settings: Settings | null): boolean =>
  settings?.batchSize != null && settings.batchSize < 16;
