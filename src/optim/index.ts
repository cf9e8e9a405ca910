export { type AdadeltaOptions, adadelta } from "./adadelta.ts";
export { type AdafactorOptions, adafactor } from "./adafactor.ts";
export { type AdagradOptions, adagrad } from "./adagrad.ts";
export { type AdamWOptions, adam, adamW } from "./adam.ts";
export { type AdamaxOptions, adamax } from "./adamax.ts";
export { chain } from "./chain.ts";
export { type DadaptAdamWOptions, dadaptAdamW } from "./dadapt-adamw.ts";
export type { DecayOptions } from "./descend.ts";
export { type Hyper, hyperparameters, setHyperparameter } from "./hyper.ts";
export { type LambOptions, lamb } from "./lamb.ts";
export { type LarsOptions, lars } from "./lars.ts";
export { adaptiveGradientClip } from "./links/adaptive-gradient-clip.ts";
export { addDecayedWeights, type Mask } from "./links/add-decayed-weights.ts";
export { clipByGlobalNorm, clipByValue, globalNorm } from "./links/clip.ts";
export { clipByBlockRms, clipByNorm } from "./links/clip-by-norm.ts";
export { relativeStep } from "./links/relative-step.ts";
export { type ScaleByAdadeltaOptions, scaleByAdadelta } from "./links/scale-by-adadelta.ts";
export { type ScaleByAdagradOptions, scaleByAdagrad } from "./links/scale-by-adagrad.ts";
export { type AdamOptions, scaleByAdam } from "./links/scale-by-adam.ts";
export { type ScaleByAdamaxOptions, scaleByAdamax } from "./links/scale-by-adamax.ts";
export { type FactoredRmsOptions, scaleByFactoredRms } from "./links/scale-by-factored-rms.ts";
export { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
export { type ScaleByLionOptions, scaleByLion } from "./links/scale-by-lion.ts";
export { type ScaleByNadamOptions, scaleByNadam } from "./links/scale-by-nadam.ts";
export { type ScaleByRadamOptions, scaleByRadam } from "./links/scale-by-radam.ts";
export { type RmsOptions, scaleByRms } from "./links/scale-by-rms.ts";
export { scaleByTrustRatio, type TrustRatioOptions } from "./links/scale-by-trust-ratio.ts";
export { type MomentumOptions, traceMomentum } from "./links/trace-momentum.ts";
export { type LionOptions, lion } from "./lion.ts";
export { type NadamOptions, nadam } from "./nadam.ts";
export { applyUpdates, type Optimizer, type State, type TensorTree } from "./optimizer.ts";
export { type ProdigyOptions, prodigy } from "./prodigy.ts";
export { type RadamOptions, radam } from "./radam.ts";
export { type RmspropOptions, rmsprop } from "./rmsprop.ts";
export { type RpropOptions, rprop } from "./rprop.ts";
export { evaluationParams, type ScheduleFreeOptions, scheduleFree } from "./schedule-free.ts";
export {
  type ScheduleFreeAdamWOptions,
  type ScheduleFreeSgdOptions,
  scheduleFreeAdamW,
  scheduleFreeSgd,
} from "./schedule-free-optimizers.ts";
export * from "./schedules/index.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
