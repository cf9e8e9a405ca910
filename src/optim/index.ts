export { type AdamWOptions, adam, adamW } from "./adam.ts";
export { chain } from "./chain.ts";
export { accumulate } from "./combine/accumulate.ts";
export { averagedParameters, type EmaOptions, ema, type SwaOptions, swa } from "./combine/averages.ts";
export { type LookaheadOptions, lookahead } from "./combine/lookahead.ts";
export { type Part, partition } from "./combine/partition.ts";
export { type SamOptions, sam } from "./combine/sharpness-aware.ts";
export { switchAt } from "./combine/switch-at.ts";
export * from "./evolution/index.ts";
export { type Hyper, hyperparameters, setHyperparameter } from "./hyper.ts";
export { addDecayedWeights, type Mask } from "./links/add-decayed-weights.ts";
export { centralise } from "./links/centralise.ts";
export { clipByGlobalNorm, clipByValue, globalNorm } from "./links/clip.ts";
export {
  type ConstraintOptions,
  clampParameters,
  maxNorm,
  nonNegative,
  unitNorm,
} from "./links/constrain.ts";
export { type GradientNoiseOptions, gradientNoise } from "./links/gradient-noise.ts";
export { type ProximalOptions, proximal } from "./links/proximal.ts";
export { type AdamOptions, scaleByAdam } from "./links/scale-by-adam.ts";
export { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
export { type RmsOptions, scaleByRms } from "./links/scale-by-rms.ts";
export { type MomentumOptions, traceMomentum } from "./links/trace-momentum.ts";
export { applyUpdates, type Optimizer, type State, type TensorTree } from "./optimizer.ts";
export { elasticNet, l1Penalty, l2Penalty, type PenaltyOptions } from "./penalties.ts";
export { type RmspropOptions, rmsprop } from "./rmsprop.ts";
export * from "./schedules/index.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
