/** Adadelta's direction: gradients in the units of past steps. */
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { meanOfSquares } from "./means.ts";

export interface ScaleByAdadeltaOptions {
  /** Decay of both means. Default 0.9. */
  readonly rho?: Hyper;
  /** Added to both means before their roots; sets the size of the first steps. Default 1e-6. */
  readonly epsilon?: Hyper;
}

export const adadeltaOptions = optionNames<ScaleByAdadeltaOptions>({ rho: true, epsilon: true });

type AdadeltaState = HyperState & {
  /** Means of squares of the gradients and of the steps. */
  readonly nu: TensorTree;
  readonly delta: TensorTree;
};

/**
 * v <- rho v + (1 - rho) g^2;  u = g sqrt(d + epsilon) / sqrt(v + epsilon);  d <- rho d + (1 - rho) u^2.
 * State: 8 bytes per f32 parameter. Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
 * @throws ConfigError for rho outside [0, 1) or a negative epsilon.
 */
export function scaleByAdadelta(options: ScaleByAdadeltaOptions = {}): Optimizer<AdadeltaState> {
  const { rho = 0.9, epsilon = 1e-6 } = options;
  const op = "scaleByAdadelta";
  rejectUnknown(op, options, adadeltaOptions);
  const hyper = hyperSet(op, { rho: [rho, { min: 0, below: 1 }], epsilon: [epsilon, { min: 0 }] }, ["rho"]);
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init: (params) => ({
      ...hyper.init(deviceOfTree(op, params)),
      nu: zerosOf(op, params),
      delta: zerosOf(op, params),
    }),
    update(grads, state) {
      const now = hyper.at(state);
      const [keep, share, epsilonNow] = [now.value("rho"), now.complement("rho"), now.value("epsilon")];
      const nu = meanOfSquares(op, grads, state.nu, keep, share);
      const updates = mapTensors(
        op,
        (g, v, d) => d.add(epsilonNow).sqrt().div(v.add(epsilonNow).sqrt()).mul(g),
        grads,
        nu,
        state.delta,
      );
      return [updates, { ...now.next, nu, delta: meanOfSquares(op, updates, state.delta, keep, share) }];
    },
  };
}
