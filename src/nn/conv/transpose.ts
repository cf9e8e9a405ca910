/** ConvTranspose1d, ConvTranspose2d, ConvTranspose3d: convolution turned round, for making images larger. */
import { type ConvPadding, convTranspose, type PerAxis, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, type Shape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { needImage, perSpatial } from "../images.ts";
import { heUniform, type Initializer, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import type { ConvLayerOptions } from "./conv.ts";
import { convSizes } from "./sizes.ts";

export interface ConvTransposeLayerOptions extends Omit<ConvLayerOptions, "paddingMode" | "padding"> {
  /** What the convolution that this turns round pads: places cut off here. "same": the output has size * stride places. Default "valid". */
  readonly padding?: ConvPadding;
  /** Places added after each spatial axis, below the stride. Default 0. */
  readonly outputPadding?: PerAxis;
}

/** What ConvTranspose1d, ConvTranspose2d and ConvTranspose3d share. */
export abstract class ConvTranspose extends Module {
  /** [...kernel, outputs / groups, inputs] */
  readonly weight: Parameter;
  /** [outputs] */
  readonly bias: Parameter | null;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly outputPadding: readonly number[];
  readonly padding: ConvPadding;
  readonly groups: number;

  constructor(
    readonly rank: 1 | 2 | 3,
    readonly inputs: number,
    readonly outputs: number,
    kernel: PerAxis,
    options: ConvTransposeLayerOptions,
  ) {
    super();
    const op = new.target.name;
    const sizes = convSizes(op, rank, [inputs, outputs], kernel, options);
    const { padding, stride, groups } = sizes;
    this.kernel = sizes.kernel;
    this.stride = stride;
    this.dilation = sizes.dilation;
    this.padding = padding;
    this.groups = groups;
    this.outputPadding = perSpatial(op, "outputPadding", options.outputPadding ?? 0, rank, 0);
    const below = padding === "same" ? stride.map(() => 1) : stride;
    if (this.outputPadding.some((more, axis) => more >= (below[axis] as number))) {
      throw new ConfigError(
        `${op}: outputPadding must be below the stride, and 0 for "same"; got ${formatShape(this.outputPadding)} and stride ${formatShape(stride)}.`,
      );
    }
    const shape = [...this.kernel, outputs / groups, inputs];
    this.weight = new Parameter(shape, turned(options.weightInit ?? heUniform, groups));
    this.bias = options.bias === false ? null : new Parameter([outputs], options.biasInit ?? zeros);
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    const { label, kernel, stride, dilation, outputPadding, padding, groups } = this;
    needImage(label, x, this.rank, this.inputs);
    const left = x.shape.slice(1, -1).map((size, axis) => {
      const at = (list: readonly number[]) => list[axis] as number;
      const whole = (size - 1) * at(stride) + (at(kernel) - 1) * at(dilation) + 1 + at(outputPadding);
      const cut = Array.isArray(padding) ? padding[axis] : typeof padding === "number" ? padding : 0;
      return whole - (typeof cut === "number" ? 2 * cut : cut[0] + cut[1]);
    });
    if (left.some((size) => size < 1)) {
      throw new ShapeError(
        `${label}: the padding must leave something; got padding ${JSON.stringify(padding)} for kernel ${formatShape(kernel)} on ${x.dtype}${formatShape(x.shape)}, which leaves ${formatShape(left)}.`,
      );
    }
    const options = { stride, dilation, outputPadding, padding, groups };
    const y = convTranspose(x, this.weight.value, options);
    return this.bias === null ? y : y.add(this.bias.value);
  }
}

/** The initialiser on a weight as it acts here, [...kernel, inputs / groups, outputs]: its fan in are the inputs. */
function turned(initializer: Initializer, groups: number): Initializer {
  return (key, shape: Shape) => {
    const [perGroup, inputs] = shape.slice(-2) as [number, number];
    const kernel = shape.slice(0, -2);
    const rank = kernel.length;
    const acting = initializer(key, [...kernel, inputs / groups, perGroup * groups]);
    return acting
      .reshape([...kernel, inputs / groups, groups, perGroup])
      .permute([...kernel.map((_, axis) => axis), rank + 2, rank + 1, rank])
      .reshape(shape);
  };
}

/**
 * Transposed convolution along one axis: [batch, length, inputs] -> [batch, out, outputs]. Otherwise as `ConvTranspose2d`.
 * @example new ConvTranspose1d(64, 32, 4, { stride: 2, padding: 1 }); // [8,50,64] -> [8,100,32]
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super(1, inputs, outputs, kernel, options);
  }
}

/**
 * The gradient by its input of a convolution from `outputs` to `inputs` channels: each element of x adds w times itself to a window of
 * the result. x: [batch, height, width, inputs], w: [kernel height, kernel width, outputs / groups, inputs], b: [outputs]; per axis
 * out = (size - 1) stride + dilation (kernel - 1) + 1 - before - after + outputPadding.
 *
 * kernel height * kernel width * outputs / groups * inputs + outputs parameters. The weight starts as heUniform with kernel *
 * inputs / groups as its fan in, the bias as zeros. PyTorch's weight, [inputs, outputs / groups, height, width], becomes this one by
 * `.permute([2, 3, 1, 0])`. Zeiler et al., "Deconvolutional networks", 2010.
 * @throws ConfigError for sizes that are not positive integers, groups that divide not both, an outputPadding of the stride or more;
 * ShapeError in `forward` for another rank or other channels, or when the padding leaves nothing.
 * @example new ConvTranspose2d(64, 32, 4, { stride: 2, padding: 1 }); // [8,16,16,64] -> [8,32,32,32]
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super(2, inputs, outputs, kernel, options);
  }
}

/**
 * Transposed convolution of volumes: [batch, depth, height, width, inputs] -> [batch, ...out, outputs]. Otherwise as
 * `ConvTranspose2d`, with three axes of the kernel.
 * @example new ConvTranspose3d(16, 8, 2, { stride: 2 }); // [2,8,8,8,16] -> [2,16,16,16,8]
 */
export class ConvTranspose3d extends ConvTranspose {
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super(3, inputs, outputs, kernel, options);
  }
}
