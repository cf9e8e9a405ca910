export { Conv1d, Conv2d, Conv3d, type ConvLayerOptions } from "./conv.ts";
export {
  DepthwiseConv2d,
  type DepthwiseOptions,
  SeparableConv2d,
  type SeparableOptions,
} from "./separable.ts";
export {
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./transpose.ts";
