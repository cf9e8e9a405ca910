/** Sophia's direction: the mean of gradients over an estimate of the curvature, clipped. */
import { cond, maximum, minimum, type Tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type HessianEstimator, hutchinson } from "../hessian.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, settled, type TensorTree, zerosOf } from "../optimizer.ts";
import { checkWhole } from "../range.ts";
import { needContext, type StepContext } from "../step-context.ts";
import { meanOf, zeroOn } from "./means.ts";

export interface ScaleBySophiaOptions {
  /** Decay of the mean of gradients. Default 0.965. */
  readonly beta1?: Hyper;
  /** Decay of the mean of curvatures, per estimate. Default 0.99. */
  readonly beta2?: Hyper;
  /** Least curvature divided by. Default 1e-8. */
  readonly epsilon?: Hyper;
  /** Factor of the curvature: larger ones clip less. Default 0.01. */
  readonly gamma?: Hyper;
  /** Most a coordinate may move before the learning rate. Default 1. */
  readonly clipThreshold?: Hyper;
  /** Steps from one estimate of the curvature to the next. Default 10. */
  readonly every?: number;
  /** Default `hutchinson`. */
  readonly hessian?: HessianEstimator;
}

export const sophiaLinkOptions = optionNames<ScaleBySophiaOptions>({
  beta1: true,
  beta2: true,
  epsilon: true,
  gamma: true,
  clipThreshold: true,
  every: true,
  hessian: true,
});

type SophiaState = HyperState & {
  /** Means of gradients and of curvatures. */
  readonly mu: TensorTree;
  readonly nu: TensorTree;
  readonly weight1: Tensor;
  /** Steps taken, i32. */
  readonly taken: Tensor;
};

/**
 * m <- b1 m + (1 - b1) g;  u = clip((m / (1 - b1^t)) / max(gamma h, epsilon), clipThreshold);
 * then, in steps 0, `every`, 2 `every`, ...: h <- b2 h + (1 - b2) estimate of the Hessian's diagonal.
 * As in optax the step uses the h of the steps before it. The estimate is computed only in its steps, in a compiled step too.
 * State: 8 bytes per f32 parameter. Needs the step's context.
 * Liu et al., "Sophia: a scalable stochastic second-order optimizer for language model pre-training", 2023.
 * @throws ConfigError for values out of range, and from `update` without a context.
 */
export function scaleBySophia(options: ScaleBySophiaOptions = {}): Optimizer<SophiaState> {
  const { beta1 = 0.965, beta2 = 0.99, epsilon = 1e-8, gamma = 0.01, clipThreshold = 1 } = options;
  const { every = 10, hessian = hutchinson } = options;
  const op = "scaleBySophia";
  rejectUnknown(op, options, sophiaLinkOptions);
  checkWhole(op, "every", every, 1);
  const unit = { min: 0, below: 1 };
  const positive = { above: 0 };
  const hyper = hyperSet(
    op,
    {
      beta1: [beta1, unit],
      beta2: [beta2, unit],
      epsilon: [epsilon, positive],
      gamma: [gamma, positive],
      clipThreshold: [clipThreshold, positive],
    },
    ["beta1", "beta2"],
  );
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      return {
        ...hyper.init(device),
        mu: zerosOf(op, params),
        nu: zerosOf(op, params),
        weight1: zeroOn(device),
        taken: zeroOn(device, "i32"),
      };
    },
    update<P extends TensorTree>(grads: P, state: SophiaState, params: P, at?: StepContext) {
      const step = needContext(op, at);
      const now = hyper.at(state);
      const [keep, share] = [now.value("beta2"), now.complement("beta2")];
      const weight1 = state.weight1.mul(now.value("beta1")).add(now.complement("beta1"));
      const correct = weight1.reciprocal();
      const [gamma, least, most] = [now.value("gamma"), now.value("epsilon"), now.value("clipThreshold")];
      const mu = meanOf(op, grads, state.mu, now.value("beta1"), now.complement("beta1"));
      const clipped = (m: Tensor, h: Tensor) =>
        minimum(maximum(m.mul(correct).div(maximum(h.mul(gamma), least)), most.neg()), most);
      const updates = mapTensors(op, (m, h) => clipped(m, h as Tensor), mu as P, state.nu);
      const nu = cond(
        state.taken.remainder(every).eq(0),
        (before) =>
          mapTensors(
            op,
            (h, estimate) => settled(h.mul(keep).add((estimate as Tensor).mul(share))),
            before,
            hessian(params, step),
          ),
        state.nu,
      );
      return [updates, { ...now.next, mu, nu, weight1, taken: state.taken.add(1) }];
    },
  };
}
