/** Remedies that change an optimizer. */
import { minimum, tensor } from "../../engine/tensor/index.ts";
import {
  addDecayedWeights,
  chain,
  clipByGlobalNorm,
  hyperparameters,
  type Optimizer,
  type State,
  setHyperparameter,
  type TensorTree,
  withLearningRateTimes,
} from "../../optim/index.ts";
import { ConfigError } from "../../util/index.ts";
import type { Remedy } from "../remedy.ts";

/** Undefined for remedies of other kinds. */
export function remedyOfOptimizer(remedy: Remedy): ((optimizer: Optimizer) => Optimizer) | undefined {
  switch (remedy.kind) {
    case "learning-rate":
      return (optimizer) => ({
        ...optimizer,
        update: (grads, state, params, at) =>
          withLearningRateTimes(tensor(remedy.factor), () => optimizer.update(grads, state, params, at)),
      });
    case "warm-up":
      return (optimizer) => warmedUp(optimizer, remedy.steps);
    case "clip-gradients":
      return (optimizer) => chain(clipByGlobalNorm(remedy.maxNorm), optimizer);
    case "weight-decay":
      return (optimizer) => chain(addDecayedWeights(remedy.value), optimizer);
    case "no-weight-decay":
      return (optimizer) => ({
        ...optimizer,
        init(params) {
          const state = optimizer.init(params);
          if (!("weightDecay" in hyperparameters(state))) {
            throw new ConfigError("applyRemedies: the optimizer must have a weightDecay to be without.");
          }
          return setHyperparameter(state, "weightDecay", 0);
        },
      });
    default:
      return undefined;
  }
}

/** Its rates times min(1, (step + 1) / steps). */
function warmedUp(optimizer: Optimizer, steps: number): Optimizer {
  const traits = { name: "warmedUp", stage: "step", parts: [optimizer] } as const;
  return {
    traits,
    init: (params) => ({ inner: optimizer.init(params), count: tensor(0, { dtype: "i32" }) }),
    update<P extends TensorTree>(grads: P, state: State, params: P, at?: Parameters<Optimizer["update"]>[3]) {
      const { inner, count } = state as { inner: State; count: ReturnType<typeof tensor> };
      const factor = minimum(count.add(1).astype("f32").div(steps), 1);
      const [updates, next] = withLearningRateTimes(factor, () => optimizer.update(grads, inner, params, at));
      return [updates, { inner: next, count: count.add(1) }];
    },
  };
}
