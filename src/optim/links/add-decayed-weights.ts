/** Weight decay: a share of each parameter is added to its update. */
import { rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, type Optimizer } from "../optimizer.ts";
import { mapTaken, picker, type Which } from "./which.ts";

export type { Mask } from "./which.ts";

/**
 * u = g + weightDecay * p, for the parameters that `mask` picks (all by default). No state per parameter.
 * Before an adaptive link it is L2 regularisation; after it, and before the learning rate, it is decoupled decay (AdamW).
 * @throws ConfigError for a negative weightDecay, and from `init` for a pattern that matches nothing.
 * @example addDecayedWeights(1e-4, { mask: "!**\/bias" });
 */
export function addDecayedWeights(weightDecay: Hyper, options: { mask?: Which } = {}): Optimizer<HyperState> {
  rejectUnknown("addDecayedWeights", options, ["mask"]);
  const op = "addDecayedWeights";
  const hyper = hyperSet(op, { weightDecay: [weightDecay, { min: 0 }] });
  const { takes, check } = picker(op, options.mask);
  const decays = options.mask === undefined && weightDecay !== 0;
  return {
    traits: { name: op, stage: "decay", decays, schedules: hyper.schedules },
    init(params) {
      check(params);
      return hyper.init(deviceOfTree(op, params));
    },
    update(grads, state, params) {
      const now = hyper.at(state);
      const rate = now.value("weightDecay");
      return [mapTaken(op, takes, (g, p) => g.add(p.mul(rate)), grads, params), now.next];
    },
    alternation(before, state) {
      const rate = hyper.at(state).value("weightDecay");
      return { ...before, decay: before.decay?.add(rate) ?? rate };
    },
  };
}
