export { Embedding, type EmbeddingOptions, type Indices, TiedOutput } from "./embedding.ts";
export {
  PositionalEmbedding,
  type PositionalEmbeddingOptions,
  SinusoidalPositions,
  type SinusoidalPositionsOptions,
  sinusoidalPositions,
} from "./positions.ts";
export { type RotaryOptions, rotary } from "./rotary.ts";
