/** scheduleFree: averaging in place of a learning-rate schedule. */

import { type Tensor, tensor, where } from "../engine/tensor/index.ts";
import { ConfigError, optionNames, rejectUnknown } from "../util/index.ts";
import type { Kept } from "./evaluated.ts";
import { type Hyper, type HyperState, hyperSet } from "./hyper.ts";
import { zeroOn } from "./links/means.ts";
import {
  copiesOf,
  deviceOfTree,
  mapTensors,
  type Optimizer,
  type State,
  type TensorTree,
} from "./optimizer.ts";
import { checkRange } from "./range.ts";
import { nameOf } from "./traits.ts";

export interface ScheduleFreeOptions {
  /** Where between z and their mean x the gradients are taken: y = beta1 x + (1 - beta1) z. Default 0.9. */
  readonly beta1?: number;
  /** A step's share of the mean is in proportion to the largest learning rate so far to this power. Default 2. */
  readonly weightLrPower?: Hyper;
}

export const scheduleFreeOptions = optionNames<ScheduleFreeOptions>({ beta1: true, weightLrPower: true });

type ScheduleFreeState = HyperState & {
  /** What takes the steps. */
  readonly z: TensorTree;
  readonly beta1: Tensor;
  readonly maxRate: Tensor;
  readonly weightSum: Tensor;
  readonly direction: State;
};

/**
 * u = direction(g);  z <- z - learningRate u;  x <- (1 - c) x + c z;  p = beta1 x + (1 - beta1) z, with c the share of
 * w = (largest learningRate so far)^weightLrPower in the sum of all w so far. `p` is trained and x, which `evaluationParams` gives,
 * is to be evaluated and saved. In place of x, p itself is carried: p <- p + c (z - p) - (1 - beta1 (1 - c)) learningRate u.
 *
 * For runs of unknown length; a learning rate that warms up and stays is best. `direction` should have no momentum: beta1 stands for it.
 * Bytes of state per f32 parameter: 4 besides those of `direction`. Defazio et al., "The road less scheduled", 2024.
 * @throws ConfigError unless beta1 is above 0 and below 1, and for a negative learningRate or weightLrPower.
 * @example scheduleFree(chain(clipByGlobalNorm(1), scaleByRms({ biasCorrection: true })), 0.0025);
 */
export function scheduleFree(
  direction: Optimizer,
  learningRate: Hyper,
  options: ScheduleFreeOptions = {},
): Optimizer<ScheduleFreeState> {
  const { beta1 = 0.9, weightLrPower = 2 } = options;
  const op = "scheduleFree";
  rejectUnknown(op, options, scheduleFreeOptions);
  // p is a mean with this beta1: it cannot change between steps.
  checkRange(op, "beta1", beta1, { above: 0, below: 1 });
  const hyper = hyperSet(op, {
    learningRate: [learningRate, { min: 0 }],
    weightLrPower: [weightLrPower, { min: 0 }],
  });
  if (direction.traits?.stage === "step") {
    throw new ConfigError(
      `${op}: the direction must have no learning rate of its own; got ${nameOf(direction)}. Give scaleByRms({ biasCorrection: true }) or the like.`,
    );
  }
  return {
    traits: {
      name: op,
      stage: "step",
      schedules: hyper.schedules,
      parts: [direction],
    },
    init(params) {
      const device = deviceOfTree(op, params);
      return {
        ...hyper.init(device),
        z: copiesOf(op, params),
        beta1: tensor(beta1, { dtype: "f32", device }),
        maxRate: zeroOn(device),
        weightSum: zeroOn(device),
        direction: direction.init(params),
      };
    },
    update(grads, state, params, at) {
      const now = hyper.at(state);
      const rate = now.value("learningRate");
      const maxRate = state.maxRate.maximum(rate);
      const weight = maxRate.pow(now.value("weightLrPower"));
      const weightSum = state.weightSum.add(weight);
      // A rate of 0, as at the start of a warm-up, has no share.
      const share = where(weightSum.gt(0), weight.div(weightSum), 0);
      const ofStep = share.mul(beta1).add(1 - beta1);

      const [steps, next] = direction.update(grads, state.direction, params, at);
      const updates = mapTensors(
        op,
        (u, p, z) =>
          (z as Tensor)
            .sub(p as Tensor)
            .mul(share)
            .sub(u.mul(rate.mul(ofStep))),
        steps,
        params,
        state.z,
      );
      const z = mapTensors(op, (before, u) => before.sub((u as Tensor).mul(rate)), state.z, steps);
      return [updates, { ...now.next, z, beta1: state.beta1, maxRate, weightSum, direction: next }];
    },
  };
}

/** The z that a node of a state keeps, and x = (p - (1 - beta1) z) / beta1; null where it is no schedule-free optimizer's. */
export function scheduleFreeIn(node: Readonly<Record<string, unknown>>): Kept | null {
  if (!("weightSum" in node && "z" in node)) return null;
  const { z, beta1 } = node as ScheduleFreeState;
  return { name: "z", tree: z, at: (p, kept) => p.sub(kept.mul(beta1.neg().add(1))).div(beta1) };
}
