/** Activations: elementwise functions of a tensor, for use in a Sequential or by themselves. */
import { relu, sigmoid, softmax, type Tensor, tanh, where } from "../engine/tensor/index.ts";

export { relu, sigmoid, softmax, tanh };

/** x. */
export const identity = (x: Tensor): Tensor => x;

/** max(x, 0) + slope * min(x, 0). Maas et al. 2013. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return where(x.gt(0), x, x.mul(slope));
}

/** e^x - 1 for x <= 0, exact near 0 where exp(x) - 1 cancels: with t = tanh(x / 2), e^x - 1 = 2 t / (1 - t). */
function expMinusOne(x: Tensor): Tensor {
  const t = x.mul(0.5).tanh();
  return t.add(t).div(t.neg().add(1));
}

/** x where x > 0, else alpha (e^x - 1). Clevert et al. 2015. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return where(x.gt(0), x, expMinusOne(x.minimum(0)).mul(alpha));
}

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

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

/** log(1 + e^x), as max(x, 0) + log(1 + e^-|x|), which does not overflow. */
export function softplus(x: Tensor): Tensor {
  return x.maximum(0).add(x.abs().neg().exp().add(1).log());
}

/** x * tanh(softplus(x)). Misra 2019. */
export function mish(x: Tensor): Tensor {
  return x.mul(softplus(x).tanh());
}
