export { AdaptiveAvgPool, AdaptiveMaxPool, type AdaptiveSize } from "./adaptive.ts";
export { GlobalAvgPool, GlobalMaxPool, type GlobalPoolOptions } from "./global.ts";
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolLayerOptions,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type PoolLayerOptions,
} from "./pool.ts";
