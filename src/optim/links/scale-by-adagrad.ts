/** Adagrad's direction: the gradient over the root of the sum of all its squares. */

import type { Tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, filledLike, mapTensors, type Optimizer, type TensorTree } from "../optimizer.ts";
import { checkRange } from "../range.ts";
import { zeroOn } from "./means.ts";

export interface ScaleByAdagradOptions {
  /** The t-th step is divided by 1 + (t - 1) lrDecay. Default 0. */
  readonly lrDecay?: Hyper;
  /** What the sums of squares start from: above 0 it tames the first steps. Default 0. */
  readonly initialAccumulatorValue?: number;
  /** Added to the root. Default 1e-10. */
  readonly epsilon?: Hyper;
}

export const adagradOptions = optionNames<ScaleByAdagradOptions>({
  lrDecay: true,
  initialAccumulatorValue: true,
  epsilon: true,
});

type AdagradState = HyperState & {
  readonly sum: TensorTree;
  /** Steps taken, i32; only with lrDecay. */
  readonly steps?: Tensor;
};

/**
 * s <- s + g^2;  u = g / (sqrt(s) + epsilon) / (1 + (t - 1) lrDecay).
 * State: 4 bytes per f32 parameter. Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning", 2011.
 * @throws ConfigError for negative values.
 */
export function scaleByAdagrad(options: ScaleByAdagradOptions = {}): Optimizer<AdagradState> {
  const { lrDecay = 0, initialAccumulatorValue = 0, epsilon = 1e-10 } = options;
  const op = "scaleByAdagrad";
  rejectUnknown(op, options, adagradOptions);
  const slows = lrDecay !== 0;
  const hyper = hyperSet(op, {
    epsilon: [epsilon, { min: 0 }],
    ...(slows ? { lrDecay: [lrDecay, { min: 0 }] as const } : {}),
  });
  checkRange(op, "initialAccumulatorValue", initialAccumulatorValue, { min: 0 });
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      const state = { ...hyper.init(device), sum: filledLike(op, params, initialAccumulatorValue) };
      return slows ? { ...state, steps: zeroOn(device, "i32") } : state;
    },
    update(grads, state) {
      const now = hyper.at(state);
      const epsilonNow = now.value("epsilon");
      const slower = state.steps?.astype("f32").mul(now.value("lrDecay")).add(1).reciprocal();
      const sum = mapTensors(op, (g, s) => s.add(g.square()), grads, state.sum);
      const updates = mapTensors(
        op,
        (g, s) => {
          const u = g.div((s as Tensor).sqrt().add(epsilonNow));
          return slower ? u.mul(slower) : u;
        },
        grads,
        sum,
      );
      const next = { ...now.next, sum };
      return [updates, state.steps ? { ...next, steps: state.steps.add(1) } : next];
    },
  };
}
