export type { MetricName } from "../metrics/index.ts";
export { nearest, suggestion } from "../util/index.ts";
export { NotFiniteError } from "./after-steps.ts";
export { type BatchSize, firstBatchSize, type LearningRateScaling } from "./batch-size.ts";
export type { EveryEpochsOrSteps } from "./callbacks/every.ts";
export {
  type HyperparameterRecord,
  type LearningRateMonitor,
  type LearningRateMonitorOptions,
  learningRateMonitor,
} from "./callbacks/learning-rate-monitor.ts";
export { type NanGuardOptions, nanGuard } from "./callbacks/nan-guard.ts";
export { type SamplesOptions, samples } from "./callbacks/samples.ts";
export { stepBudget } from "./callbacks/step-budget.ts";
export { timeBudget } from "./callbacks/time-budget.ts";
export { CallbackError } from "./callbacks.ts";
export { checkLabels } from "./check.ts";
export { type CheckpointOptions, checkpoint, type Every } from "./checkpoint.ts";
export {
  type CompareOptions,
  checkParts,
  compare,
  compareOn,
  type RaceLimits,
  settingsOf,
} from "./compare/compare.ts";
export { failedLeg, type Lane, type Leg, LocalLane, type Order } from "./compare/lane.ts";
export type { CompareParts } from "./compare/racer.ts";
export type {
  CompareResult,
  CurvePoint,
  Finalist,
  Reached,
  Round,
  Setting,
  Trial,
} from "./compare/result.ts";
export { verdictOf } from "./compare/verdict.ts";
export { mean, variance, welch } from "./compare/welch.ts";
export { type ConvergenceOptions, convergence } from "./convergence.ts";
export { type EarlyStoppingOptions, earlyStopping } from "./early-stopping.ts";
export {
  type BatchRecord,
  type Callback,
  type EpochRecord,
  type Events,
  type Json,
  monitored,
  type NamedPicture,
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
  inMemory,
} from "./experiment.ts";
export { formatRate, formatScore, formatScores, formatSeconds } from "./format.ts";
export { history } from "./history.ts";
export type { KeepOptions } from "./keep.ts";
export type { LoadOptions } from "./load.ts";
export {
  type LrFindOptions,
  type LrFindParts,
  type LrFindResult,
  type LrPoint,
  lrFind,
} from "./lr-find.ts";
export { type Measured, type NoiseScale, type NoiseScaleOptions, noiseScale } from "./noise-scale.ts";
export { type Precision, precisions } from "./precision.ts";
export type { Peaks } from "./profile/peaks.ts";
export {
  type Cost,
  type KernelProfile,
  type PartProfile,
  type PhaseProfile,
  type Profile,
  type Roofline,
  rooflineOf,
} from "./profile/profile.ts";
export { type ProfilerOptions, profiler } from "./profile/profiler.ts";
export { kernelRows, partRows, phaseRows, profileLines } from "./profile/words.ts";
export { type ProgressOptions, progress } from "./progress.ts";
export { type ReduceOnPlateauOptions, reduceOnPlateau } from "./reduce-on-plateau.ts";
export { compareReport } from "./report/compare-report.ts";
export { lrFindChart, lrFindReport } from "./report/lr-find-report.ts";
export { runReport } from "./report/run-report.ts";
export type { Sharpness } from "./sharpness-step.ts";
export { initialise } from "./state.ts";
export { type Loss, type LossContext, lossAt, type PlainLoss } from "./steps.ts";
export { constantOutputs, linearOutputs } from "./tabular/baselines.ts";
export { type DecideOptions, type Decisions, decide, networkOf } from "./tabular/decide.ts";
export { experimentSource } from "./tabular/experiment-source.ts";
export { experimentFolds, type FoldJob, runFold, tableFolds, tableJob } from "./tabular/folds.ts";
export { bestOf, scoresOf, type TabularScores } from "./tabular/scores.ts";
export { type TabularTask, tabularTasks } from "./tabular/task.ts";
export type {
  ActivationTelemetry,
  LayerTelemetry,
  Telemetry,
} from "./telemetry.ts";
export type { TelemetryOptions } from "./telemetry-steps.ts";
export type { Environment } from "./track/environment.ts";
export type { GitState } from "./track/git.ts";
export { type RecordOptions, recordRun, type StepRecord } from "./track/record-run.ts";
export { best, secondsOf, statusOf } from "./track/run-facts.ts";
export { type RunRecord, readRun } from "./track/run-record.ts";
export type { RunStatus } from "./track/status.ts";
export { type TensorBoardOptions, tensorBoard } from "./track/tensorboard.ts";
export { type TrackOptions, track } from "./track/track.ts";
export { type ReportData, writeReport } from "./track/write-report.ts";
export { Trainer } from "./trainer.ts";
export { type FitOptions, type FitResult, metricNames, type TrainerOptions } from "./trainer-options.ts";
export { isBatches, type TrainingData } from "./training-data.ts";
