/** Noise on gradients that fades as training goes on. */

import { random, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer } from "../optimizer.ts";

export interface GradientNoiseOptions {
  /** Variance at the first step. Default 0.01. */
  readonly eta?: Hyper;
  /** How fast it falls. Default 0.55. */
  readonly gamma?: Hyper;
  /** Default 0. */
  readonly seed?: number;
}

export const gradientNoiseOptions = optionNames<GradientNoiseOptions>({ eta: true, gamma: true, seed: true });

type NoiseState = HyperState & { readonly taken: Tensor };

/**
 * u = g + N(0, eta / (1 + t)^gamma), of step t from 0, drawn from the seed, the step and the place of the tensor: equal runs have equal
 * noise. No state per parameter. Neelakantan et al., "Adding gradient noise improves learning for very deep networks", 2015.
 * @throws ConfigError for a negative eta or gamma.
 */
export function gradientNoise(options: GradientNoiseOptions = {}): Optimizer<NoiseState> {
  const op = "gradientNoise";
  rejectUnknown(op, options, gradientNoiseOptions);
  const { eta = 0.01, gamma = 0.55, seed = 0 } = options;
  const hyper = hyperSet(op, { eta: [eta, { min: 0 }], gamma: [gamma, { min: 0 }] });
  const start = random.key(seed);
  return {
    traits: { name: op, stage: "gradient", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      return { ...hyper.init(device), taken: tensor(0, { dtype: "i32", device }) };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const fade = state.taken.add(1).astype("f32").pow(now.value("gamma"));
      const deviation = now.value("eta").div(fade).sqrt();
      const key = random.foldIn(start, state.taken);
      let at = 0;
      const updates = mapTensors(
        op,
        (g) => g.add(random.normal(random.foldIn(key, at++), g.shape).mul(deviation)),
        grads,
      );
      return [updates, { ...now.next, taken: state.taken.add(1) }];
    },
  };
}
