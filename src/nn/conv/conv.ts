/** Conv1d, Conv2d, Conv3d: convolution layers, channels last. */
import {
  type ConvPadding,
  conv,
  type PadMode,
  type PerAxis,
  pad,
  resolvePadding,
  type Tensor,
} from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { needImage, needWindows, type Pair } from "../images.ts";
import { heUniform, type Initializer, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import { convSizes } from "./sizes.ts";

export interface ConvLayerOptions {
  /** Distance between neighbouring windows. Default 1. */
  readonly stride?: PerAxis;
  /** "valid" (default): none. "same": the output has ceil(size / stride) places. A number, or `[before, after]` per spatial axis. */
  readonly padding?: ConvPadding;
  /** Distance between neighbouring taps of the kernel. Default 1. */
  readonly dilation?: PerAxis;
  /** Inputs and outputs are cut into so many groups that do not see each other. Default 1; as many as inputs: depthwise. */
  readonly groups?: number;
  /** What the padding holds. Default "zeros". */
  readonly paddingMode?: "zeros" | PadMode;
  /** Default true. Of no use before a batch norm. */
  readonly bias?: boolean;
  /** Default heUniform. */
  readonly weightInit?: Initializer;
  /** Default zeros. */
  readonly biasInit?: Initializer;
}

const modes = ["zeros", "reflect", "replicate", "circular"] as const;

/** What Conv1d, Conv2d and Conv3d share. */
export abstract class Conv extends Module {
  /** [...kernel, inputs / groups, outputs] */
  readonly weight: Parameter;
  /** [outputs] */
  readonly bias: Parameter | null;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: ConvPadding;
  readonly paddingMode: "zeros" | PadMode;
  readonly groups: number;

  constructor(
    readonly rank: 1 | 2 | 3,
    readonly inputs: number,
    readonly outputs: number,
    kernel: PerAxis,
    options: ConvLayerOptions,
  ) {
    super();
    const op = new.target.name;
    const { paddingMode = "zeros" } = options;
    const sizes = convSizes(op, rank, [inputs, outputs], kernel, options);
    this.kernel = sizes.kernel;
    this.stride = sizes.stride;
    this.dilation = sizes.dilation;
    this.padding = sizes.padding;
    this.groups = sizes.groups;
    if (!modes.includes(paddingMode)) {
      throw new ConfigError(
        `${op}: paddingMode must be one of ${modes.join(", ")}; got ${JSON.stringify(paddingMode)}.`,
      );
    }
    this.paddingMode = paddingMode;
    this.weight = new Parameter(
      [...this.kernel, inputs / this.groups, outputs],
      options.weightInit ?? heUniform,
    );
    this.bias = options.bias === false ? null : new Parameter([outputs], options.biasInit ?? zeros);
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    const { label, stride, dilation, groups, paddingMode } = this;
    needImage(label, x, this.rank, this.inputs);
    const geometry = { sizes: x.shape.slice(1, -1), window: this.kernel, stride, dilation };
    const padding = resolvePadding(label, this.padding, geometry);
    needWindows(label, "kernel", x, padding, geometry);
    const weight = this.weight.value;
    const y =
      paddingMode === "zeros"
        ? conv(x, weight, { stride, dilation, groups, padding })
        : conv(around(x, padding, paddingMode), weight, { stride, dilation, groups });
    return this.bias === null ? y : y.add(this.bias.value);
  }
}

const around = (x: Tensor, padding: readonly Pair[], mode: PadMode): Tensor =>
  pad(x, [0, ...padding, 0], mode);

/**
 * Convolution along one axis: [batch, length, inputs] -> [batch, out, outputs], out = floor((length + padding - dilation (kernel -
 * 1) - 1) / stride) + 1. Otherwise as `Conv2d`; kernel * inputs / groups * outputs + outputs parameters.
 * @example new Conv1d(64, 128, 3, { padding: "same" }); // [8,100,64] -> [8,100,128]
 */
export class Conv1d extends Conv {
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super(1, inputs, outputs, kernel, options);
  }
}

/**
 * Convolution of images: y[n, p, o] = b[o] + sum over taps t and channels c of x[n, p stride + t dilation - before, c] w[t, c, o].
 * x: [batch, height, width, inputs], w: [kernel height, kernel width, inputs / groups, outputs], b: [outputs]; per axis
 * out = floor((size + before + after - dilation (kernel - 1) - 1) / stride) + 1. Output o sees the inputs of its group alone.
 *
 * kernel height * kernel width * inputs / groups * outputs + outputs parameters. The weight starts as heUniform, by its fan in alone
 * (xavier's mean of both fans would start depthwise weights far too small), the bias as zeros.
 * PyTorch's weight, [outputs, inputs / groups, height, width], becomes this one by `.permute([2, 3, 1, 0])`.
 * LeCun et al., "Gradient-based learning applied to document recognition", 1998.
 * @throws ConfigError for sizes that are not positive integers and groups that divide not both; ShapeError in `forward` for another
 * rank or other channels, or when the kernel does not fit.
 * @example new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false }); // [8,224,224,3] -> [8,112,112,64]
 */
export class Conv2d extends Conv {
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super(2, inputs, outputs, kernel, options);
  }
}

/**
 * Convolution of volumes or clips: [batch, depth, height, width, inputs] -> [batch, ...out, outputs]. Otherwise as `Conv2d`, with
 * three axes of the kernel.
 * @example new Conv3d(3, 16, [3, 5, 5], { padding: "same" }); // [2,16,64,64,3] -> [2,16,64,64,16]
 */
export class Conv3d extends Conv {
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super(3, inputs, outputs, kernel, options);
  }
}
