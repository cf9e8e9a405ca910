/** Clipping of gradients, by value and by global norm. */
import { maximum, minimum, type Tensor } from "../../engine/tensor/index.ts";
import { flattenTree } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree } from "../optimizer.ts";

/** sqrt(sum over all tensors of the sum of squares): a 0-d tensor. Throws ConfigError for an empty tree. */
export function globalNorm(tree: TensorTree): Tensor {
  deviceOfTree("globalNorm", tree);
  const squares = (flattenTree(tree).leaves as Tensor[]).map((leaf) => leaf.square().sum());
  return squares.reduce((sum, next) => sum.add(next)).sqrt();
}

/**
 * u = g * min(1, maxNorm / |g|), with |g| the norm of all gradients together: the direction is kept. No state per parameter.
 * Pascanu et al., "On the difficulty of training recurrent neural networks", 2013.
 * @throws ConfigError unless maxNorm > 0.
 */
export function clipByGlobalNorm(maxNorm: Hyper): Optimizer<HyperState> {
  const hyper = hyperSet("clipByGlobalNorm", { maxNorm: [maxNorm, { above: 0 }] });
  return {
    traits: { name: "clipByGlobalNorm", stage: "gradient", schedules: hyper.schedules },
    init: (params) => hyper.init(deviceOfTree("clipByGlobalNorm", params)),
    update(grads, state) {
      const now = hyper.at(state);
      const limit = now.value("maxNorm");
      const scale = limit.div(maximum(globalNorm(grads), limit));
      return [mapTensors("clipByGlobalNorm", (g) => g.mul(scale), grads), now.next];
    },
  };
}

/**
 * u = min(max(g, -maxValue), maxValue), element by element: it may turn the direction. No state per parameter.
 * @throws ConfigError unless maxValue > 0.
 */
export function clipByValue(maxValue: Hyper): Optimizer<HyperState> {
  const hyper = hyperSet("clipByValue", { maxValue: [maxValue, { above: 0 }] });
  return {
    traits: { name: "clipByValue", stage: "gradient", schedules: hyper.schedules },
    init: (params) => hyper.init(deviceOfTree("clipByValue", params)),
    update(grads, state) {
      const now = hyper.at(state);
      const limit = now.value("maxValue");
      const low = limit.neg();
      return [mapTensors("clipByValue", (g) => minimum(maximum(g, low), limit), grads), now.next];
    },
  };
}
