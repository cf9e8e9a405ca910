/** The values to evaluate and to save for use, where an optimizer keeps others than those it trains. */
import { Tensor } from "../engine/tensor/index.ts";
import { ConfigError, flattenTree, isPlainObject, mapTree } from "../util/index.ts";
import { averageIn } from "./combine/averages.ts";
import { mapTensors, type State, type TensorTree } from "./optimizer.ts";
import { scheduleFreeIn } from "./schedule-free.ts";

/** A part of a state that stands for averages: a tree of some or all parameters, and what is to be evaluated in place of p. */
export interface Kept {
  /** The name under which the node keeps the tree. */
  readonly name: string;
  readonly tree: TensorTree;
  at(p: Tensor, kept: Tensor): Tensor;
}

const keptIn = (node: Readonly<Record<string, unknown>>): Kept | null =>
  averageIn(node) ?? scheduleFreeIn(node);

/** Whether the optimizer keeps averages (`ema`, `swa`, schedule-free) that should be evaluated in place of the parameters. */
export const keepsAverages = (state: State): boolean => findKept(state).length > 0;

/**
 * What to evaluate: the averages of `ema` and `swa` and the x of schedule-free optimizers, wherever they stand in the state (chains,
 * partitions, lookahead); parameters without any stay themselves.
 * @example const scores = evaluate(model, evaluatedParameters(state, params));
 */
export function evaluatedParameters<P extends TensorTree>(state: State, params: P): P {
  const byPath = new Map<string, (p: Tensor) => Tensor>();
  for (const { tree, at } of findKept(state)) {
    const { leaves, paths } = flattenTree(tree);
    paths.forEach((path, i) => {
      if (!byPath.has(path)) byPath.set(path, (p) => at(p, leaves[i] as Tensor));
    });
  }
  return mapTree<P>(params, (leaf, path) => byPath.get(path)?.(leaf as Tensor) ?? leaf);
}

/**
 * The state with its averages begun anew at these parameters, as they must when parameters were loaded that training did not reach.
 * @example state = restartAverages(state, loaded);
 */
export function restartAverages<S extends State>(state: S, params: TensorTree): S {
  const { leaves, paths } = flattenTree(params);
  const byPath = new Map(paths.map((path, i) => [path, leaves[i] as Tensor]));
  // Only x + 0 is not x to the compiler, which keeps the sign of zeros: fresh memory, so that both can be donated.
  const copied = (tree: TensorTree) =>
    mapTree<TensorTree>(tree, (leaf, path) => byPath.get(path)?.add(0) ?? leaf);
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk);
    if (!isPlainObject(node)) return node;
    const kept = keptIn(node);
    return Object.fromEntries(
      Object.entries(node).map(([key, child]) => [key, key === kept?.name ? copied(kept.tree) : walk(child)]),
    );
  };
  return walk(state) as S;
}

/**
 * The averaged parameters in the state of an optimizer with `ema` or `swa` in it.
 * @throws ConfigError where there is none, or more than one.
 */
export function averagedParameters(state: State): TensorTree {
  const found = findKept(state, averageIn);
  if (found.length === 1) return (found[0] as Kept).tree;
  throw new ConfigError(
    `averagedParameters: the optimizer must have one ema or swa; got ${found.length === 0 ? "none" : found.length}.`,
  );
}

/**
 * The parameters to evaluate, x = (p - (1 - beta1) z) / beta1, from the state and parameters of a schedule-free optimizer,
 * alone or inside others.
 * @throws ConfigError when the state is of another optimizer.
 * @example const scores = evaluate(model, evaluationParams(state, params));
 */
export function evaluationParams<P extends TensorTree>(state: State, params: P): P {
  const [own] = findKept(state, scheduleFreeIn);
  if (own === undefined) {
    throw new ConfigError(
      "evaluationParams: the state must be that of a schedule-free optimizer; it has none. Evaluate the parameters themselves.",
    );
  }
  return mapTensors("evaluationParams", (p, z) => own.at(p, z as Tensor), params, own.tree);
}

/** What the nodes of a state keep, those inside of others left out. */
function findKept(state: State, keptOf = keptIn): Kept[] {
  if (Array.isArray(state)) return (state as readonly State[]).flatMap((link) => findKept(link, keptOf));
  if (!isPlainObject(state) || state instanceof Tensor) return [];
  const kept = keptOf(state);
  return kept === null ? Object.values(state).flatMap((child) => findKept(child as State, keptOf)) : [kept];
}
