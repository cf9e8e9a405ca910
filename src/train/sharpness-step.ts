/** The compiled measurement of sharpness: Lanczos' iteration on the Hessian of a batch's loss. It changes nothing. */
import { grad } from "../engine/autodiff/index.ts";
import { type Jitted, jit, random, stack, type Tensor, tensor, where } from "../engine/tensor/index.ts";
import { edgeOfStability, type TensorTree, withLearningRateTimes } from "../optim/index.ts";
import { greatestOfTridiagonal } from "./lanczos.ts";
import type { Params, TrainState } from "./state.ts";
import { batchGradients, type Parts, type TrainData } from "./steps.ts";

export interface Sharpness {
  /**
   * The greatest eigenvalue of the Hessian of the batch's mean loss; under Adam, of D^(1/2) H D^(1/2), with D what it multiplies directions
   * by. As far as the iteration has come: never above it.
   */
  readonly sharpness: number;
  /** Along the gradient g: g H g / g g; under Adam along its step D g, g D H D g / g D g. */
  readonly alongGradient: number;
  /** The sharpness from which this optimizer's steps grow; null where that is not known of it. See `edgeOfStability`. */
  readonly edge: number | null;
}

/** The last two vectors of the basis (f32, one number for each parameter), and how long the last was before it was made 1. */
interface Basis {
  readonly v: Params;
  readonly before: Params;
  readonly beta: Tensor;
}

type LanczosStep = Jitted<(basis: Basis, state: TrainState, data: TrainData) => [Basis, Tensor]>;

/** Separates the randomness of layers in a measurement from that of the step. */
const sharpnessStream = 0x7368;

const mapParams = (params: Params, map: (tensor: Tensor, path: string) => Tensor): Params =>
  Object.fromEntries(Object.entries(params).map(([path, tensor]) => [path, map(tensor, path)]));

const dot = (a: Params, b: Params): Tensor =>
  Object.entries(a)
    .map(([path, one]) => one.mul(b[path] as Tensor).sum())
    .reduce((sum, part) => sum.add(part));

/**
 * From a basis of zeros to the gradient, then from v to H v less its parts along the last two vectors; with f32 [v H v, length, edge].
 * The edge is NaN where it is not known. Products with H are exact: a gradient of g v (Pearlmutter 1994).
 */
function lanczosStep(parts: Parts, rows: number): LanczosStep {
  const exact: Parts = { ...parts, precision: "f32" };
  const step = (basis: Basis, state: TrainState, data: TrainData): [Basis, Tensor] => {
    const key = random.foldIn(random.foldIn(state.key, state.step), sharpnessStream);
    const { lossScale: _, ...plain } = state;
    const { lossAt, grads } = batchGradients(exact, plain, data, state.cursor, rows, key);
    const edgeOf = () => edgeOfStability(parts.optimizer, state.optimizer, grads);
    const edge = data.rateFactor ? withLearningRateTimes(data.rateFactor, edgeOf) : edgeOf();
    const scale = edge?.scale as Params | null | undefined;
    const rooted = (tree: Params): Params =>
      scale ? mapParams(tree, (one, path) => one.mul((scale[path] as Tensor).sqrt())) : tree;
    const along = (params: TensorTree): Tensor => dot(grad(lossAt)(params) as Params, rooted(basis.v));
    const product = rooted(grad(along)(state.params) as Params);
    const start = rooted(grads);
    const alpha = dot(product, basis.v);
    const rest = mapParams(product, (h, path) =>
      where(
        basis.beta.eq(0),
        start[path] as Tensor,
        h.sub((basis.v[path] as Tensor).mul(alpha)).sub((basis.before[path] as Tensor).mul(basis.beta)),
      ),
    );
    const beta = dot(rest, rest).sqrt();
    const next = { v: mapParams(rest, (one) => one.div(beta)), before: basis.v, beta };
    return [next, stack([alpha, beta, edge?.edge ?? alpha.mul(Number.NaN)])];
  };
  return jit(step, { donate: [0], name: "the sharpness measurement", matmulPrecision: "f32" });
}

/** Measures on any number of rows. */
export class SharpnessMeter {
  readonly #steps = new Map<number, LanczosStep>();

  constructor(readonly parts: Parts) {}

  /**
   * On the `rows` rows from the state's cursor on, by `products` products with the Hessian after a gradient: of each some three times a
   * gradient's time. Null where the gradient is 0 or no number.
   * Lanczos, "An iteration method for the solution of the eigenvalue problem", 1950.
   */
  async measure(
    state: TrainState,
    data: TrainData,
    rows: number,
    products: number,
  ): Promise<Sharpness | null> {
    const step = this.#steps.get(rows) ?? lanczosStep(this.parts, rows);
    this.#steps.set(rows, step);
    const { device } = state.step;
    const zeros = (): Params =>
      mapParams(state.params, ({ shape, size }) => tensor(new Float32Array(size), { shape, device }));
    let basis: Basis = { v: zeros(), before: zeros(), beta: tensor(0, { dtype: "f32", device }) };
    const [alphas, betas]: [number[], number[]] = [[], []];
    let edge = Number.NaN;
    let longest = 0;
    for (let i = 0; i <= products; i++) {
      const [next, vector] = step(basis, state, data);
      const [alpha = Number.NaN, beta = Number.NaN, at = Number.NaN] = await vector.data();
      vector.dispose();
      basis = next;
      if (i === 0) edge = at;
      else alphas.push(alpha);
      if (!(beta > 0) || !Number.isFinite(alpha) || !Number.isFinite(beta)) break;
      if (i > 0) {
        longest = Math.max(longest, Math.abs(alpha) + beta);
        if (beta < 1e-6 * longest || i === products) break; // all directions the gradient reaches are seen
        betas.push(beta);
      }
    }
    const sharpness = greatestOfTridiagonal(alphas, betas.slice(0, Math.max(0, alphas.length - 1)));
    if (Number.isNaN(sharpness)) return null;
    return { sharpness, alongGradient: alphas[0] as number, edge: Number.isFinite(edge) ? edge : null };
  }
}
