/** switchAt: another optimizer from some step on. */

import type { Tensor } from "../../engine/tensor/index.ts";
import { zeroOn } from "../links/means.ts";
import { deviceOfTree, type Optimizer, type State, type TensorTree } from "../optimizer.ts";
import { commonStage } from "../order.ts";
import { checkWhole } from "../range.ts";
import { contextOf, type StepContext } from "../step-context.ts";
import { select } from "./select.ts";

interface SwitchState extends Record<string, State> {
  readonly count: Tensor;
  readonly before: State;
  readonly after: State;
}

/**
 * `before` for the first `step` steps, then `after`, whose state and schedules begin there: as in "Improving generalization performance
 * by switching from Adam to SGD", Keskar and Socher 2017. State: both optimizers'. Nest it for more than two.
 * @throws ConfigError unless step is a whole number of at least 1.
 * @example switchAt(5000, adam(1e-3), sgd(0.05, { momentum: 0.9 }));
 */
export function switchAt(step: number, before: Optimizer, after: Optimizer): Optimizer<SwitchState> {
  const op = "switchAt";
  checkWhole(op, "step", step, 1);
  const parts = [before, after];
  return {
    traits: {
      name: op,
      stage: commonStage(op, parts),
      parts,
      stepsOf: (steps, part) => (part === 0 ? Math.min(steps, step) : Math.max(steps - step, 0)),
    },
    init: (params) => ({
      count: zeroOn(deviceOfTree(op, params), "i32"),
      before: before.init(params),
      after: after.init(params),
    }),
    update<P extends TensorTree>(
      grads: P,
      state: SwitchState,
      params: P,
      at?: StepContext,
    ): [P, SwitchState] {
      const early = state.count.lt(step);
      const [first, firstState] = before.update(grads, state.before, params, contextOf(at, 0));
      const [second, secondState] = after.update(grads, state.after, params, contextOf(at, 1));
      const next = {
        count: state.count.add(1),
        before: select(op, early, firstState, state.before),
        after: select(op, early, state.after, secondState),
      };
      return [select(op, early, first, second), next];
    },
  };
}
