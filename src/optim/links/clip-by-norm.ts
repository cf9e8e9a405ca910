/** Clipping of each tensor by its own size: norm, or root of the mean of squares. */
import { maximum, type Tensor } from "../../engine/tensor/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer } from "../optimizer.ts";

/**
 * u = g * min(1, maxNorm / |g|) for each tensor: keeps its direction, not that of all together. No state per parameter.
 * @throws ConfigError unless maxNorm > 0.
 * @example chain(clipByNorm(1), sgd(0.1));
 */
export function clipByNorm(maxNorm: Hyper): Optimizer<HyperState> {
  const hyper = hyperSet("clipByNorm", { maxNorm: [maxNorm, { above: 0 }] });
  return {
    traits: { name: "clipByNorm", stage: "gradient", schedules: hyper.schedules },
    init: (params) => hyper.init(deviceOfTree("clipByNorm", params)),
    update(grads, state) {
      const now = hyper.at(state);
      const limit = now.value("maxNorm");
      const clip = (g: Tensor) => g.mul(limit.div(maximum(g.square().sum().sqrt(), limit)));
      return [mapTensors("clipByNorm", clip, grads), now.next];
    },
  };
}

/**
 * u = g / max(1, rms(g) / threshold) for each tensor, with rms the root of the mean of squares. No state per parameter.
 * @throws ConfigError unless threshold > 0.
 */
export function clipByBlockRms(threshold: Hyper): Optimizer<HyperState> {
  const hyper = hyperSet("clipByBlockRms", { threshold: [threshold, { above: 0 }] });
  return {
    traits: { name: "clipByBlockRms", stage: "gradient", schedules: hyper.schedules },
    init: (params) => hyper.init(deviceOfTree("clipByBlockRms", params)),
    update(grads, state) {
      const now = hyper.at(state);
      const limit = now.value("threshold");
      const clip = (g: Tensor) => g.div(maximum(g.square().mean().sqrt().div(limit), 1));
      return [mapTensors("clipByBlockRms", clip, grads), now.next];
    },
  };
}
