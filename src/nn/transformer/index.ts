export { type BlockInputs, TransformerBlock, type TransformerBlockOptions } from "./block.ts";
export { FeedForward, type FeedForwardOptions } from "./feed-forward.ts";
export { type GenerateOptions, generate } from "./generate.ts";
export { type Extended, Gpt, type GptOptions } from "./gpt.ts";
