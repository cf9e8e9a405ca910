export {
  elu,
  gelu,
  geluTanh,
  hardSigmoid,
  hardSwish,
  hardTanh,
  identity,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
} from "./activations.ts";
export { AlphaDropout, alphaDropout } from "./alpha-dropout.ts";
export { apply } from "./apply.ts";
export * from "./attention/index.ts";
export { type Context, type ContextOptions, context } from "./context.ts";
export * from "./conv/index.ts";
export { DropPath, dropPath } from "./drop-path.ts";
export { Dropout, dropout } from "./dropout.ts";
export * from "./embedding/index.ts";
export { Flatten } from "./flatten.ts";
export { geglu, glu, reglu, swiglu } from "./gated.ts";
export { GaussianNoise, gaussianNoise } from "./gaussian-noise.ts";
export {
  constant,
  fans,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  normal,
  ones,
  truncatedNormal,
  uniform,
  varianceScaling,
  xavierNormal,
  xavierUniform,
  zeros,
} from "./initializers.ts";
export type { Layer } from "./layer.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export * from "./losses/index.ts";
export * from "./model/index.ts";
export { Module, namedParameters, revisionOf, type Tensors, visitModule } from "./module.ts";
export * from "./norm/index.ts";
export { orthogonal } from "./orthogonal.ts";
export { buffer, Parameter, type ParameterOptions } from "./parameter.ts";
export * from "./pool/index.ts";
export { type PredictOptions, predict, predictRows, type RowSource } from "./predict.ts";
export { type Predictor, type PredictorOptions, predictor } from "./predictor.ts";
export { PRelu, prelu } from "./prelu.ts";
export * from "./recurrent/index.ts";
export type { Scheduled } from "./scheduled.ts";
export { Sequential } from "./sequential.ts";
export * from "./shape/index.ts";
export { dirac, eye, sparse } from "./sparse-initializers.ts";
export { SpatialDropout, spatialDropout } from "./spatial-dropout.ts";
export * from "./transformer/index.ts";
