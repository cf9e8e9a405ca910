/** Optimizer: a pair of pure functions on trees of tensors, one signature for whole optimizers and their links. */
import { type Tensor, tensor, where } from "../engine/tensor/index.ts";
import { ConfigError, flattenTree, mapTree, type Tree } from "../util/index.ts";
import type { Alternation } from "./edge-of-stability.ts";
import type { StepContext } from "./step-context.ts";
import type { Traits } from "./traits.ts";

/** Parameters, gradients, updates: plain objects and arrays of tensors, such as `model.parameters()`. */
export type TensorTree = Tree<Tensor>;

/** What an optimizer remembers: a plain tree, so that it can be saved, donated and compiled. */
export type State = TensorTree;

/**
 * `init` makes the state for the parameters. `update` turns gradients into what is to be added to the parameters, and the
 * state into the next. Both are pure and run inside jit as well as outside. The step's context `at` is for optimizers that look at the
 * loss itself; they throw ConfigError without it.
 *
 * @example
 * const optimizer = adam(1e-3);
 * let params = model.parameters();
 * let state = optimizer.init(params);
 * const [updates, next] = optimizer.update(grads, state, params);
 * params = applyUpdates(params, updates);
 */
export interface Optimizer<S extends State = State> {
  /** What `chain` and others know it by; optimizers and links of your own may do without. */
  readonly traits?: Traits;
  init(params: TensorTree): S;
  update<P extends TensorTree>(grads: P, state: S, params: P, at?: StepContext): [updates: P, state: S];
  /** What becomes here of gradients that turn round at each step, for `edgeOfStability`; left out, or null, where that is not known. */
  alternation?(before: Alternation, state: S, grads: TensorTree): Alternation | null;
}

/** params + updates, leaf by leaf. */
export function applyUpdates<P extends TensorTree>(params: P, updates: P): P {
  return mapTensors("applyUpdates", (parameter, update) => parameter.add(update), params, updates);
}

/**
 * A decaying mean, but 0 below 2^-100: where gradients stay 0 (pixels that are always black, dead units) it would otherwise end as a
 * denormal number that never reaches 0, and processors take up to a hundred times longer with those.
 */
export const settled = (mean: Tensor): Tensor => where(mean.abs().lt(2 ** -100), 0, mean);

/** Maps the leaves of trees of one structure. Throws ConfigError, naming `op`, when the structures differ. */
export function mapTensors<P extends TensorTree>(
  op: string,
  map: (first: Tensor, ...rest: Tensor[]) => Tensor,
  first: P,
  ...rest: readonly TensorTree[]
): P {
  const { structure, leaves } = flattenTree(first);
  const others = rest.map((tree) => {
    const flat = flattenTree(tree);
    if (flat.structure !== structure) {
      throw new ConfigError(
        `${op}: trees must have one structure; got ${brief(structure)} and ${brief(flat.structure)}. Pass the gradients and the state of these parameters.`,
      );
    }
    return flat.leaves as Tensor[];
  });
  let at = 0;
  return mapTree<P>(first, () => {
    const index = at++;
    return map(leaves[index] as Tensor, ...others.map((list) => list[index] as Tensor));
  });
}

const brief = (structure: string): string =>
  structure.length > 120 ? `${structure.slice(0, 117)}...` : structure;

/** `value` everywhere, in the shape of each tensor of a tree and on its device: fresh memory, so that it can be donated. */
export function filledLike(op: string, tree: TensorTree, value: number): TensorTree {
  const filled = ({ shape, size, device }: Tensor) =>
    tensor(new Float32Array(size).fill(value), { shape, device });
  return mapTensors(op, filled, tree);
}

/** Zeros like each tensor of a tree; see `filledLike`. */
export const zerosOf = (op: string, tree: TensorTree): TensorTree => filledLike(op, tree, 0);

/** A copy of each tensor of a tree: fresh memory, so that both can be donated. */
export const copiesOf = (op: string, tree: TensorTree): TensorTree =>
  // Only x + 0 is not x to the compiler, which keeps the sign of zeros.
  mapTensors(op, (leaf) => leaf.add(0), tree);

/** The device of a tree's first tensor. Throws ConfigError when it has none. */
export function deviceOfTree(op: string, tree: TensorTree): string {
  const [first] = flattenTree(tree).leaves as Tensor[];
  if (first === undefined) {
    throw new ConfigError(
      `${op}: there must be a parameter to train; got an empty tree. Initialise the model first.`,
    );
  }
  return first.device;
}
