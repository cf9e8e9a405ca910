/** Kinds of layer that the doctor tells apart. */
import { BatchNorm, Conv1d, Conv2d, Conv3d, GroupNorm, LayerNorm } from "../nn/index.ts";

export const isConv = (module: unknown): module is Conv1d | Conv2d | Conv3d =>
  module instanceof Conv1d || module instanceof Conv2d || module instanceof Conv3d;

export const isNorm = (module: unknown): boolean =>
  module instanceof BatchNorm || module instanceof LayerNorm || module instanceof GroupNorm;
