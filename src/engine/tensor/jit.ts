/** jit: a function over trees of tensors becomes one plan per signature; later calls do not run the function again. */
import { ConfigError, mapTree } from "../../util/index.ts";
import { explainPlan } from "../compile/index.ts";
import { type MatmulPrecision, rawNode } from "../ir/index.ts";
import { type Compiled, isTracing, type PlanTiming } from "../runtime/index.ts";
import { type Call, matchSignature, readSignature } from "./signature.ts";
import { type Specialized, specialize, type Traceable, tracedPrecision } from "./specialize.ts";
import { Tensor } from "./tensor.ts";

export interface JitOptions {
  /** Positions of arguments whose tensors are given away: their memory becomes the result's. Reading them later throws. */
  readonly donate?: readonly number[];
  /** For messages. */
  readonly name?: string;
  /** What matrix products round their operands to; see `jit`. Default "f32". */
  readonly matmulPrecision?: MatmulPrecision;
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
  /** What the device says of each of the plan's steps. */
  notesFor(...args: Parameters<F>): readonly string[];
  /**
   * Begins to time the steps of the function's plans, from 0, or ends it. Each run costs some 50 ns a step more meanwhile.
   * @throws UnsupportedError where the device cannot.
   */
  time(on: boolean): void;
  /** What each plan took since `time(true)`; none of those that are not timed. */
  timings(): readonly PlanTiming[];
  /** The plans compiled so far in words, as `explain` gives them. */
  explanations(): readonly string[];
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

export function precisionOf(name: string, precision: MatmulPrecision = "f32"): MatmulPrecision {
  if (precision === "f32" || precision === "bf16") return precision;
  throw new ConfigError(`${name}: matmulPrecision must be "f32" or "bf16"; got ${String(precision)}.`);
}

/** A plan has one precision: that of the function it is made for. */
function checkNested(name: string, asked: MatmulPrecision | undefined): void {
  if (asked === undefined || asked === tracedPrecision()) return;
  throw new ConfigError(
    `${name}: matmulPrecision "${asked}" cannot hold inside a function compiled with "${tracedPrecision()}". Set it on the outer jit.`,
  );
}

const WARN_SHAPES = 8;

/**
 * Compiles `fn`, a pure function over trees (arrays, plain objects) of tensors and numbers.
 *
 * Keyed by the tree's structure, dtypes and shapes: the first call with a signature traces `fn` and compiles one plan; further
 * calls only run it. Numbers become 0-d f32 inputs, so a changing learning rate compiles nothing. Strings, booleans and null are
 * part of the key. Tensors captured from outside are read at each call.
 *
 * `matmulPrecision: "bf16"` rounds the operands of every matrix product inside, gradients included, to bfloat16 (8 bits of
 * significand, nearest, ties to even; below 2^-126: 0) and sums in f32; convolutions stay f32. A product of N(0, 1) matrices
 * with k = 1024 is then off by 2.3e-3 (f32: 6e-7), in norm; MNIST came to the same accuracy within 0.3 points. With AVX512_BF16
 * (Zen 5) products of 512 and more run 1.75 to 1.9 times as fast, a 784-1024-1024-10 network at batch 256 trains 1.4 times as
 * fast, one of 128 units at batch 32 hardly faster; products with few rows or columns (batches below about 64 on small layers,
 * batch 1 above all: 5 to 7 times slower) pay for the rounding and gain nothing. Without the instruction rounded floats go
 * through the f32 kernels: the same bits wherever multiply-adds fuse, a little slower than f32.
 *
 * @param options.donate `[0]` lets a training step update its state in place.
 * @param options.matmulPrecision "f32" (default) or "bf16". A function called inside another compiled one takes that one's.
 * @throws ConfigError when a leaf cannot be an argument, or when a nested function asks for another precision; DonatedError when a donated tensor is used again.
 * @example
 * const step = jit((w: Tensor, x: Tensor) => w.sub(x.mul(0.1)), { donate: [0] });
 * w = step(w, x);
 */
export function jit<F extends AnyFunction>(fn: F, options: JitOptions = {}): Jitted<F> {
  const name = options.name ?? (fn.name || "jit");
  const donate = new Set(options.donate ?? []);
  const precision = precisionOf(name, options.matmulPrecision);
  const known = new Map<string, Specialized>();
  let last: Specialized | null = null;
  let timed = false;

  const lookup = (args: readonly unknown[]): { special: Specialized; call: Call } => {
    const same = last === null ? null : matchSignature(last.args, args, last.program.device);
    if (last !== null && same !== null) return { special: last, call: same };
    const signature = readSignature(name, args, donate);
    let special = known.get(signature.key);
    if (special === undefined) {
      special = specialize(name, fn as Traceable, signature, precision);
      if (timed) special.program.time(true);
      known.set(signature.key, special);
      if (known.size === WARN_SHAPES + 1) warnOfShapes(name, [...known.keys()]);
    }
    last = special;
    return { special, call: signature.call };
  };

  const jitted = (...args: unknown[]): unknown => {
    if (isTracing()) {
      checkNested(name, options.matmulPrecision);
      return fn(...args.map(numbersAsTensors)); // part of the outer function's plan
    }
    const { special, call } = lookup(args);
    return special.result(special.program.run(special.inputs(call), call.numbers, name));
  };
  const repeat = async (count: number, ...args: unknown[]): Promise<unknown> => {
    if (!Number.isInteger(count) || count < 1) {
      throw new ConfigError(`${name}.repeat: count must be a positive integer; got ${count}.`);
    }
    const { special, call } = lookup(args);
    if (!special.repeatable) {
      throw new ConfigError(
        `${name}.repeat: each tensor of the donated arguments needs a successor of equal dtype and shape at the same place of the result (the result itself, or its first element). Hint: jit(fn, { donate: [0] }) with fn(state, ...) => [nextState, ...].`,
      );
    }
    return special.result(await special.program.runMany(special.inputs(call), call.numbers, count, name));
  };
  Object.assign(jitted, {
    repeat,
    planFor: (...args: unknown[]) => lookup(args).special.program.plan,
    notesFor: (...args: unknown[]) => lookup(args).special.program.notes(),
    time: (on: boolean) => {
      for (const { program } of known.values()) program.time(on);
      timed = on;
    },
    timings: () => [...known.values()].flatMap(({ program }) => program.timings() ?? []),
    explanations: () => [...known.values()].map(({ program }) => explainPlan(program.plan, program.notes())),
  });
  Object.defineProperty(jitted, "compilations", { get: () => known.size });
  Object.defineProperty(jitted, "name", { value: name });
  return jitted as unknown as Jitted<F>;
}

function warnOfShapes(name: string, keys: readonly string[]): void {
  process.emitWarning(
    `${name} was compiled for ${keys.length} signatures, each of which costs a compilation. The last: ${keys.slice(-3).join("; ")}. Pad to fixed shapes.`,
    { type: "NablaWarning" },
  );
}
