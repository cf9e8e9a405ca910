/** shrinkAndPerturb: a warm start that learns new data as well as a fresh one. */
import { random, type Tensor } from "../engine/tensor/index.ts";
import { flattenTree, rejectUnknown } from "../util/index.ts";
import { mapTaken, picker, type Which } from "./links/which.ts";
import type { TensorTree } from "./optimizer.ts";
import { checkRange } from "./range.ts";

export interface ShrinkAndPerturbOptions {
  /** lambda: what is kept of each number. Default 0.5. */
  readonly shrink?: number;
  /** sigma: standard deviation of the noise. Default 0.01. */
  readonly deviation?: number;
  /** Of the noise: a seed or a key. Default 0. */
  readonly key?: Tensor | number;
  /** Which parameters. Default all; scales of norms are often left out. */
  readonly mask?: Which;
}

/**
 * p' = shrink p + N(0, deviation^2), before training goes on with more data: shrinking keeps what the network says and gives its gradients
 * back their size, which a trained network's have lost. Equal keys give equal noise. The optimizer should start anew.
 * Ash and Adams, "On warm-starting neural network training", 2020.
 * @throws ConfigError unless shrink is in [0, 1] and deviation at least 0, and for a pattern that matches nothing.
 * @example model.load(shrinkAndPerturb(model.parameters(), { shrink: 0.4, deviation: 0.01, mask: "**\/weight" }));
 */
export function shrinkAndPerturb<P extends TensorTree>(params: P, options: ShrinkAndPerturbOptions = {}): P {
  const op = "shrinkAndPerturb";
  rejectUnknown(op, options, ["shrink", "deviation", "key", "mask"]);
  const { shrink = 0.5, deviation = 0.01, key = 0 } = options;
  checkRange(op, "shrink", shrink, { min: 0, max: 1 });
  checkRange(op, "deviation", deviation, { min: 0 });
  const { takes, check } = picker(op, options.mask);
  check(params);
  const root = typeof key === "number" ? random.key(key) : key;
  const { leaves } = flattenTree(params);
  const noise = (p: Tensor) => random.normal(random.foldIn(root, leaves.indexOf(p)), p.shape);
  return mapTaken(op, takes, (p) => p.mul(shrink).add(noise(p).mul(deviation)), params, params);
}
