/** Weight decay: a share of each parameter is added to its update. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { flattenTree, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer } from "../optimizer.ts";

/** Which parameters take part, by path (as in `layers/0/weight`) and value. */
export type Mask = (path: string, parameter: Tensor) => boolean;

/**
 * u = g + weightDecay * p, for the parameters that `mask` picks (all by default). No state per parameter.
 * Before an adaptive link it is L2 regularisation; after it, and before the learning rate, it is decoupled decay (AdamW).
 * @throws ConfigError for a negative weightDecay.
 * @example addDecayedWeights(1e-4, { mask: (path) => !path.endsWith("bias") });
 */
export function addDecayedWeights(weightDecay: Hyper, options: { mask?: Mask } = {}): Optimizer<HyperState> {
  rejectUnknown("addDecayedWeights", options, ["mask"]);
  const hyper = hyperSet("addDecayedWeights", { weightDecay: [weightDecay, { min: 0 }] });
  const mask = options.mask ?? (() => true);
  return {
    init: (params) => hyper.init(deviceOfTree("addDecayedWeights", params)),
    update(grads, state, params) {
      const now = hyper.at(state);
      const rate = now.value("weightDecay");
      const { paths } = flattenTree(params);
      let at = 0;
      const updates = mapTensors(
        "addDecayedWeights",
        (g, p) => (mask(paths[at++] as string, p as Tensor) ? g.add((p as Tensor).mul(rate)) : g),
        grads,
        params,
      );
      return [updates, now.next];
    },
  };
}
