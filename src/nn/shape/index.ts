export { Parallel, type ParallelOptions, Residual } from "./branches.ts";
export { Identity, Reshape, ZeroPad } from "./reshape.ts";
export { Upsample, type UpsampleMode, type UpsampleOptions } from "./upsample.ts";
