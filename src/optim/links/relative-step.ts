/** The last link of Adafactor: a step in proportion to each tensor's size, which slows down by itself. */

import type { Tensor } from "../../engine/tensor/index.ts";
import { flattenTree, rejectUnknown } from "../../util/index.ts";
import type { DecayOptions } from "../descend.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer } from "../optimizer.ts";
import { zeroOn } from "./means.ts";
import { picker } from "./which.ts";

type RelativeState = HyperState & {
  /** Steps taken, i32. */
  readonly steps: Tensor;
};

/**
 * u = -min(learningRate, 1 / sqrt(t)) max(epsilon, rms(p)) g - learningRate weightDecay p, with rms the root of the mean of squares
 * of each tensor. The decay follows the learning rate alone, and so is of this link. No state per parameter.
 * @throws ConfigError for negative values.
 */
export function relativeStep(
  learningRate: Hyper,
  options: DecayOptions & {
    /** The least size a parameter counts with, so that those at 0 can leave it. Default 0.001. */
    readonly parameterEpsilon?: Hyper;
  } = {},
): Optimizer<RelativeState> {
  const { parameterEpsilon = 1e-3, weightDecay = 0 } = options;
  const op = "relativeStep";
  rejectUnknown(op, options, ["parameterEpsilon", "weightDecay", "mask"]);
  const decays = weightDecay !== 0;
  const { takes, check } = picker(op, options.mask);
  const hyper = hyperSet(op, {
    learningRate: [learningRate, { min: 0 }],
    parameterEpsilon: [parameterEpsilon, { min: 0 }],
    ...(decays ? { weightDecay: [weightDecay, { min: 0 }] as const } : {}),
  });
  return {
    traits: {
      name: op,
      stage: "step",
      decays: weightDecay !== 0 && options.mask === undefined,
      schedules: hyper.schedules,
    },
    init(params) {
      check(params);
      const device = deviceOfTree(op, params);
      return { ...hyper.init(device), steps: zeroOn(device, "i32") };
    },
    update(grads, state, params) {
      const now = hyper.at(state);
      const rate = now.value("learningRate");
      const steps = state.steps.add(1);
      const step = rate.minimum(steps.astype("f32").sqrt().reciprocal());
      const decay = decays ? rate.mul(now.value("weightDecay")) : null;
      const { paths } = flattenTree(params);
      let at = 0;
      const updates = mapTensors(
        op,
        (g, parameter) => {
          const p = parameter as Tensor;
          const size = p.square().mean().sqrt().maximum(now.value("parameterEpsilon"));
          const u = g.mul(step.mul(size).neg());
          return decay && takes(paths[at++] as string, p) ? u.sub(p.mul(decay)) : u;
        },
        grads,
        params,
      );
      return [updates, { ...now.next, steps }];
    },
  };
}
