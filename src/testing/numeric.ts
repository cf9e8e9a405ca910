/** Numeric derivatives in f64, to check analytic ones against. */
import { type Node, rawNode, topologicalOrder } from "../engine/ir/index.ts";
import { backward, decodeElements, evaluateGraph } from "../engine/ops/index.ts";
import { readNode, withoutDebt } from "../engine/runtime/index.ts";
import { Tensor } from "../index.ts";
import { ShapeError, sizeOf } from "../util/index.ts";

export interface NumericOptions {
  /** Half the distance of the two points a slope is taken between, relative to max(1, |x|). Default 1e-5. */
  readonly eps?: number;
}

/** A function traced over f32 tensors, to be evaluated in f64. */
interface Traced {
  readonly params: readonly Node[];
  readonly out: Node;
  /** Values of the parameters (to be changed) and of captured tensors. */
  readonly values: Map<Node, Float64Array>;
}

async function trace(fn: (...xs: Tensor[]) => Tensor, xs: readonly Tensor[]): Promise<Traced> {
  const params = xs.map((x) => rawNode("input", [], x.node.aval, {}));
  const out = withoutDebt(() => fn(...params.map((param) => new Tensor(param)))).node;
  const values = new Map<Node, Float64Array>();
  for (const [i, param] of params.entries()) values.set(param, await valuesOf((xs[i] as Tensor).node));
  await bindCaptured([out], values);
  return { params, out, values };
}

const valuesOf = async (node: Node): Promise<Float64Array> =>
  decodeElements(await readNode(node), node.aval.dtype);

/** Reads what the graph takes from outside. */
async function bindCaptured(roots: readonly Node[], values: Map<Node, Float64Array>): Promise<void> {
  for (const node of topologicalOrder(roots)) {
    if (node.value !== null && !values.has(node)) values.set(node, await valuesOf(node));
  }
}

/** Slopes of the sum of `out` by each element of one parameter. */
function slopes(
  { params, out, values }: Traced,
  which: number,
  weights: Float64Array | null,
  eps: number,
): Float64Array {
  const param = params[which] as Node;
  const at = values.get(param) as Float64Array;
  const total = (point: Float64Array): number => {
    const [result] = evaluateGraph([out], new Map(values).set(param, point)) as [Float64Array];
    return result.reduce((sum, value, i) => sum + value * (weights?.[i] ?? 1), 0);
  };
  return at.map((x, i) => {
    const step = eps * Math.max(1, Math.abs(x));
    return (total(at.with(i, x + step)) - total(at.with(i, x - step))) / (2 * step);
  });
}

/**
 * The gradient of a scalar function at x by central differences, (f(x + h) - f(x - h)) / 2h for each element, row-major.
 * The function is traced once and evaluated by the f64 meaning of the primitives, so the result is good to about 1e-9, whatever
 * device x is on. Costs two evaluations per element.
 * @throws ShapeError unless the function gives one element.
 * @example expectClose(grad(f)(x), await numericGradient(f, x))
 */
export async function numericGradient(
  fn: (x: Tensor) => Tensor,
  x: Tensor,
  { eps = 1e-5 }: NumericOptions = {},
): Promise<Float64Array> {
  const traced = await trace(fn, [x]);
  if (traced.out.aval.shape.length !== 0) {
    throw new ShapeError(
      `numericGradient: the function must give a scalar; got [${traced.out.aval.shape}]. Reduce it with .sum().`,
    );
  }
  return slopes(traced, 0, null, eps);
}

/**
 * Throws unless the analytic gradients of `fn` by all f32 arguments agree with numeric ones, both in f64, within `tolerance`
 * (relative to max(1, |slope|), default 1e-6). Results of any shape are weighted with fixed uneven numbers before they are summed,
 * so that errors cannot cancel.
 * @example await checkGradient((a, b) => a.matmul(b), [a, b]);
 */
export async function checkGradient(
  fn: (...xs: Tensor[]) => Tensor,
  xs: readonly Tensor[],
  { eps = 1e-5, tolerance = 1e-6 }: NumericOptions & { readonly tolerance?: number } = {},
): Promise<void> {
  const traced = await trace(fn, xs);
  const { params, out, values } = traced;
  const float = params.flatMap((param, i) => (param.aval.dtype === "f32" ? [i] : []));
  const weights = Float64Array.from({ length: sizeOf(out.aval.shape) }, (_, i) => 0.6 + Math.sin(1.7 * i));
  const g = rawNode("input", [], out.aval, {});
  const grads = withoutDebt(() =>
    backward(
      [out],
      [g],
      float.map((i) => params[i] as Node),
    ),
  );
  const found = grads.filter((grad) => grad !== null);
  await bindCaptured(found, values);
  const results = evaluateGraph(found, new Map(values).set(g, weights));
  float.forEach((i, order) => {
    const grad = grads[order] ?? null;
    const numeric = slopes(traced, i, weights, eps);
    const analytic = grad === null ? numeric.map(() => 0) : (results[found.indexOf(grad)] as Float64Array);
    numeric.forEach((slope, element) => {
      const own = analytic[element] as number;
      if (!(Math.abs(own - slope) <= tolerance * Math.max(1, Math.abs(slope)))) {
        throw new Error(
          `checkGradient: argument ${i}, element ${element}: the analytic gradient is ${own}, the numeric one ${slope}.`,
        );
      }
    });
  });
}
