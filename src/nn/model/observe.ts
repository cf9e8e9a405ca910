/** observe: what each layer of a model is given and gives in one pass, and which nodes it makes. */
import { type DType, type Node, rawNode, topologicalOrder } from "../../engine/ir/index.ts";
import { Tensor, zeros } from "../../engine/tensor/index.ts";
import { type Shape, visitLeaves } from "../../util/index.ts";
import { type Context, context } from "../context.ts";
import { withForwards } from "../forwards.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

export interface ObserveOptions {
  /** Rows of the input. Default 1. */
  readonly batch?: number;
  /** Of the input; "i32" for a model that starts with an embedding. Default "f32". */
  readonly dtype?: DType;
}

/** One run of a layer. */
export interface Call {
  readonly path: string;
  /** The class of a module, the name of a function. */
  readonly kind: string;
  readonly outputs: readonly Tensor[];
  /** The nodes it made itself, not by a layer within it. */
  readonly nodes: readonly Node[];
}

interface Open {
  readonly path: string;
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  readonly outputs: readonly Tensor[];
}

/** The number the next node gets. */
const now = (): number => rawNode("input", [], { dtype: "f32", shape: [] }, {}).id;

const tensorsIn = (tree: unknown): Tensor[] => {
  const found: Tensor[] = [];
  visitLeaves(tree, (leaf) => {
    if (leaf instanceof Tensor) found.push(leaf);
  });
  return found;
};

/** Gives the model's parameters without a value zeros while `fn` runs: shapes are all that counts. */
function withValues<R>(children: Iterable<Module<never, unknown> | Parameter>, fn: () => R): R {
  const empty: Parameter[] = [];
  for (const child of children) {
    if (!(child instanceof Parameter) || child.initialized) continue;
    child.value = zeros(child.shape);
    empty.push(child);
  }
  try {
    return fn();
  } finally {
    for (const parameter of empty) parameter.swap(null);
  }
}

/**
 * Every run of a layer in one pass of the model over `batch` rows of zeros in inference mode, in the order they begin. Nothing is
 * computed, and the model need not be initialised.
 */
export function observe(model: Module, inputShape: Shape, options: ObserveOptions = {}): Call[] {
  const { batch = 1, dtype = "f32" } = options;
  const children = [...model.named().values()];
  const modules = children.filter((child) => child instanceof Module);
  const runs: Open[] = [];
  const watch = <R>(path: string, kind: string, run: () => R): R => {
    const from = now();
    const result = run();
    runs.push({ path, kind, from, to: now(), outputs: tensorsIn(result) });
    return result;
  };
  const ctx: Context = {
    ...context(),
    around: (layer, path, run) => watch(path, layer.name || "function", run),
  };
  const run = () => model.forward(zeros([batch, ...inputShape], dtype), ctx);
  const result = withValues(children, () =>
    withForwards(
      modules,
      (module, input, inner, forward) =>
        watch(module.path, module.constructor.name, () => forward(input, inner)),
      run,
    ),
  );
  const made = topologicalOrder(tensorsIn(result).map(({ node }) => node));
  return attribute(runs, made);
}

/** The layer a node was made in, as in "Linear layers/2"; null outside of the model. */
export type LayerOf = (node: Node) => string | null;

/**
 * Runs `fn`, which calls the model's forward; resolves which layer's forward made a node in it. `fn` must be synchronous.
 * @example
 * const { result, layerOf } = withLayers(model, () => crossEntropy(model.forward(x, context()), y));
 */
export function withLayers<R>(model: Module, fn: () => R): { result: R; layerOf: LayerOf } {
  const runs: Open[] = [];
  const modules = [...model.named().values()].filter((child) => child instanceof Module);
  const result = withForwards(
    modules,
    (module, input, ctx, forward) => {
      const from = now();
      const outputs = forward(input, ctx);
      runs.push({ path: module.path, kind: module.constructor.name, from, to: now(), outputs: [] });
      return outputs;
    },
    fn,
  );
  const layerOf = (node: Node): string | null => {
    const run = innermost(runs, node);
    return run === null ? null : `${run.kind}${run.path === "" ? "" : ` ${run.path}`}`;
  };
  return { result, layerOf };
}

function innermost(runs: readonly Open[], node: Node): Open | null {
  let inner: Open | null = null;
  for (const run of runs) {
    const inside = node.id >= run.from && node.id < run.to;
    if (inside && (inner === null || run.to - run.from < inner.to - inner.from)) inner = run;
  }
  return inner;
}

/** Each node belongs to the shortest run it was made in. */
function attribute(runs: readonly Open[], made: readonly Node[]): Call[] {
  const own = new Map<Open, Node[]>(runs.map((run) => [run, []]));
  for (const node of made) {
    const inner = innermost(runs, node);
    if (inner !== null) own.get(inner)?.push(node);
  }
  return [...runs]
    .sort((a, b) => a.from - b.from || b.to - a.to)
    .map((run) => ({ path: run.path, kind: run.kind, outputs: run.outputs, nodes: own.get(run) ?? [] }));
}
