/** Activations: elementwise functions of a tensor, for use in a Sequential or by themselves. */
import {
  customGradient,
  logSoftmax,
  relu,
  sigmoid,
  softmax,
  type Tensor,
  tanh,
  where,
} from "../engine/tensor/index.ts";

export { logSoftmax, relu, sigmoid, softmax, tanh };

/** x. */
export const identity = (x: Tensor): Tensor => x;

/** max(x, 0) + slope * min(x, 0). Maas et al. 2013. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return where(x.gt(0), x, x.mul(slope));
}

/** x where x > 0, else alpha (e^x - 1). Clevert et al. 2015. */
export function elu(x: Tensor, alpha = 1): Tensor {
  const positive = x.gt(0);
  // exp of a large x would be Infinity, and spoil the gradient of the branch not taken.
  return where(positive, x, where(positive, 0, x).expm1().mul(alpha));
}

export const SELU_ALPHA = 1.6732632423543772;
export const SELU_SCALE = 1.0507009873554805;

/** scale * elu(x, alpha), whose constants make activations keep mean 0 and variance 1. Klambauer et al. 2017. */
export function selu(x: Tensor): Tensor {
  return elu(x, SELU_ALPHA).mul(SELU_SCALE);
}

/** x * Phi(x) = x (1 + erf(x / sqrt 2)) / 2. Hendrycks and Gimpel 2016; the exact form. */
export function gelu(x: Tensor): Tensor {
  return x.mul(x.mul(Math.SQRT1_2).erf().add(1)).mul(0.5);
}

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2: gelu's older approximation, for weights trained with it (GPT-2, BERT). */
export function geluTanh(x: Tensor): Tensor {
  const inner = x
    .mul(x)
    .mul(0.044715)
    .add(1)
    .mul(x)
    .mul(Math.sqrt(2 / Math.PI));
  return x.mul(inner.tanh().add(1)).mul(0.5);
}

/** x * sigmoid(x), also called swish. Elfwing et al. 2017; Ramachandran et al. 2017. */
export function silu(x: Tensor): Tensor {
  return x.mul(sigmoid(x));
}

/** log(1 + e^x), as max(x, 0) + log(1 + e^-|x|), which does not overflow; the derivative is sigmoid(x). */
export const softplus: (x: Tensor) => Tensor = customGradient(
  (x) => x.maximum(0).add(x.abs().neg().exp().log1p()),
  (g, [x]) => [g.mul(sigmoid(x as Tensor))],
  "softplus",
);

/** x * tanh(softplus(x)). Misra 2019. */
export function mish(x: Tensor): Tensor {
  return x.mul(softplus(x).tanh());
}

/** log(sigmoid(x)) = -softplus(-x), which does not underflow. */
export function logSigmoid(x: Tensor): Tensor {
  return softplus(x.neg()).neg();
}

/** x / (1 + |x|); the derivative is 1 / (1 + |x|)^2. Bergstra et al. 2009. */
export const softsign: (x: Tensor) => Tensor = customGradient(
  (x) => x.div(x.abs().add(1)),
  (g, [x]) => [g.div((x as Tensor).abs().add(1).square())],
  "softsign",
);

/** x limited to [low, high], of derivative 0 at and beyond them. Collobert 2004. */
export function hardTanh(x: Tensor, low = -1, high = 1): Tensor {
  return where(x.le(low), low, where(x.ge(high), high, x));
}

/** max(0, min(x, 6)). Krizhevsky 2010; Howard et al. (MobileNet) 2017. */
export function relu6(x: Tensor): Tensor {
  return hardTanh(x, 0, 6);
}

/** x / 6 + 1 / 2 limited to [0, 1], as in PyTorch and MobileNetV3 (Courbariaux et al. 2015, and older Keras: x / 5 + 1 / 2). */
export function hardSigmoid(x: Tensor): Tensor {
  return where(x.le(-3), 0, where(x.ge(3), 1, x.mul(1 / 6).add(0.5)));
}

/** x * hardSigmoid(x). Howard et al., "Searching for MobileNetV3", 2019. */
export function hardSwish(x: Tensor): Tensor {
  return x.mul(hardSigmoid(x));
}
