export {
  elu,
  gelu,
  geluTanh,
  identity,
  leakyRelu,
  mish,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from "./activations.ts";
export { apply } from "./apply.ts";
export { type Context, type ContextOptions, context } from "./context.ts";
export { Dropout, dropout } from "./dropout.ts";
export { Flatten } from "./flatten.ts";
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
export { Linear, type LinearOptions } from "./linear.ts";
export * from "./losses/index.ts";
export { Module, namedParameters, type Tensors, visitModule } from "./module.ts";
export { buffer, Parameter, type ParameterOptions } from "./parameter.ts";
export { type PredictOptions, predict, predictRows, type RowSource } from "./predict.ts";
export { type Predictor, type PredictorOptions, predictor } from "./predictor.ts";
export { type Layer, Sequential } from "./sequential.ts";
export { type Summary, type SummaryRow, summary } from "./summary.ts";
