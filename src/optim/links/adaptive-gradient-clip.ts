/** Adaptive gradient clipping: gradients at most in proportion to the weights they change. */

import { maximum, type Tensor, where } from "../../engine/tensor/index.ts";
import { rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer } from "../optimizer.ts";

/**
 * u = g * min(1, clipping * max(|p|, epsilon) / |g|), with the norms of each unit: over all axes but the last, which in
 * weights of this library is that of the outputs; of a vector, over the whole. No state per parameter.
 * Brock et al., "High-performance large-scale image recognition without normalization", 2021.
 * @throws ConfigError unless clipping > 0 and epsilon > 0.
 * @example chain(adaptiveGradientClip(0.01), sgd(0.1, { momentum: 0.9 }));
 */
export function adaptiveGradientClip(
  clipping: Hyper,
  options: {
    /** The least norm a unit counts with, so that those at 0 can leave it. Default 0.001. */
    readonly epsilon?: Hyper;
  } = {},
): Optimizer<HyperState> {
  const op = "adaptiveGradientClip";
  rejectUnknown(op, options, ["epsilon"]);
  const hyper = hyperSet(op, {
    clipping: [clipping, { above: 0 }],
    epsilon: [options.epsilon ?? 1e-3, { above: 0 }],
  });
  return {
    traits: { name: op, stage: "gradient", schedules: hyper.schedules },
    init: (params) => hyper.init(deviceOfTree(op, params)),
    update(grads, state, params) {
      const now = hyper.at(state);
      const updates = mapTensors(
        op,
        (g, p) => {
          const norm = unitNorm(g);
          const limit = maximum(unitNorm(p as Tensor), now.value("epsilon")).mul(now.value("clipping"));
          return g.mul(where(norm.gt(limit), limit.div(norm), 1));
        },
        grads,
        params,
      );
      return [updates, now.next];
    },
  };
}

function unitNorm(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return x
    .square()
    .sum(x.ndim > 1 ? axes.slice(0, -1) : axes, { keepDims: true })
    .sqrt();
}
