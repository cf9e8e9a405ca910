/** Helpers of the ops tests: seeded values, evaluation, and derivatives against central differences. */
import { expect } from "vitest";
import type { DType, Node } from "../../../src/engine/ir/index.ts";
import { build as b, backward, evaluateGraph } from "../../../src/engine/ops/index.ts";
import { type Shape, sizeOf } from "../../../src/util/index.ts";

/** Numbers in [0, 1), the same for the same seed (a multiplicative congruential generator). */
export function uniform(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) % 2147483647 || 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

export const param = (shape: Shape, dtype: DType = "f32"): Node => b.make("input", [], {}, shape, dtype);

export interface Input {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly data: readonly number[];
}

/** Floats in [low, high), no two alike. */
export function floats(shape: Shape, seed = 1, low = -2, high = 2): Input {
  const next = uniform(seed);
  const seen = new Set<number>();
  const data = Array.from({ length: sizeOf(shape) }, () => {
    let value = low + (high - low) * next();
    while (seen.has(value)) value = low + (high - low) * next();
    seen.add(value);
    return value;
  });
  return { shape, data };
}

export const ints = (shape: Shape, data: readonly number[]): Input => ({ shape, dtype: "i32", data });
export const bools = (shape: Shape, data: readonly number[]): Input => ({ shape, dtype: "bool", data });

/** The values of a graph of `inputs`. */
export function run(inputs: readonly Input[], build: (x: readonly Node[]) => readonly Node[]): number[][] {
  const params = inputs.map(({ shape, dtype }) => param(shape, dtype));
  const bindings = new Map(params.map((node, i) => [node, Float64Array.from((inputs[i] as Input).data)]));
  return evaluateGraph(build(params), bindings).map((values) => [...values]);
}

/** One result. */
export const run1 = (inputs: readonly Input[], build: (x: readonly Node[]) => Node): number[] =>
  run(inputs, (x) => [build(x)])[0] as number[];

/** Gradients of sum(c * out) for fixed numbers c, with respect to the float inputs. */
export function gradients(outs: readonly Node[], params: readonly Node[], seed = 7): Node[] {
  const next = uniform(seed);
  const cotangents = outs.map(({ aval }) => {
    if (aval.dtype !== "f32") return null;
    // A fixed direction: sin(k + i), so that no two elements weigh the same.
    const count = sizeOf(aval.shape);
    const place = b.reshape(b.iota([count], 0, "f32"), aval.shape);
    return b.sin(b.add(b.mul(place, b.fill(place, 1 + next())), b.fill(place, 10 * next())));
  });
  const floatParams = params.filter(({ aval }) => aval.dtype === "f32");
  return backward(outs, cotangents, floatParams).map((g, i) => g ?? b.fill(floatParams[i] as Node, 0));
}

const STEP = 1e-5;

/** Checks the derivatives of `build` in every float input against central differences, `order` times over. */
export function checkDerivatives(
  inputs: readonly Input[],
  build: (x: readonly Node[]) => readonly Node[],
  order = 1,
): void {
  const params = inputs.map(({ shape, dtype }) => param(shape, dtype));
  const outs = build(params);
  const grads = gradients(outs, params);
  const bind = (data: readonly (readonly number[])[]) =>
    new Map(params.map((node, i) => [node, Float64Array.from(data[i] as number[])]));
  const values = inputs.map(({ data }) => data);
  const analytic = evaluateGraph(grads, bind(values));
  // The same scalar the gradients are of.
  const weights = gradientWeights(outs);
  const floatOuts = outs.filter(({ aval }) => aval.dtype === "f32");
  const scalar = (data: readonly (readonly number[])[]) => {
    const results = evaluateGraph([...floatOuts, ...weights], bind(data));
    const half = floatOuts.length;
    return floatOuts.reduce((sum, _, i) => {
      const [y, c] = [results[i] as Float64Array, results[half + i] as Float64Array];
      return sum + y.reduce((total, value, k) => total + (c[k] === 0 ? 0 : value * (c[k] as number)), 0);
    }, 0);
  };
  let n = 0;
  inputs.forEach(({ dtype, data }, i) => {
    if (dtype !== undefined && dtype !== "f32") return;
    const got = analytic[n++] as Float64Array;
    expect(got.length).toBe(data.length);
    data.forEach((value, k) => {
      const moved = (by: number) => values.map((old, j) => (j === i ? old.with(k, value + by) : old));
      const numeric = (scalar(moved(STEP)) - scalar(moved(-STEP))) / (2 * STEP);
      const error = Math.abs((got[k] as number) - numeric) / Math.max(1, Math.abs(numeric));
      expect(error, `order ${order}, input ${i}, element ${k}: ${got[k]} against ${numeric}`).toBeLessThan(
        1e-6,
      );
    });
  });
  if (order > 1) {
    checkDerivatives(inputs, (x) => gradients(build(x), x), order - 1);
  }
}

/** The fixed cotangents that `gradients` uses, one per float result. */
function gradientWeights(outs: readonly Node[]): Node[] {
  const floatOuts = outs.filter(({ aval }) => aval.dtype === "f32");
  // d(sum c*y)/dy = c: differentiate by stand-ins for the results.
  const stands = floatOuts.map(({ aval }) => param(aval.shape));
  const all = outs.map((out) => (out.aval.dtype === "f32" ? (stands[floatOuts.indexOf(out)] as Node) : out));
  return gradients(all, stands);
}
