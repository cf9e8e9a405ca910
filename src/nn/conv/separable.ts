/** Depthwise and separable convolution: each channel by itself, then channels among each other. */
import type { PerAxis, Tensor } from "../../engine/tensor/index.ts";
import type { Context } from "../context.ts";
import { positive } from "../images.ts";
import { heUniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Conv2d, type ConvLayerOptions } from "./conv.ts";

export interface DepthwiseOptions extends Omit<ConvLayerOptions, "groups"> {
  /** Outputs for each channel. Default 1. */
  readonly depthMultiplier?: number;
}

/**
 * A convolution with a group for each channel: output c * depthMultiplier + m sees channel c alone.
 * [batch, height, width, channels] -> [batch, ...out, channels * depthMultiplier]. The weight is [kernel height, kernel width, 1,
 * channels * depthMultiplier], which in memory is Keras' [height, width, channels, depthMultiplier].
 *
 * kernel height * kernel width * channels * depthMultiplier + as many biases as outputs.
 * @throws ConfigError and ShapeError as `Conv2d`.
 * @example new DepthwiseConv2d(64, 3, { padding: "same" }); // [8,32,32,64] -> [8,32,32,64]
 */
export class DepthwiseConv2d extends Conv2d {
  constructor(channels: number, kernel: PerAxis, options: DepthwiseOptions = {}) {
    const { depthMultiplier = 1, ...rest } = options;
    positive("DepthwiseConv2d", "channels", channels);
    positive("DepthwiseConv2d", "depthMultiplier", depthMultiplier);
    super(channels, channels * depthMultiplier, kernel, { ...rest, groups: channels });
  }
}

export interface SeparableOptions extends DepthwiseOptions {
  /** Of the 1 x 1 convolution; `weightInit` is the depthwise one's. Default heUniform. */
  readonly pointwiseInit?: ConvLayerOptions["weightInit"];
}

/**
 * A depthwise convolution, then one of 1 x 1 over all channels, with one bias at the end: far fewer parameters and multiplications
 * than a full kernel. [batch, height, width, inputs] -> [batch, ...out, outputs].
 *
 * kernel height * kernel width * inputs * depthMultiplier + inputs * depthMultiplier * outputs + outputs parameters.
 * Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.
 * @throws ConfigError and ShapeError as `Conv2d`.
 * @example new SeparableConv2d(64, 128, 3, { padding: "same" }); // [8,32,32,64] -> [8,32,32,128]
 */
export class SeparableConv2d extends Module {
  readonly depthwise: DepthwiseConv2d;
  readonly pointwise: Conv2d;

  constructor(inputs: number, outputs: number, kernel: PerAxis, options: SeparableOptions = {}) {
    super();
    const { bias = true, biasInit, pointwiseInit = heUniform, depthMultiplier = 1, ...rest } = options;
    positive("SeparableConv2d", "outputs", outputs);
    this.depthwise = new DepthwiseConv2d(inputs, kernel, { ...rest, depthMultiplier, bias: false });
    const own = { bias, weightInit: pointwiseInit, ...(biasInit && { biasInit }) };
    this.pointwise = new Conv2d(inputs * depthMultiplier, outputs, 1, own);
  }

  forward(x: Tensor, ctx?: Context): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x, ctx), ctx);
  }
}
