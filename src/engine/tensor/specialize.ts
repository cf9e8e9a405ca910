/** Specialising a function to one signature: traced once, compiled, with a program that only runs it. */
import { ConfigError, flattenTree, isPlainObject, UnsupportedError } from "../../util/index.ts";
import { formatAval, type MatmulPrecision, type Node, rawNode, sameAval } from "../ir/index.ts";
import { type Compiled, compiled, realize, type Storage, storageOf, withoutDebt } from "../runtime/index.ts";
import { buildTree, type Call, leavesOf, type Signature, type Template } from "./signature.ts";
import { fromStorage, Tensor } from "./tensor.ts";

export interface Specialized {
  readonly args: readonly Template[];
  readonly program: Compiled;
  /** Every donated tensor has its successor in the result. */
  readonly repeatable: boolean;
  /** The result is a tensor, not a tree of them. */
  readonly single: boolean;
  /** The storages of a call's arguments and of what the function captured. */
  inputs(call: Call): readonly Storage[];
  /** The result tree on these storages. */
  result(outputs: readonly Storage[]): unknown;
}

export type Traceable = (...args: unknown[]) => unknown;

/** Traces `fn` and compiles it. Throws ConfigError for an async function. */
export function specialize(
  name: string,
  fn: Traceable,
  signature: Signature,
  matmulPrecision: MatmulPrecision,
): Specialized {
  const { args, call } = signature;
  const firstTraced = rawNode("const", [], { dtype: "f32", shape: [] }, { value: 0 }).id;
  const inputs: Node[] = [];
  const scalars: Node[] = [];
  const traced = args.map((template) =>
    buildTree(template, (leaf) => {
      if (leaf.kind === "static") return leaf.value;
      const aval = leaf.kind === "tensor" ? leaf.aval : ({ dtype: "f32", shape: [] } as const);
      const node = rawNode("input", [], aval, {});
      (leaf.kind === "tensor" ? inputs : scalars).push(node);
      return new Tensor(node);
    }),
  );
  const value = withPrecision(matmulPrecision, () => withoutDebt(() => fn(...traced)));
  if (value instanceof Promise) {
    throw new ConfigError(
      `${name}: a compiled function must not be async; it got a promise as result. Read tensors outside of it.`,
    );
  }
  const outputs: Node[] = [];
  const template = describeResult(value, outputs);
  const captured = captures(outputs, new Set([...inputs, ...scalars]), firstTraced);
  for (const node of captured) {
    const { device } = boundStorage(name, node);
    if (device === call.device) continue;
    throw new UnsupportedError(
      `${name}: a captured ${formatAval(node.aval)} is on ${device.name}, the arguments on ${call.device.name}. Move it with await t.to("${call.device.name}").`,
    );
  }
  const donated = args.flatMap(leavesOf).flatMap((leaf) => (leaf.kind === "tensor" ? [leaf.donated] : []));
  const pairs = pairUp(args, template, outputs);
  const program = compiled(call.device, {
    inputs: [...inputs, ...captured],
    scalars,
    outputs,
    donated: [...donated, ...captured.map(() => false)],
    pairs,
    matmulPrecision,
  });
  const wanted = donated.filter(Boolean).length;
  return {
    args,
    program,
    repeatable: wanted > 0 && pairs.length === wanted,
    single: value instanceof Tensor,
    inputs: ({ storages }) =>
      captured.length === 0 ? storages : [...storages, ...captured.map((node) => boundStorage(name, node))],
    result: (storages) => fill(template, storages),
  };
}

let tracing: MatmulPrecision = "f32";

/** The precision of matrix products in the function being traced: of the outermost compiled one. */
export const tracedPrecision = (): MatmulPrecision => tracing;

function withPrecision<R>(precision: MatmulPrecision, body: () => R): R {
  const outer = tracing;
  tracing = precision;
  try {
    return body();
  } finally {
    tracing = outer;
  }
}

class Output {
  constructor(readonly index: number) {}
}

function describeResult(value: unknown, outputs: Node[]): Template {
  if (value instanceof Tensor) {
    outputs.push(value.node);
    return { kind: "static", value: new Output(outputs.length - 1) };
  }
  if (Array.isArray(value))
    return { kind: "array", items: value.map((item) => describeResult(item, outputs)) };
  if (isPlainObject(value)) {
    const keys = Object.keys(value);
    const items = keys.map((key) => describeResult(value[key], outputs));
    return { kind: "object", keys, items };
  }
  return { kind: "static", value };
}

/** Nodes from outside the trace that it reads: realised now, so that their work is not repeated in every call. */
function captures(outputs: readonly Node[], own: ReadonlySet<Node>, firstTraced: number): Node[] {
  const found = new Set<Node>();
  const seen = new Set<Node>();
  const stack = [...outputs];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const outside = node.id < firstTraced && node.op !== "const" && !own.has(node);
    if (node.value !== null || outside) found.add(node);
    else stack.push(...node.src);
  }
  const list = [...found].sort((a, b) => a.id - b.id);
  realize(list);
  return list;
}

function boundStorage(name: string, node: Node): Storage {
  const storage = storageOf(node);
  if (storage === null)
    throw new UnsupportedError(`${name}: a captured ${formatAval(node.aval)} has no value.`);
  return storage;
}

/**
 * Which output continues which donated input, leaf by leaf: the n-th donated argument against the n-th element of the result,
 * or the whole result, whichever has its structure.
 */
function pairUp(
  args: readonly Template[],
  result: Template,
  outputs: readonly Node[],
): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  let input = 0;
  let order = 0;
  for (const arg of args) {
    const leaves = leavesOf(arg);
    const donated = leaves.some((leaf) => leaf.kind === "tensor" && leaf.donated);
    const successor = donated ? successorOf(arg, result, order++) : undefined;
    leaves.forEach((leaf, index) => {
      if (leaf.kind !== "tensor") return;
      const source = input++;
      const next = successor?.[index];
      if (next?.kind !== "static" || !(next.value instanceof Output)) return;
      const target = outputs[next.value.index];
      if (target !== undefined && sameAval(leaf.aval, target.aval)) pairs.push([next.value.index, source]);
    });
  }
  return pairs;
}

function successorOf(arg: Template, result: Template, order: number): readonly Template[] | undefined {
  const candidates = result.kind === "array" ? [result.items[order], result] : [result];
  const structure = structureOf(arg);
  const match = candidates.find(
    (candidate) => candidate !== undefined && structureOf(candidate) === structure,
  );
  return match && sortedLeaves(match);
}

/** Equal for trees of equal structure, whatever the order of an object's keys. */
function structureOf(template: Template): string {
  return flattenTree(buildTree(template, () => null)).structure;
}

/** Leaves in the order of a signature: keys sorted. */
function sortedLeaves(template: Template): Template[] {
  return flattenTree(buildTree(template, (leaf) => new Boxed(leaf))).leaves.map(
    (leaf) => (leaf as Boxed).leaf,
  );
}

class Boxed {
  constructor(readonly leaf: Template) {}
}

/** Part of every call, hence without closures and entries. */
function fill(template: Template, storages: readonly Storage[]): unknown {
  switch (template.kind) {
    case "array": {
      const { items } = template;
      const list = new Array<unknown>(items.length);
      for (let i = 0; i < items.length; i++) list[i] = fill(items[i] as Template, storages);
      return list;
    }
    case "object": {
      const { keys, items } = template;
      const record: Record<string, unknown> = {};
      for (let i = 0; i < keys.length; i++) record[keys[i] as string] = fill(items[i] as Template, storages);
      return record;
    }
    case "static": {
      const { value } = template;
      return value instanceof Output ? fromStorage(storages[value.index] as Storage) : value;
    }
    default:
      return undefined;
  }
}
