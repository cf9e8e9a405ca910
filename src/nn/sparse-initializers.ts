/** Initialisers that place zeros: sparse, eye, dirac. */
import { arange, eye as identityMatrix, pad, random, type Tensor, where } from "../engine/tensor/index.ts";
import { ConfigError, formatShape, type Shape } from "../util/index.ts";
import { fans, type Initializer, normal } from "./initializers.ts";

/**
 * N(0, deviation^2), but for a share `sparsity` of each unit's inputs (rounded up) that is 0: each output sees as few inputs,
 * chosen at random.
 * Martens, "Deep learning via Hessian-free optimization", 2010.
 * @throws ConfigError unless 0 <= sparsity <= 1, and for fewer than two axes.
 * @example new Linear(784, 128, { weightInit: sparse(0.9) });
 */
export function sparse(sparsity: number, deviation = 0.01): Initializer {
  if (!(sparsity >= 0 && sparsity <= 1)) {
    throw new ConfigError(`sparse: sparsity must be in [0, 1]; got ${sparsity}.`);
  }
  return (key, shape) => {
    const inputs = fans(shape).fanIn;
    const [place, value] = random.split(key) as [Tensor, Tensor];
    // A random order of each unit's inputs: the first of them are 0.
    const order = random.bits(place, [inputs, shape.at(-1) as number]).argsort(0);
    const zero = order.lt(Math.ceil(sparsity * inputs)).reshape(shape);
    return where(zero, 0, normal(deviation)(value, shape));
  };
}

/**
 * gain on the diagonal, 0 elsewhere: the layer hands on what it gets, as far as sizes allow.
 * @throws ConfigError unless the weight has two axes.
 * @example new Linear(64, 64, { weightInit: eye() });
 */
export const eye =
  (gain = 1): Initializer =>
  (_, shape) => {
    const [rows, columns] = shape;
    if (shape.length !== 2) {
      throw new ConfigError(
        `eye: a weight must have two axes, [in,out]; got ${formatShape(shape)}. Use dirac() for kernels.`,
      );
    }
    return identityMatrix(rows as number, columns as number).mul(gain);
  };

/**
 * 1 at the middle of the kernel for input channel i and the i-th output channel of its group, 0 elsewhere: a convolution with padding
 * that keeps the size hands on its input. Weights are [...kernel, in / groups, out]; an even kernel's middle is the later one.
 * Zagoruyko and Komodakis, "DiracNets", 2017.
 * @throws ConfigError unless the weight has three to five axes and `groups` divides its outputs.
 * @example new Conv2d(16, 16, 3, { weightInit: dirac() });
 */
export const dirac =
  (groups = 1): Initializer =>
  (_, shape) => {
    const kernel = shape.slice(0, -2);
    const [inputs, outputs] = shape.slice(-2) as [number, number];
    if (kernel.length < 1 || kernel.length > 3) {
      throw new ConfigError(
        `dirac: a weight must have three to five axes, [...kernel,in,out]; got ${formatShape(shape)}.`,
      );
    }
    if (!Number.isInteger(groups) || groups < 1 || outputs % groups !== 0) {
      throw new ConfigError(`dirac: groups must divide the outputs, ${outputs}; got ${groups}.`);
    }
    const within = arange(outputs).remainder(outputs / groups);
    const channels = arange(inputs).unsqueeze(-1).eq(within).astype("f32");
    return inMiddle(channels, kernel);
  };

/** A matrix at the middle of the kernel, 0 elsewhere. */
function inMiddle(matrix: Tensor, kernel: Shape): Tensor {
  const sides = kernel.map((size) => [Math.floor(size / 2), size - 1 - Math.floor(size / 2)] as const);
  return pad(matrix.reshape([...kernel.map(() => 1), ...matrix.shape]), [...sides, [0, 0], [0, 0]]);
}
