/** Initialisers: how a parameter starts, as functions of a key and a shape. */
import { random, type Tensor, tensor } from "../engine/tensor/index.ts";
import { ConfigError, type Shape, sizeOf } from "../util/index.ts";

/** Fresh values, f32, on the key's device. Equal keys give equal values. */
export type Initializer = (key: Tensor, shape: Shape) => Tensor;

/** `value` everywhere. */
export const constant =
  (value: number): Initializer =>
  (key, shape) =>
    tensor(new Float32Array(sizeOf(shape)).fill(value), { shape, device: key.device });
export const zeros: Initializer = constant(0);
export const ones: Initializer = constant(1);

/** U(low, high). */
export const uniform =
  (low = -0.05, high = 0.05): Initializer =>
  (key, shape) =>
    random
      .uniform(key, shape)
      .mul(high - low)
      .add(low);

/** N(mean, deviation^2). */
export const normal =
  (deviation = 0.05, mean = 0): Initializer =>
  (key, shape) =>
    random.normal(key, shape).mul(deviation).add(mean);

/** N(mean, deviation^2) without what lies more than two deviations off; `deviation` is that before cutting. */
export const truncatedNormal =
  (deviation = 0.05, mean = 0): Initializer =>
  (key, shape) =>
    random.truncatedNormal(key, shape).mul(deviation).add(mean);

/**
 * Inputs and outputs of one unit. A weight is [...kernel, in, out]: fanIn = product of kernel * in, fanOut = product of kernel * out.
 * Throws ConfigError below two axes.
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const [input, output] = shape.slice(-2);
  if (input === undefined || output === undefined) {
    throw new ConfigError(
      `initialiser: a weight must have at least two axes, [...kernel, in, out]; got [${shape}]. Use zeros, uniform or normal for vectors.`,
    );
  }
  const kernel = shape.slice(0, -2).reduce((product, dim) => product * dim, 1);
  return { fanIn: kernel * input, fanOut: kernel * output };
}

/** Variance scale / n, where n is one of the fans or their mean. */
type Mode = "fanIn" | "fanOut" | "fanAverage";
type Distribution = "uniform" | "normal" | "truncatedNormal";

/** The deviation of N(0, 1) cut at two: a truncated normal is widened by it so that the variance is what was asked for. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

/**
 * Weights of variance `scale / n`: uniform in +-sqrt(3 scale / n), or (truncated) normal.
 * The named initialisers below are cases of it.
 */
export function varianceScaling(scale: number, mode: Mode, distribution: Distribution): Initializer {
  return (key, shape) => {
    const { fanIn, fanOut } = fans(shape);
    const n = mode === "fanIn" ? fanIn : mode === "fanOut" ? fanOut : (fanIn + fanOut) / 2;
    const deviation = Math.sqrt(scale / Math.max(1, n));
    switch (distribution) {
      case "uniform":
        return uniform(-Math.sqrt(3) * deviation, Math.sqrt(3) * deviation)(key, shape);
      case "normal":
        return normal(deviation)(key, shape);
      case "truncatedNormal":
        return truncatedNormal(deviation / TRUNCATED_DEVIATION)(key, shape);
      default:
        return distribution satisfies never;
    }
  };
}

/** U(+-sqrt(6 / (fanIn + fanOut))). Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010. */
export const xavierUniform = varianceScaling(1, "fanAverage", "uniform");
/** N(0, 2 / (fanIn + fanOut)). Glorot and Bengio 2010. */
export const xavierNormal = varianceScaling(1, "fanAverage", "normal");
/** U(+-sqrt(6 / fanIn)), for relu. He et al., "Delving Deep into Rectifiers", 2015. */
export const heUniform = varianceScaling(2, "fanIn", "uniform");
/** N(0, 2 / fanIn), for relu. He et al. 2015. */
export const heNormal = varianceScaling(2, "fanIn", "normal");
/** U(+-sqrt(3 / fanIn)). LeCun et al., "Efficient BackProp", 1998. */
export const lecunUniform = varianceScaling(1, "fanIn", "uniform");
/** N(0, 1 / fanIn), for selu. LeCun et al. 1998; Klambauer et al. 2017. */
export const lecunNormal = varianceScaling(1, "fanIn", "normal");
