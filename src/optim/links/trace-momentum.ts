/** Momentum: updates follow a decaying sum of the gradients. */
import { type Tensor, tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { alternationTimes } from "../edge-of-stability.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, settled, type TensorTree, zerosOf } from "../optimizer.ts";

export interface MomentumOptions {
  /** Takes (1 - dampening) of each gradient but the first. Default 0. */
  readonly dampening?: Hyper;
  /** Look ahead: the step is momentum * trace + gradient. Sutskever et al. 2013. Default false. */
  readonly nesterov?: boolean;
}

export const momentumOptions = optionNames<MomentumOptions>({ dampening: true, nesterov: true });

type MomentumState = HyperState & {
  readonly trace: TensorTree;
  /** Steps taken, i32; only with dampening, which spares the first gradient. */
  readonly steps?: Tensor;
};

/**
 * b <- momentum * b + (1 - dampening) g;  u = b, or g + momentum * b with `nesterov`.
 * The first gradient is taken whole, as in PyTorch; a trace below 2^-100 counts as 0. State: 4 bytes per f32 parameter.
 * Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
 * @throws ConfigError for a negative momentum, and for nesterov with dampening.
 */
export function traceMomentum(momentum: Hyper, options: MomentumOptions = {}): Optimizer<MomentumState> {
  rejectUnknown("traceMomentum", options, momentumOptions);
  const { dampening = 0, nesterov = false } = options;
  if (nesterov && dampening !== 0) {
    throw new ConfigError(`traceMomentum: nesterov takes no dampening; got ${describe(dampening)}.`);
  }
  const damped = dampening !== 0;
  const hyper = hyperSet(
    "traceMomentum",
    { momentum: [momentum, { min: 0 }], ...(damped ? { dampening: [dampening, {}] as const } : {}) },
    ["dampening"],
  );
  return {
    traits: { name: "traceMomentum", stage: "momentum", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree("traceMomentum", params);
      const trace = zerosOf("traceMomentum", params);
      const state = { ...hyper.init(device), trace };
      return damped ? { ...state, steps: tensor(0, { dtype: "i32", device }) } : state;
    },
    update(grads, state) {
      const now = hyper.at(state);
      const mu = now.value("momentum");
      const share = state.steps && where(state.steps.eq(0), 1, now.complement("dampening"));
      const trace = mapTensors(
        "traceMomentum",
        (g, b) => settled(b.mul(mu).add(share ? g.mul(share) : g)),
        grads,
        state.trace,
      );
      const updates = nesterov
        ? mapTensors("traceMomentum", (g, b) => b.mul(mu).add(g), grads, trace)
        : trace;
      const next = { ...now.next, trace };
      return [updates as typeof grads, state.steps ? { ...next, steps: state.steps.add(1) } : next];
    },
    // b <- m b + share g with b before = -b: b = share / (1 + m) g.
    alternation(before, state) {
      const now = hyper.at(state);
      const mu = now.value("momentum");
      const share = damped ? now.complement("dampening") : 1;
      const trace = mu.add(1).reciprocal().mul(share);
      return alternationTimes(before, nesterov ? trace.mul(mu).add(1) : trace);
    },
  };
}

const describe = (value: Hyper): string => (typeof value === "number" ? String(value) : "a schedule");
