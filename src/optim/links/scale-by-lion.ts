/** Lion's direction: the sign of a look-ahead mean of the gradients. */
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { meanOf } from "./means.ts";

export interface ScaleByLionOptions {
  /** Decay of the mean whose sign is taken. Default 0.9. */
  readonly beta1?: Hyper;
  /** Decay of the mean that is remembered. Default 0.99. */
  readonly beta2?: Hyper;
}

export const lionOptions = optionNames<ScaleByLionOptions>({ beta1: true, beta2: true });

type LionState = HyperState & { readonly mu: TensorTree };

/**
 * u = sign(b1 m + (1 - b1) g);  m <- b2 m + (1 - b2) g. State: 4 bytes per f32 parameter.
 * Chen et al., "Symbolic discovery of optimization algorithms", 2023.
 * @throws ConfigError for betas outside [0, 1).
 */
export function scaleByLion(options: ScaleByLionOptions = {}): Optimizer<LionState> {
  const { beta1 = 0.9, beta2 = 0.99 } = options;
  const op = "scaleByLion";
  rejectUnknown(op, options, lionOptions);
  const unit = { min: 0, below: 1 };
  const hyper = hyperSet(op, { beta1: [beta1, unit], beta2: [beta2, unit] }, ["beta1", "beta2"]);
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init: (params) => ({ ...hyper.init(deviceOfTree(op, params)), mu: zerosOf(op, params) }),
    update(grads, state) {
      const now = hyper.at(state);
      const [b1, c1] = [now.value("beta1"), now.complement("beta1")];
      const updates = mapTensors(op, (g, m) => m.mul(b1).add(g.mul(c1)).sign(), grads, state.mu);
      const mu = meanOf(op, grads, state.mu, now.value("beta2"), now.complement("beta2"));
      return [updates, { ...now.next, mu }];
    },
  };
}
