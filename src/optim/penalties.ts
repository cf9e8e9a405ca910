/** Penalties on parameters, to be added to a loss. */
import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { ConfigError, flattenTree, optionNames, rejectUnknown } from "../util/index.ts";
import { picker, type Which } from "./links/which.ts";
import { deviceOfTree, type TensorTree } from "./optimizer.ts";

export interface PenaltyOptions {
  /** Which parameters are penalised, by path and value. Default all. */
  readonly mask?: Which;
}

const penaltyOptions = optionNames<PenaltyOptions>({ mask: true });

/**
 * strength * sum of |p|: a 0-d tensor. Its gradient is strength * sign(p), which seldom gives exact zeros: see `proximal`.
 * Tibshirani, "Regression shrinkage and selection via the lasso", 1996.
 * @throws ConfigError for a negative strength or an empty tree.
 * @example loss.add(l1Penalty(params, 1e-4, { mask: (path) => path.endsWith("weight") }));
 */
export const l1Penalty = (params: TensorTree, strength: number, options: PenaltyOptions = {}): Tensor =>
  penalty("l1Penalty", params, strength, options, (p) => p.abs().sum());

/**
 * strength / 2 * sum of p^2: a 0-d tensor whose gradient is strength * p, PyTorch's `weight_decay` for SGD.
 * Hoerl and Kennard, "Ridge regression", 1970.
 * @throws ConfigError for a negative strength or an empty tree.
 */
export const l2Penalty = (params: TensorTree, strength: number, options: PenaltyOptions = {}): Tensor =>
  penalty("l2Penalty", params, strength / 2, options, (p) => p.square().sum());

/**
 * l1 * sum of |p| + l2 / 2 * sum of p^2. Zou and Hastie, "Regularization and variable selection via the elastic net", 2005.
 * @throws ConfigError for a negative weight or an empty tree.
 */
export const elasticNet = (
  params: TensorTree,
  { l1, l2, ...options }: PenaltyOptions & { readonly l1: number; readonly l2: number },
): Tensor => l1Penalty(params, l1, options).add(l2Penalty(params, l2, options));

function penalty(
  op: string,
  params: TensorTree,
  strength: number,
  options: PenaltyOptions,
  of: (p: Tensor) => Tensor,
): Tensor {
  rejectUnknown(op, options, penaltyOptions);
  if (!(strength >= 0 && Number.isFinite(strength))) {
    throw new ConfigError(`${op}: the strength must be at least 0; got ${strength}.`);
  }
  const device = deviceOfTree(op, params);
  const { leaves, paths } = flattenTree(params);
  const { takes, check } = picker(op, options.mask);
  check(params);
  const picked = (leaves as Tensor[]).filter((p, at) => takes(paths[at] as string, p));
  const terms = picked.map((p) => of(p));
  const sum = terms.reduce((total, term) => total.add(term), tensor(0, { device }));
  return sum.mul(strength);
}
