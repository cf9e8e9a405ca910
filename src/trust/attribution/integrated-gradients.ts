/** integratedGradients: what each input adds to an output on the way from a baseline. */
import { broadcastTo, jit, Tensor, take, tensor, zeros } from "../../engine/tensor/index.ts";
import { type Module, predict, type Tensors } from "../../nn/index.ts";
import { formatShape, optionNames, rejectUnknown, ShapeError, sameShape } from "../../util/index.ts";
import { checkFinite, checkInputs, checkOneOf, checkWhole } from "../checks.ts";
import { byBatches, compiled, valuesOf } from "../compiled.ts";
import { type QuadratureRule, quadrature, quadratureRules } from "./quadrature.ts";
import { gradientOf } from "./saliency.ts";
import { type Attribution, type AttributionOptions, resolveTargets, scoresOf, targetRows } from "./target.ts";

export interface IntegratedGradientsOptions extends AttributionOptions {
  /** Where the path begins: a number for all inputs, or a tensor in the shape of a row or of x. Default 0. */
  readonly baseline?: number | Tensor;
  /** Points of the path where the gradient is taken. Default 50. */
  readonly steps?: number;
  /** How the integral is summed. Default "gaussLegendre"; "right" is the paper's. */
  readonly rule?: QuadratureRule;
}

const known = optionNames<IntegratedGradientsOptions>({
  target: true,
  batch: true,
  baseline: true,
  steps: true,
  rule: true,
});

export interface IntegratedGradients extends Attribution {
  /** output(x) - output(baseline), of each row. */
  readonly difference: Float32Array;
  /** The completeness gap of each row: what the sum of its attributions lacks of the difference. 0 but for the steps and rounding. */
  readonly gap: Float32Array;
}

type State = readonly [sum: Tensor, point: Tensor];

/**
 * (x - b) times the integral over a from 0 to 1 of d output / d x at b + a (x - b), in the shape of x [n, ...]: Sundararajan, Taly and
 * Yan, "Axiomatic attribution for deep networks", 2017. Completeness: the attributions of a row add up to output(x) - output(b); `gap`
 * tells how nearly. For smooth networks Gauss-Legendre needs some ten steps, for ReLU the gap falls about as 1 / steps.
 * @throws as `saliency`; ShapeError for a baseline of another shape.
 * @example const { values, gap } = await integratedGradients(model, images, { target: 3, steps: 100 });
 */
export async function integratedGradients(
  model: Module,
  x: Tensor,
  options: IntegratedGradientsOptions = {},
): Promise<IntegratedGradients> {
  const op = "integratedGradients";
  rejectUnknown(op, options, known);
  checkInputs(op, x);
  const { batch = 32, steps = 50, rule = "gaussLegendre" } = options;
  checkWhole(op, "steps", steps, 1);
  checkOneOf(op, "rule", rule, quadratureRules);
  const baseline = spread(op, options.baseline ?? 0, x);
  const rows = x.shape[0] as number;
  const targets = await resolveTargets(op, model, x, options);
  const tensors = valuesOf(model);
  const step = compiled(model, op, () =>
    jit(
      ([sum, point]: State, at: Tensor, b: Tensor, own: Tensor, values: Tensors, path: Path): State => {
        const place = b.add(at.sub(b).mul(take(path.points, point)));
        return [sum.add(gradientOf(model, values, place, own).mul(take(path.weights, point))), point.add(1)];
      },
      { donate: [0], name: op },
    ),
  );
  const { points, weights } = quadrature(rule, steps);
  const path: Path = { points: tensor(points), weights: tensor(weights) };
  const values = await byBatches(rows, batch, async (from, to) => {
    const [at, b] = [x.slice([from, to]), baseline.slice([from, to])];
    const state: State = [zeros(at.shape), tensor(0, { dtype: "i32" })];
    const [sum] = await step.repeat(steps, state, at, b, targetRows(targets, from, to), tensors, path);
    return at.sub(b).mul(sum);
  });
  const score = async (inputs: Tensor): Promise<Tensor> =>
    scoresOf(await predict(model, inputs, { batch }), tensor(targets));
  const change = (await score(x)).sub(await score(baseline));
  const gap = change.sub(values.flatten(1).sum(-1));
  return {
    values,
    targets,
    difference: (await change.data()) as Float32Array,
    gap: (await gap.data()) as Float32Array,
  };
}

/** f32 [steps] each. */
type Path = { readonly points: Tensor; readonly weights: Tensor };

/** The baseline of each row. */
function spread(op: string, baseline: number | Tensor, x: Tensor): Tensor {
  if (!(baseline instanceof Tensor)) {
    return tensor(new Float32Array(x.size).fill(checkFinite(op, "baseline", baseline)), { shape: x.shape });
  }
  if (sameShape(baseline.shape, x.shape)) return baseline;
  if (sameShape(baseline.shape, x.shape.slice(1))) return broadcastTo(baseline, x.shape);
  throw new ShapeError(
    `${op}: the baseline must be a number, ${formatShape(x.shape.slice(1))} or ${formatShape(x.shape)}; got ${formatShape(baseline.shape)}.`,
  );
}
