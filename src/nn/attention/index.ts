export type { KeyValueCache } from "./cache.ts";
export { causalMask, paddingMask } from "./mask.ts";
export {
  type Attended,
  type AttendTo,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from "./multi-head-attention.ts";
export { attentionFromPyTorch } from "./pytorch.ts";
export { type AttentionOptions, scaledDotProductAttention } from "./scaled-dot-product.ts";
