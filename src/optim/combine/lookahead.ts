/** lookahead: slow weights that the fast ones are set back to now and then. */

import { type Tensor, where } from "../../engine/tensor/index.ts";
import { rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { zeroOn } from "../links/means.ts";
import {
  copiesOf,
  deviceOfTree,
  mapTensors,
  type Optimizer,
  type State,
  type TensorTree,
} from "../optimizer.ts";
import { checkSteps } from "../order.ts";
import { checkWhole } from "../range.ts";
import type { StepContext } from "../step-context.ts";

export interface LookaheadOptions {
  /** Steps of the optimizer between two of the slow weights. Default 6. */
  readonly syncPeriod?: number;
  /** How far the slow weights go towards the fast ones. Default 0.5. */
  readonly slowStepSize?: Hyper;
}

type LookaheadState = HyperState & {
  readonly inner: State;
  readonly slow: TensorTree;
  /** Steps taken, i32. */
  readonly taken: Tensor;
};

/**
 * After every `syncPeriod` steps of `optimizer`: s <- s + slowStepSize (p - s); p <- s. The slow weights s begin as the parameters; the
 * optimizer's own state is kept. State: 4 bytes per f32 parameter, and the optimizer's.
 * Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", 2019.
 * @throws ConfigError unless syncPeriod is a whole number of at least 1 and slowStepSize above 0.
 * @example lookahead(adam(1e-3), { syncPeriod: 5, slowStepSize: 0.8 });
 */
export function lookahead(optimizer: Optimizer, options: LookaheadOptions = {}): Optimizer<LookaheadState> {
  const op = "lookahead";
  rejectUnknown(op, options, ["syncPeriod", "slowStepSize"]);
  const { syncPeriod = 6, slowStepSize = 0.5 } = options;
  checkWhole(op, "syncPeriod", syncPeriod, 1);
  const hyper = hyperSet(op, { slowStepSize: [slowStepSize, { above: 0 }] });
  checkSteps(op, optimizer);
  return {
    traits: { name: op, stage: optimizer.traits?.stage, schedules: hyper.schedules, parts: [optimizer] },
    init(params) {
      const device = deviceOfTree(op, params);
      const inner = optimizer.init(params);
      return { ...hyper.init(device), inner, slow: copiesOf(op, params), taken: zeroOn(device, "i32") };
    },
    update<P extends TensorTree>(
      grads: P,
      state: LookaheadState,
      params: P,
      at?: StepContext,
    ): [P, LookaheadState] {
      const now = hyper.at(state);
      const part = now.value("slowStepSize");
      const [steps, inner] = optimizer.update(grads, state.inner, params, at);
      const taken = state.taken.add(1);
      const syncs = taken.remainder(syncPeriod).eq(0);
      const slow = mapTensors(
        op,
        (p, u, kept) => {
          const from = kept as Tensor;
          return where(
            syncs,
            from.add(
              p
                .add(u as Tensor)
                .sub(from)
                .mul(part),
            ),
            from,
          );
        },
        params,
        steps,
        state.slow,
      );
      const updates = mapTensors(
        op,
        (u, p, s) => where(syncs, (s as Tensor).sub(p as Tensor), u),
        steps,
        params,
        slow,
      );
      return [updates, { ...now.next, inner, slow, taken }];
    },
  };
}
