export { type CmaOptions, type CmaState, cmaES } from "./cma-es.ts";
export type { Evolution, EvolutionState, Found } from "./evolution.ts";
export { type Crossover, type GeneticOptions, type GeneticState, genetic } from "./genetic.ts";
export { evolutionFromJson, evolutionToJson } from "./json.ts";
export {
  type BatchObjective,
  type GenerationReport,
  type MinimiseOptions,
  type Minimum,
  minimise,
  type Objective,
} from "./minimise.ts";
export { type MuLambdaOptions, type MuLambdaState, muLambda } from "./mu-lambda.ts";
export { type OpenaiOptions, type OpenaiState, openaiES } from "./openai-es.ts";
export { parametersToVector, vectorToParameters } from "./vectors.ts";
