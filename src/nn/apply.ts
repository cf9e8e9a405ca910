/** apply: a model as a function of its parameters, for grad and jit. */
import type { Module, Tensors } from "./module.ts";
import { bind } from "./module.ts";

/**
 * Runs `fn` while the model's parameters are `tensors` (by path; those not named keep their values), then puts the old ones back,
 * also when `fn` throws. `fn` must be synchronous.
 * @throws ConfigError for a path the model does not have; ShapeError for another shape.
 * @example
 * const loss = (params: Tensors, x: Tensor, y: Tensor) =>
 *   apply(model, params, () => crossEntropy(model.forward(x, context({ train: true, key })), y));
 * const [value, grads] = valueAndGrad(loss)(model.parameters(), x, y);
 */
export function apply<R>(model: Module<never, unknown>, tensors: Tensors, fn: () => R): R {
  const restore = bind(model, tensors);
  try {
    return fn();
  } finally {
    restore();
  }
}
