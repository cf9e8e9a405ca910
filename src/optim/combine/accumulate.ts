/** accumulate: one step of an optimizer for the gradients of several. */

import { type Tensor, where } from "../../engine/tensor/index.ts";
import { rejectUnknown } from "../../util/index.ts";
import { zeroOn } from "../links/means.ts";
import {
  deviceOfTree,
  mapTensors,
  type Optimizer,
  type State,
  type TensorTree,
  zerosOf,
} from "../optimizer.ts";
import { checkWhole } from "../range.ts";
import type { StepContext } from "../step-context.ts";
import { select } from "./select.ts";

interface AccumulateState extends Record<string, State> {
  readonly inner: State;
  readonly sum: TensorTree;
  readonly taken: Tensor;
}

/**
 * Every `every`-th update is that of `optimizer` for the mean of the gradients since the last one; the others are 0. Batches of one size
 * then count as one large batch. State: 4 bytes per f32 parameter, and the optimizer's. optax: `MultiSteps`.
 * @throws ConfigError unless every is a whole number of at least 1.
 * @example accumulate(adamW(1e-3), { every: 8 });
 */
export function accumulate(optimizer: Optimizer, options: { every: number }): Optimizer<AccumulateState> {
  const op = "accumulate";
  rejectUnknown(op, options, ["every"]);
  const { every } = options;
  checkWhole(op, "every", every, 1);
  return {
    traits: {
      name: op,
      stage: optimizer.traits?.stage,
      parts: [optimizer],
      stepsOf: (steps) => Math.floor(steps / every),
    },
    init: (params) => ({
      inner: optimizer.init(params),
      sum: zerosOf(op, params),
      taken: zeroOn(deviceOfTree(op, params), "i32"),
    }),
    update<P extends TensorTree>(
      grads: P,
      state: AccumulateState,
      params: P,
      at?: StepContext,
    ): [P, AccumulateState] {
      const taken = state.taken.add(1);
      const due = taken.remainder(every).eq(0);
      const sums = mapTensors(op, (g, sum) => g.add(sum as Tensor), grads, state.sum);
      const means = mapTensors(op, (sum) => sum.div(every), sums);
      const [steps, inner] = optimizer.update(means, state.inner, params, at);
      const next = {
        inner: select(op, due, inner, state.inner),
        sum: mapTensors(op, (sum) => where(due, 0, sum), sums as TensorTree),
        taken,
      };
      return [mapTensors(op, (u) => where(due, u, 0), steps), next];
    },
  };
}
