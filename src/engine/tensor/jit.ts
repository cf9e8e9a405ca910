/** jit: a function over trees of tensors becomes one plan per signature; later calls do not run the function again. */
import { ConfigError, flattenTree, mapTree, UnsupportedError } from "../../util/index.ts";
import { type Aval, formatAval, type Node, rawNode, sameAval } from "../ir/index.ts";
import {
  type Compiled,
  compiled,
  type Device,
  defaultDevice,
  isTracing,
  realize,
  type Storage,
  storageOf,
  withoutDebt,
} from "../runtime/index.ts";
import { Tensor } from "./tensor.ts";

export interface JitOptions {
  /** Positions of arguments whose tensors are given away: their memory becomes the result's. Reading them later throws. */
  readonly donate?: readonly number[];
  /** For messages. */
  readonly name?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: any function over trees can be compiled; its own types stay those of the caller
type AnyFunction = (...args: any[]) => unknown;

export interface Jitted<F extends AnyFunction> {
  (...args: Parameters<F>): ReturnType<F>;
  /**
   * Runs the function `count` times in one call off the event loop: a call's donated results are the next call's donated
   * arguments, everything else is the same each time. Resolves to the last result.
   * Throws ConfigError unless every tensor of the donated arguments has its successor in the result.
   */
  repeat(count: number, ...args: Parameters<F>): Promise<ReturnType<F>>;
  /** The plan for these arguments, compiled if need be, without running it. */
  planFor(...args: Parameters<F>): Compiled["plan"];
  /** How many signatures were traced so far. */
  readonly compilations: number;
}

/** Inside a trace a number is what it is at the top level: a 0-d tensor. */
function numbersAsTensors(arg: unknown): unknown {
  return mapTree(arg, (leaf) =>
    typeof leaf === "number"
      ? new Tensor(rawNode("const", [], { dtype: "f32", shape: [] }, { value: leaf }))
      : leaf,
  );
}

/** What a leaf of the arguments is to the compiled function. */
type Leaf =
  | { readonly kind: "tensor"; readonly aval: Aval }
  | { readonly kind: "number" }
  | { readonly kind: "static"; readonly value: unknown };

interface Entry {
  readonly program: Compiled;
  /** Tensors captured by closure (or made by it): bound to their storage at each call. */
  readonly captured: readonly Node[];
  /** The result tree, in which a number stands for the output of that index. */
  readonly template: unknown;
  readonly repeatable: boolean;
}

class OutputIndex {
  constructor(readonly index: number) {}
}

const WARN_SHAPES = 8;

/**
 * Compiles `fn`, a pure function over trees (arrays, plain objects) of tensors and numbers.
 *
 * Keyed by the tree's structure, dtypes and shapes: the first call with a signature traces `fn` and compiles one plan; further
 * calls only run it. Numbers become 0-d f32 inputs, so a changing learning rate compiles nothing. Strings, booleans and null are
 * part of the key. Tensors captured from outside are read at each call.
 *
 * @param options.donate `[0]` lets a training step update its state in place.
 * @throws ConfigError when a leaf cannot be an argument; DonatedError when a donated tensor is used again.
 * @example
 * const step = jit((w: Tensor, x: Tensor) => w.sub(x.mul(0.1)), { donate: [0] });
 * w = step(w, x);
 */
export function jit<F extends AnyFunction>(fn: F, options: JitOptions = {}): Jitted<F> {
  const name = options.name ?? (fn.name || "jit");
  const donate = new Set(options.donate ?? []);
  const entries = new Map<string, Entry>();
  let warned = false;

  const lookup = (args: readonly unknown[]) => {
    const call = readArguments(name, args, donate);
    const key = `${call.device.name}|${call.key}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = trace(name, fn, args, donate, call);
      entries.set(key, entry);
      if (entries.size > WARN_SHAPES && !warned) {
        warned = true;
        const shapes = [...entries.keys()].slice(-3).join("; ");
        process.emitWarning(
          `${name} was compiled for ${entries.size} signatures, each of which costs a compilation. The last: ${shapes}. Pad to fixed shapes.`,
          { type: "NablaWarning" },
        );
      }
    }
    const inputs = [...call.storages, ...entry.captured.map((node) => boundStorage(name, node))];
    return { entry, call, inputs };
  };

  const jitted = (...args: unknown[]): unknown => {
    if (isTracing()) return fn(...args.map(numbersAsTensors)); // part of the outer function's plan
    const { entry, call, inputs } = lookup(args);
    return fill(entry.template, entry.program.run(inputs, call.numbers, name));
  };
  const repeat = async (count: number, ...args: unknown[]): Promise<unknown> => {
    if (!Number.isInteger(count) || count < 1) {
      throw new ConfigError(`${name}.repeat: count must be a positive integer; got ${count}.`);
    }
    const { entry, call, inputs } = lookup(args);
    if (!entry.repeatable) {
      throw new ConfigError(
        `${name}.repeat: each tensor of the donated arguments needs a successor of equal dtype and shape at the same place of the result (the result itself, or its first element). Hint: jit(fn, { donate: [0] }) with fn(state, ...) => [nextState, ...].`,
      );
    }
    return fill(entry.template, await entry.program.runMany(inputs, call.numbers, count, name));
  };
  const planFor = (...args: unknown[]) => lookup(args).entry.program.plan;
  Object.assign(jitted, { repeat, planFor });
  Object.defineProperty(jitted, "compilations", { get: () => entries.size });
  Object.defineProperty(jitted, "name", { value: name });
  return jitted as unknown as Jitted<F>;
}

interface Call {
  readonly key: string;
  readonly device: Device;
  readonly leaves: readonly Leaf[];
  readonly storages: readonly Storage[];
  readonly donated: readonly boolean[];
  readonly numbers: readonly number[];
}

/** Realises the tensors among the arguments and describes every leaf. */
function readArguments(name: string, args: readonly unknown[], donate: ReadonlySet<number>): Call {
  const leaves: Leaf[] = [];
  const storages: Storage[] = [];
  const donated: boolean[] = [];
  const numbers: number[] = [];
  const pending: Node[] = [];
  const nodes: Node[] = [];
  let key = "";
  args.forEach((arg, position) => {
    const flat = flattenTree(arg);
    key += `${flat.structure}${donate.has(position) ? "!" : ""}:`;
    flat.leaves.forEach((leaf, index) => {
      if (leaf instanceof Tensor) {
        if (leaf.node.value === null) pending.push(leaf.node);
        nodes.push(leaf.node);
        donated.push(donate.has(position));
        leaves.push({ kind: "tensor", aval: leaf.node.aval });
        key += `${formatAval(leaf.node.aval)};`;
      } else if (typeof leaf === "number") {
        numbers.push(leaf);
        leaves.push({ kind: "number" });
        key += "#;";
      } else if (leaf === null || ["string", "boolean", "undefined", "bigint"].includes(typeof leaf)) {
        leaves.push({ kind: "static", value: leaf });
        key += `${typeof leaf}${String(leaf)};`;
      } else {
        throw new ConfigError(
          `${name}: argument ${position}${flat.paths[index] ? ` at ${flat.paths[index]}` : ""} must be a tensor, number, string, boolean or null; got ${describe(leaf)}. Capture other values by closure.`,
        );
      }
    });
  });
  realize(pending);
  let device: Device | null = null;
  for (const node of nodes) {
    const storage = storageOf(node) as Storage;
    device ??= storage.device;
    if (storage.device !== device) {
      throw new UnsupportedError(
        `${name}: all arguments must be on one device; got ${device.name} and ${storage.device.name}. Move one with await t.to("${device.name}").`,
      );
    }
    storages.push(storage);
  }
  return { key, device: device ?? defaultDevice(), leaves, storages, donated, numbers };
}

function describe(value: unknown): string {
  if (typeof value === "function") return "a function";
  return value?.constructor?.name ?? typeof value;
}

function trace(
  name: string,
  fn: AnyFunction,
  args: readonly unknown[],
  donate: ReadonlySet<number>,
  call: Call,
): Entry {
  const firstTraced = rawNode("input", [], { dtype: "f32", shape: [] }, {}).id;
  const inputs: Node[] = [];
  const scalars: Node[] = [];
  /** Donated argument leaves in order, by input index. */
  const donatedInputs: number[] = [];
  let at = 0;
  const traced = args.map((arg, position) =>
    mapTree(arg, () => {
      const leaf = call.leaves[at++] as Leaf;
      switch (leaf.kind) {
        case "static":
          return leaf.value;
        case "number": {
          const node = rawNode("input", [], { dtype: "f32", shape: [] }, {});
          scalars.push(node);
          return new Tensor(node);
        }
        case "tensor": {
          const node = rawNode("input", [], leaf.aval, {});
          if (donate.has(position)) donatedInputs.push(inputs.length);
          inputs.push(node);
          return new Tensor(node);
        }
        default:
          return leaf satisfies never;
      }
    }),
  );
  const result = withoutDebt(() => fn(...traced));
  if (result instanceof Promise) {
    throw new ConfigError(
      `${name}: a compiled function must not be async; it got a promise as result. Read tensors outside of it.`,
    );
  }
  const outputs: Node[] = [];
  const template = mapTree(result, (leaf) => {
    if (!(leaf instanceof Tensor)) return leaf;
    outputs.push(leaf.node);
    return new OutputIndex(outputs.length - 1);
  });
  const captured = captures(outputs, new Set([...inputs, ...scalars]), firstTraced);
  const { pairs, complete } = pairUp(args, donate, template, donatedInputs, inputs, outputs);
  for (const node of captured) {
    const storage = boundStorage(name, node);
    if (storage.device !== call.device) {
      throw new UnsupportedError(
        `${name}: a captured ${formatAval(node.aval)} is on ${storage.device.name}, the arguments on ${call.device.name}. Move it with await t.to("${call.device.name}").`,
      );
    }
  }
  const program = compiled(call.device, {
    inputs: [...inputs, ...captured],
    scalars,
    outputs,
    donated: [...call.donated, ...captured.map(() => false)],
    pairs,
  });
  return { program, captured, template, repeatable: complete };
}

/** Nodes from outside the trace that it reads: realised now, so that their work is not repeated in every call. */
function captures(outputs: readonly Node[], own: ReadonlySet<Node>, firstTraced: number): Node[] {
  const outside = (node: Node) => node.id < firstTraced && node.op !== "const" && !own.has(node);
  const found = new Set<Node>();
  const seen = new Set<Node>();
  const stack = [...outputs];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.value !== null || outside(node)) found.add(node);
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
 * Which output continues which donated input: leaf by leaf where a donated argument and the result (or the element of the
 * result at the same position among donated ones) have the same structure.
 */
function pairUp(
  args: readonly unknown[],
  donate: ReadonlySet<number>,
  template: unknown,
  donatedInputs: readonly number[],
  inputs: readonly Node[],
  outputs: readonly Node[],
): { pairs: (readonly [number, number])[]; complete: boolean } {
  const pairs: (readonly [number, number])[] = [];
  const positions = [...donate].sort((a, b) => a - b).filter((position) => position < args.length);
  let at = 0;
  positions.forEach((position, order) => {
    const argument = flattenTree(args[position]);
    const tensors = argument.leaves.map((leaf) => leaf instanceof Tensor);
    const mine = donatedInputs.slice(at, at + tensors.filter(Boolean).length);
    at += mine.length;
    const candidates = Array.isArray(template) ? [template[order], template] : [template];
    const match = candidates.map(flattenTree).find((tree) => tree.structure === argument.structure);
    let next = 0;
    match?.leaves.forEach((leaf, index) => {
      if (!tensors[index]) return;
      const input = mine[next++] as number;
      if (!(leaf instanceof OutputIndex)) return;
      const [source, target] = [inputs[input], outputs[leaf.index]];
      if (source && target && sameAval(source.aval, target.aval)) pairs.push([leaf.index, input]);
    });
  });
  return { pairs, complete: donatedInputs.length > 0 && pairs.length === donatedInputs.length };
}

/** The result tree with a tensor on each storage. */
function fill(template: unknown, storages: readonly Storage[]): unknown {
  return mapTree(template, (leaf) => {
    if (!(leaf instanceof OutputIndex)) return leaf;
    const storage = storages[leaf.index] as Storage;
    const node = rawNode("input", [], storage.aval, {});
    node.value = storage;
    return new Tensor(node);
  });
}
