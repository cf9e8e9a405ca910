/** Trust ratio: each tensor's update gets a length in proportion to the tensor's own. */
import { type Tensor, where } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, type Optimizer } from "../optimizer.ts";
import { mapTaken, picker, type Which } from "./which.ts";

export interface TrustRatioOptions {
  /** Length of the update over that of the parameter. Default 1. */
  readonly trustCoefficient?: Hyper;
  /** Added to the length of the update. Default 0. */
  readonly epsilon?: Hyper;
  /** Shorter parameters and updates count as this long. Default 0. */
  readonly minNorm?: Hyper;
  /** Which parameters take part. Default all; biases and norms are often left out. */
  readonly mask?: Which;
}

export const trustRatioOptions = optionNames<TrustRatioOptions>({
  trustCoefficient: true,
  epsilon: true,
  minNorm: true,
  mask: true,
});

/**
 * u = g * trustCoefficient * |p| / (|g| + epsilon), with norms of each tensor; u = g where a norm is 0. No state per parameter.
 * You, Gitman and Ginsburg, "Large batch training of convolutional networks", 2017.
 * @throws ConfigError for negative values.
 * @example chain(scaleByAdam(), scaleByTrustRatio({ mask: (_, p) => p.ndim > 1 }), scaleByLearningRate(1e-2));
 */
export function scaleByTrustRatio(options: TrustRatioOptions = {}): Optimizer<HyperState> {
  const { trustCoefficient = 1, epsilon = 0, minNorm = 0 } = options;
  const op = "scaleByTrustRatio";
  const { takes, check } = picker(op, options.mask);
  rejectUnknown(op, options, trustRatioOptions);
  const hyper = hyperSet(op, {
    trustCoefficient: [trustCoefficient, { min: 0 }],
    epsilon: [epsilon, { min: 0 }],
    minNorm: [minNorm, { min: 0 }],
  });
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      check(params);
      return hyper.init(deviceOfTree(op, params));
    },
    update(grads, state, params) {
      const now = hyper.at(state);
      const least = now.value("minNorm");
      const norm = (x: Tensor) => x.square().sum().sqrt().maximum(least);
      const updates = mapTaken(
        op,
        takes,
        (g, p) => {
          const [ofGrad, ofParameter] = [norm(g), norm(p)];
          const ratio = ofParameter.mul(now.value("trustCoefficient")).div(ofGrad.add(now.value("epsilon")));
          return g.mul(where(ofGrad.mul(ofParameter).eq(0), 1, ratio));
        },
        grads,
        params,
      );
      return [updates, now.next];
    },
  };
}
