export { type AdadeltaOptions, adadelta } from "./adadelta.ts";
export { type AdafactorOptions, adafactor } from "./adafactor.ts";
export { type AdagradOptions, adagrad } from "./adagrad.ts";
export { type AdamWOptions, adam, adamW } from "./adam.ts";
export { type AdamaxOptions, adamax } from "./adamax.ts";
export { chain } from "./chain.ts";
export { accumulate } from "./combine/accumulate.ts";
export { type EmaOptions, ema, type SwaOptions, swa } from "./combine/averages.ts";
export { type LayerWiseOptions, layerWise } from "./combine/layer-wise.ts";
export { type LookaheadOptions, lookahead } from "./combine/lookahead.ts";
export { type Part, partition } from "./combine/partition.ts";
export { perParameter } from "./combine/per-parameter.ts";
export { scaleByPath } from "./combine/scale-by-path.ts";
export { type SamOptions, sam, sharpnessAware } from "./combine/sharpness-aware.ts";
export { switchAt } from "./combine/switch-at.ts";
export { type DadaptAdamWOptions, dadaptAdamW } from "./dadapt-adamw.ts";
export type { DecayOptions } from "./descend.ts";
export { type Alternation, type Edge, edgeOfStability } from "./edge-of-stability.ts";
export {
  averagedParameters,
  evaluatedParameters,
  evaluationParams,
  keepsAverages,
  restartAverages,
} from "./evaluated.ts";
export * from "./evolution/index.ts";
export { gaussNewtonBartlett, type HessianEstimator, hessianTimes, hutchinson } from "./hessian.ts";
export { type Hyper, hyperparameters, setHyperparameter, withLearningRateTimes } from "./hyper.ts";
export { type LambOptions, lamb } from "./lamb.ts";
export { type LarsOptions, lars } from "./lars.ts";
export { type LbfgsOptions, type LbfgsResult, lbfgs } from "./lbfgs/lbfgs.ts";
export * from "./linalg/index.ts";
export { adaptiveGradientClip } from "./links/adaptive-gradient-clip.ts";
export { addDecayedWeights } from "./links/add-decayed-weights.ts";
export { centralise } from "./links/centralise.ts";
export { clipByGlobalNorm, clipByValue, globalNorm } from "./links/clip.ts";
export { clipByBlockRms, clipByNorm } from "./links/clip-by-norm.ts";
export {
  type ConstraintOptions,
  clampParameters,
  maxNorm,
  nonNegative,
  unitNorm,
} from "./links/constrain.ts";
export { type GradientNoiseOptions, gradientNoise } from "./links/gradient-noise.ts";
export { type ProximalOptions, proximal } from "./links/proximal.ts";
export { relativeStep } from "./links/relative-step.ts";
export { type ScaleByAdadeltaOptions, scaleByAdadelta } from "./links/scale-by-adadelta.ts";
export { type ScaleByAdagradOptions, scaleByAdagrad } from "./links/scale-by-adagrad.ts";
export { type AdamOptions, scaleByAdam } from "./links/scale-by-adam.ts";
export { type ScaleByAdamaxOptions, scaleByAdamax } from "./links/scale-by-adamax.ts";
export { type FactoredRmsOptions, scaleByFactoredRms } from "./links/scale-by-factored-rms.ts";
export { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
export { type ScaleByLionOptions, scaleByLion } from "./links/scale-by-lion.ts";
export { type MuonScaleOptions, newtonSchulz, scaleByMuon } from "./links/scale-by-muon.ts";
export { type ScaleByNadamOptions, scaleByNadam } from "./links/scale-by-nadam.ts";
export { type ScaleByRadamOptions, scaleByRadam } from "./links/scale-by-radam.ts";
export { type RmsOptions, scaleByRms } from "./links/scale-by-rms.ts";
export { type Grafting, type ScaleByShampooOptions, scaleByShampoo } from "./links/scale-by-shampoo.ts";
export { type ScaleBySoapOptions, scaleBySoap } from "./links/scale-by-soap.ts";
export { type ScaleBySophiaOptions, scaleBySophia } from "./links/scale-by-sophia.ts";
export { scaleByTrustRatio, type TrustRatioOptions } from "./links/scale-by-trust-ratio.ts";
export { type MomentumOptions, traceMomentum } from "./links/trace-momentum.ts";
export type { Mask, Which } from "./links/which.ts";
export { type LionOptions, lion } from "./lion.ts";
export { type MuonOptions, muon } from "./muon.ts";
export { type NadamOptions, nadam } from "./nadam.ts";
export { applyUpdates, type Optimizer, type State, type TensorTree } from "./optimizer.ts";
export { checkSteps } from "./order.ts";
export { elasticNet, l1Penalty, l2Penalty, type PenaltyOptions } from "./penalties.ts";
export { type PolyakSgdOptions, polyakSgd } from "./polyak-sgd.ts";
export { type ProdigyOptions, prodigy } from "./prodigy.ts";
export { type RadamOptions, radam } from "./radam.ts";
export { type RmspropOptions, rmsprop } from "./rmsprop.ts";
export { type RpropOptions, rprop } from "./rprop.ts";
export { type ScheduleFreeOptions, scheduleFree } from "./schedule-free.ts";
export {
  type ScheduleFreeAdamWOptions,
  type ScheduleFreeSgdOptions,
  scheduleFreeAdamW,
  scheduleFreeSgd,
} from "./schedule-free-optimizers.ts";
export { scheduleNotes } from "./schedule-notes.ts";
export * from "./schedules/index.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
export { type ShampooOptions, shampoo } from "./shampoo.ts";
export { type ShrinkAndPerturbOptions, shrinkAndPerturb } from "./shrink-and-perturb.ts";
export { type SoapOptions, soap } from "./soap.ts";
export { type SophiaOptions, sophia } from "./sophia.ts";
export type { StepContext } from "./step-context.ts";
export type { Stage, Traits } from "./traits.ts";
