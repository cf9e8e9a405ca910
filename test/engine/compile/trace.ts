/** Plans of functions over trees of tensors, without any device: for looking at what is fused. */
import { Tensor } from "nabla";
import { nullBackend } from "../../../src/engine/backend/null/index.ts";
import { type CompileOptions, compile } from "../../../src/engine/compile/index.ts";
import {
  type Capabilities,
  type DType,
  type Node,
  type Plan,
  rawNode,
} from "../../../src/engine/ir/index.ts";
import { flattenTree, mapTree, type Shape } from "../../../src/util/index.ts";

/** A tensor that is given when the plan runs. */
export const given = (shape: Shape, dtype: DType = "f32"): Tensor =>
  new Tensor(rawNode("input", [], { dtype, shape }, {}));

const nodesOf = (tree: unknown): Node[] =>
  flattenTree(tree).leaves.flatMap((leaf) => (leaf instanceof Tensor ? [leaf.node] : []));

/** The same tree with every tensor given instead of computed. */
export const givenLike = <T>(tree: T): T =>
  mapTree(tree, (leaf) => (leaf instanceof Tensor ? given(leaf.shape, leaf.dtype) : leaf));

export function planOf(args: readonly unknown[], results: unknown, options: CompileOptions = {}): Plan {
  const inputs = nodesOf(args);
  const graph = { inputs, outputs: nodesOf(results), donated: inputs.map(() => false) };
  return compile(graph, nullBackend().caps, { verify: true, ...options });
}

/** The plan of state -> [next state, results]; the state is updated in place. */
export function planOfStep(
  state: unknown,
  args: readonly unknown[],
  next: unknown,
  results: unknown,
  options: CompileOptions = {},
  caps: Partial<Capabilities> = {},
): Plan {
  const [old, fresh] = [nodesOf(state), nodesOf(next)];
  const inputs = [...old, ...nodesOf(args)];
  const outputs = [...fresh, ...nodesOf(results)];
  const donated = inputs.map((_, i) => i < old.length);
  const pairs = old.map((_, i) => [i, i] as const);
  return compile({ inputs, outputs, donated, pairs }, nullBackend(caps).caps, { verify: true, ...options });
}
