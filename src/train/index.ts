export type { MetricName } from "../metrics/index.ts";
export { nearest, suggestion } from "../util/index.ts";
export { type BatchSize, firstBatchSize, type LearningRateScaling } from "./batch-size.ts";
export { type CheckpointOptions, checkpoint } from "./checkpoint.ts";
export {
  type CompareOptions,
  type CompareParts,
  type CompareResult,
  type CurvePoint,
  compare,
  type Finalist,
  type Setting,
  type Trial,
} from "./compare.ts";
export { type ConvergenceOptions, convergence } from "./convergence.ts";
export { type EarlyStoppingOptions, earlyStopping } from "./early-stopping.ts";
export {
  type BatchRecord,
  type Callback,
  type EpochRecord,
  type Events,
  monitored,
  type Plan,
  type Position,
  type Run,
  type Scores,
} from "./events.ts";
export {
  defineExperiment,
  type Experiment,
  type ExperimentData,
  experimentData,
  experimentModel,
} from "./experiment.ts";
export { formatRate, formatScore, formatScores, formatSeconds } from "./format.ts";
export { history } from "./history.ts";
export {
  type LrFindOptions,
  type LrFindParts,
  type LrFindResult,
  type LrPoint,
  lrFind,
} from "./lr-find.ts";
export { type NoiseScale, type NoiseScaleOptions, noiseScale } from "./noise-scale.ts";
export { type ProgressOptions, progress } from "./progress.ts";
export { type ReduceOnPlateauOptions, reduceOnPlateau } from "./reduce-on-plateau.ts";
export type { Loss, LossContext, PlainLoss } from "./steps.ts";
export {
  type FitOptions,
  type FitResult,
  metricNames,
  Trainer,
  type TrainerOptions,
} from "./trainer.ts";
