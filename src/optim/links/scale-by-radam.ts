/** RAdam's direction: Adam's once the mean of squares can be trusted, the mean of gradients alone until then. */

import { type Tensor, where } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { meanOf, meanOfSquares, zeroOn } from "./means.ts";

export interface ScaleByRadamOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: Hyper;
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: Hyper;
  /** Added to the root, before its correction. Default 1e-8. */
  readonly epsilon?: Hyper;
}

export const radamOptions = optionNames<ScaleByRadamOptions>({ beta1: true, beta2: true, epsilon: true });

type RadamState = HyperState & {
  readonly mu: TensorTree;
  readonly nu: TensorTree;
  readonly weight1: Tensor;
  readonly weight2: Tensor;
  /** rho(t) (1 - b2^t). */
  readonly length: Tensor;
};

/**
 * m, v as Adam's;  rho(t) = rho - 2 t b2^t / (1 - b2^t), with rho = 2 / (1 - b2) - 1, the length of an average as long as v's;
 * u = m / (1 - b1^t) while rho(t) <= 5, and then
 * u = m / (1 - b1^t) * sqrt(1 - b2^t) / (sqrt(v) + epsilon) * sqrt((rho(t) - 4) (rho(t) - 2) rho / ((rho - 4) (rho - 2) rho(t))).
 *
 * rho(t) is a difference of two near numbers at first. L(t) = rho(t) (1 - b2^t) is carried instead: L <- b2 L + 2 (1 - b2^t) - (1 - b2).
 * State: 8 bytes per f32 parameter. Liu et al., "On the variance of the adaptive learning rate and beyond", 2020.
 * @throws ConfigError for betas outside [0, 1) or a negative epsilon.
 */
export function scaleByRadam(options: ScaleByRadamOptions = {}): Optimizer<RadamState> {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const op = "scaleByRadam";
  rejectUnknown(op, options, radamOptions);
  const unit = { min: 0, below: 1 };
  const hyper = hyperSet(op, { beta1: [beta1, unit], beta2: [beta2, unit], epsilon: [epsilon, { min: 0 }] }, [
    "beta1",
    "beta2",
  ]);
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      return {
        ...hyper.init(device),
        mu: zerosOf(op, params),
        nu: zerosOf(op, params),
        weight1: zeroOn(device),
        weight2: zeroOn(device),
        length: zeroOn(device),
      };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const [b1, c1] = [now.value("beta1"), now.complement("beta1")];
      const [b2, c2] = [now.value("beta2"), now.complement("beta2")];
      const epsilonNow = now.value("epsilon");
      const weight1 = state.weight1.mul(b1).add(c1);
      const weight2 = state.weight2.mul(b2).add(c2);
      const length = state.length.mul(b2).add(weight2.mul(2).sub(c2));

      const rho = length.div(weight2);
      const limit = c2.reciprocal().mul(2).sub(1);
      const trusted = rho.gt(5);
      const rectified = rho
        .sub(4)
        .div(limit.sub(4))
        .mul(rho.sub(2).div(limit.sub(2)))
        .mul(limit.div(rho));
      // Below rho = 4 the root is of a negative number, and not picked.
      const factor = where(trusted, rectified.mul(weight2).sqrt(), 1).div(weight1);

      const mu = meanOf(op, grads, state.mu, b1, c1);
      const nu = meanOfSquares(op, grads, state.nu, b2, c2);
      const updates = mapTensors(
        op,
        (_, m, v) => m.mul(factor).div(where(trusted, v.sqrt().add(epsilonNow), 1)),
        grads,
        mu,
        nu,
      );
      return [updates, { ...now.next, mu, nu, weight1, weight2, length }];
    },
  };
}
