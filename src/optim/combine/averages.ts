/** ema and swa: averages of the parameters over the steps, to evaluate with. */

import { type Tensor, where } from "../../engine/tensor/index.ts";
import { rejectUnknown } from "../../util/index.ts";
import type { Kept } from "../evaluated.ts";
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

type AverageState = HyperState & {
  readonly inner: State;
  /** Under this name `averagedParameters` finds it. */
  readonly average: TensorTree;
  /** Steps taken, i32. */
  readonly taken: Tensor;
};

export interface EmaOptions {
  /** Default 0.999. */
  readonly decay?: Hyper;
}

/**
 * Keeps a <- decay * a + (1 - decay) * p after each step of `optimizer`, a beginning as the parameters; training goes on with p.
 * State: 4 bytes per f32 parameter, and the optimizer's. Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
 * @throws ConfigError for a decay outside [0, 1).
 * @example
 * const optimizer = ema(adamW(1e-3), { decay: 0.9995 });
 * const evaluated = averagedParameters(state);
 */
export function ema(optimizer: Optimizer, options: EmaOptions = {}): Optimizer<AverageState> {
  rejectUnknown("ema", options, ["decay"]);
  const hyper = hyperSet("ema", { decay: [options.decay ?? 0.999, { min: 0, below: 1 }] }, ["decay"]);
  return averaging("ema", optimizer, hyper, (average, p, _, now) =>
    average.mul(now.value("decay")).add(p.mul(now.complement("decay"))),
  );
}

export interface SwaOptions {
  /** The first step whose result counts, from 0. */
  readonly start: number;
  /** Steps from one that counts to the next. Default 1. */
  readonly every?: number;
}

/**
 * Keeps the mean of the parameters after the steps start, start + every, start + 2 every, ...; before, the average is the parameters.
 * Constant or cyclic learning rates go with it. Networks with batch norm need `recalibrateBatchNorm` with the averaged weights.
 * State: 4 bytes per f32 parameter, and the optimizer's.
 * Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018.
 * @throws ConfigError unless start is a whole number of at least 0 and every one of at least 1.
 * @example swa(sgd(0.05, { momentum: 0.9 }), { start: 7500, every: 100 });
 */
export function swa(optimizer: Optimizer, options: SwaOptions): Optimizer<AverageState> {
  rejectUnknown("swa", options, ["start", "every"]);
  const { start, every = 1 } = options;
  checkWhole("swa", "start", start, 0);
  checkWhole("swa", "every", every, 1);
  return averaging("swa", optimizer, hyperSet("swa", {}), (average, p, taken) => {
    const since = taken.sub(start);
    const counts = since.remainder(every).eq(0);
    const share = since.floorDivide(every).add(1).astype("f32").reciprocal();
    const mean = average.add(p.sub(average).mul(share));
    return where(since.lt(0), p, where(counts, mean, average));
  });
}

type Average = (
  average: Tensor,
  parameter: Tensor,
  taken: Tensor,
  now: ReturnType<ReturnType<typeof hyperSet>["at"]>,
) => Tensor;

function averaging(
  op: string,
  optimizer: Optimizer,
  hyper: ReturnType<typeof hyperSet>,
  mean: Average,
): Optimizer<AverageState> {
  checkSteps(op, optimizer);
  return {
    traits: {
      name: op,
      stage: optimizer.traits?.stage,
      schedules: hyper.schedules,
      parts: [optimizer],
    },
    init(params) {
      const device = deviceOfTree(op, params);
      const inner = optimizer.init(params);
      return { ...hyper.init(device), inner, average: copiesOf(op, params), taken: zeroOn(device, "i32") };
    },
    update<P extends TensorTree>(
      grads: P,
      state: AverageState,
      params: P,
      at?: StepContext,
    ): [P, AverageState] {
      const now = hyper.at(state);
      const [updates, inner] = optimizer.update(grads, state.inner, params, at);
      const average = mapTensors(
        op,
        (p, u, kept) => mean(kept as Tensor, p.add(u as Tensor), state.taken, now),
        params,
        updates,
        state.average,
      );
      return [updates, { ...now.next, inner, average, taken: state.taken.add(1) }];
    },
  };
}

/** The averages that a node of a state keeps; null where it is not one of `ema` or `swa`. */
export const averageIn = (node: Readonly<Record<string, unknown>>): Kept | null =>
  "average" in node && "inner" in node
    ? { name: "average", tree: node.average as TensorTree, at: (_, average) => average }
    : null;
