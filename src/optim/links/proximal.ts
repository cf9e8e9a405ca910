/** Proximal steps: penalties that a gradient treats badly, applied exactly after each step. */
import { maximum } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, type Optimizer, type TensorTree } from "../optimizer.ts";
import { mapTaken, picker, type Which } from "./which.ts";

export interface ProximalOptions {
  /** Weight of the sum of absolute values. */
  readonly l1?: Hyper;
  /** Weight of half the sum of squares. */
  readonly l2?: Hyper;
  /** Of the optimizer before it: a step's share of the penalty. */
  readonly learningRate: Hyper;
  /** Which parameters are penalised. Default all. */
  readonly mask?: Which;
}

export const proximalOptions = optionNames<ProximalOptions>({
  l1: true,
  l2: true,
  learningRate: true,
  mask: true,
});

/**
 * The penalty l1 |p| + l2 p^2 / 2 by its proximal operator, the elastic net's: with q = p + u and r the learning rate,
 * p' = sign(q) max(|q| - r l1, 0) / (1 + r l2). Unlike the gradient of |p| it gives exact zeros, and is stable for any r.
 * The last link of a chain. No state per parameter.
 * Parikh and Boyd, "Proximal algorithms", 2014; Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009.
 * @throws ConfigError for a negative value.
 * @example chain(sgd(0.1), proximal({ l1: 1e-4, learningRate: 0.1 }));
 */
export function proximal(options: ProximalOptions): Optimizer<HyperState> {
  const op = "proximal";
  rejectUnknown(op, options, proximalOptions);
  const { l1 = 0, l2 = 0, learningRate } = options;
  const { takes, check } = picker(op, options.mask);
  const atLeast0 = { min: 0 };
  const hyper = hyperSet(op, {
    l1: [l1, atLeast0],
    l2: [l2, atLeast0],
    learningRate: [learningRate, atLeast0],
  });
  return {
    traits: { name: op, stage: "parameters", schedules: hyper.schedules },
    init(params) {
      check(params);
      return hyper.init(deviceOfTree(op, params));
    },
    update<P extends TensorTree>(updates: P, state: HyperState, params: P): [P, HyperState] {
      const now = hyper.at(state);
      const rate = now.value("learningRate");
      const threshold = rate.mul(now.value("l1"));
      const shrink = rate.mul(now.value("l2")).add(1).reciprocal();
      const next = mapTaken(
        op,
        takes,
        (u, p) => {
          const q = p.add(u);
          return q
            .sign()
            .mul(maximum(q.abs().sub(threshold), 0))
            .mul(shrink)
            .sub(p);
        },
        updates,
        params,
      );
      return [next, now.next];
    },
  };
}
