/** Gradient centralisation. */
import { mapTensors, type Optimizer } from "../optimizer.ts";

/**
 * u = g - mean(g) over all axes but the last, the output's: the weights of each unit keep their sum. Vectors and numbers stay as they are.
 * No state. Yong et al., "Gradient centralization: a new optimization technique for deep neural networks", 2020.
 * @example chain(centralise(), sgd(0.1, { momentum: 0.9 }));
 */
export function centralise(): Optimizer<readonly []> {
  return {
    traits: { name: "centralise", stage: "gradient" },
    init: () => [],
    update(grads, state) {
      const updates = mapTensors(
        "centralise",
        (g) => (g.ndim < 2 ? g : g.sub(g.mean([...Array(g.ndim - 1).keys()], { keepDims: true }))),
        grads,
      );
      return [updates, state];
    },
  };
}
