/** SOAP's direction: Adam's in the eigenbasis of Shampoo's statistics. */
import {
  argsort,
  cond,
  diagonal,
  logicalAnd,
  type Tensor,
  take,
  tensor,
  where,
} from "../../engine/tensor/index.ts";
import { flattenTree, mapTree, optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { gramAlong, timesAlong } from "../linalg/axes.ts";
import { eigh, qr } from "../linalg/index.ts";
import { deviceOfTree, mapTensors, type Optimizer, settled, type TensorTree, zerosOf } from "../optimizer.ts";
import { checkWhole } from "../range.ts";
import { zeroOn } from "./means.ts";

export interface ScaleBySoapOptions {
  /** Decay of the mean of gradients. Default 0.95. */
  readonly beta1?: Hyper;
  /** Decay of the mean of squares. Default 0.95. */
  readonly beta2?: Hyper;
  /** Decay of the statistics. Default that of the mean of squares. */
  readonly shampooBeta?: Hyper;
  /** Added to the root. Default 1e-8. */
  readonly epsilon?: Hyper;
  /** Steps from one change of the basis to the next. Default 10. */
  readonly every?: number;
  /** Longer axes keep their own basis. Default 10000. */
  readonly maxPreconditionerDim?: number;
}

export const soapLinkOptions = optionNames<ScaleBySoapOptions>({
  beta1: true,
  beta2: true,
  shampooBeta: true,
  epsilon: true,
  every: true,
  maxPreconditionerDim: true,
});

/** Of one parameter, by axis; none for axes that keep their basis. */
type Axes = { readonly [axis: string]: Tensor };

type SoapState = HyperState & {
  readonly mu: TensorTree;
  /** The mean of squares, in the basis. */
  readonly nu: TensorTree;
  /** Means of G G^T along each axis, and their eigenvectors: a list with one entry per parameter. */
  readonly statistics: readonly Axes[];
  readonly bases: readonly Axes[];
  readonly weight1: Tensor;
  readonly weight2: Tensor;
  /** Steps taken, i32. */
  readonly taken: Tensor;
};

/**
 * With Q_i the basis along axis i, and P g = g turned by every Q_i: m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) (P g)^2;
 * u = P^-1 (P m / (sqrt(v) + epsilon)) sqrt(1 - b2^t) / (1 - b1^t). Then L_i <- b L_i + (1 - b) G_i G_i^T, G_i being g unfolded along i,
 * and every `every` steps Q_i <- the orthogonal factor of L_i Q_i, Q_i's columns first ordered by their Rayleigh quotients, and v with them.
 * The first step only makes the first basis, the eigenvectors of L_i, and moves nothing. Vectors and scalars have no basis: Adam.
 *
 * As the authors' code has it, but m stays in the parameters' own coordinates, which is the same. Their merging of axes is left out.
 * State: 8 bytes per f32 parameter, and 8 n^2 for each axis of n in a parameter of two axes or more.
 * Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam", 2024.
 * @throws ConfigError for values out of range.
 */
export function scaleBySoap(options: ScaleBySoapOptions = {}): Optimizer<SoapState> {
  const { beta1 = 0.95, beta2 = 0.95, shampooBeta = beta2, epsilon = 1e-8 } = options;
  const { every = 10, maxPreconditionerDim = 10000 } = options;
  const op = "scaleBySoap";
  rejectUnknown(op, options, soapLinkOptions);
  checkWhole(op, "every", every, 1);
  checkWhole(op, "maxPreconditionerDim", maxPreconditionerDim, 0);
  const unit = { min: 0, below: 1 };
  const hyper = hyperSet(
    op,
    {
      beta1: [beta1, unit],
      beta2: [beta2, unit],
      shampooBeta: [shampooBeta, unit],
      epsilon: [epsilon, { min: 0 }],
    },
    ["beta1", "beta2", "shampooBeta"],
  );
  const axesOf = ({ shape }: Tensor): number[] =>
    shape.length < 2 ? [] : shape.flatMap((size, axis) => (size <= maxPreconditionerDim ? [axis] : []));
  const zeroMatrices = (leaf: Tensor): Axes =>
    Object.fromEntries(
      axesOf(leaf).map((axis) => {
        const size = leaf.shape[axis] as number;
        return [axis, tensor(new Float32Array(size * size), { shape: [size, size], device: leaf.device })];
      }),
    );
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      const leaves = flattenTree(params).leaves as Tensor[];
      return {
        ...hyper.init(device),
        mu: zerosOf(op, params),
        nu: zerosOf(op, params),
        statistics: leaves.map(zeroMatrices),
        bases: leaves.map(zeroMatrices),
        weight1: zeroOn(device),
        weight2: zeroOn(device),
        taken: zeroOn(device, "i32"),
      };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const isFirst = state.taken.eq(0);
      const mean = (before: Tensor, x: Tensor, beta: string) =>
        settled(before.mul(now.value(beta)).add(x.mul(now.complement(beta))));
      const later = (x: Tensor) => where(isFirst, 0, x);
      const weight1 = later(state.weight1.mul(now.value("beta1")).add(now.complement("beta1")));
      const weight2 = later(state.weight2.mul(now.value("beta2")).add(now.complement("beta2")));
      const length = later(weight2.sqrt().div(where(isFirst, 1, weight1)));

      const gradients = flattenTree(grads).leaves as Tensor[];
      const mu = mapTensors(op, (g, m) => later(mean(m, g, "beta1")), grads, state.mu);
      const squares = (flattenTree(state.nu).leaves as Tensor[]).map((v, at) =>
        later(mean(v, turn(gradients[at] as Tensor, state.bases[at] as Axes).square(), "beta2")),
      );
      let leaf = 0;
      const updates = mapTensors(
        op,
        (_, m) => {
          const [basis, v] = [state.bases[leaf] as Axes, squares[leaf++] as Tensor];
          const scaled = turn(m as Tensor, basis).div(v.sqrt().add(now.value("epsilon")));
          return turnBack(scaled, basis).mul(length);
        },
        grads,
        mu,
      );
      const statistics = gradients.map((g, at) =>
        eachAxis(state.statistics[at] as Axes, (before, axis) =>
          mean(before, gramAlong(g, axis), "shampooBeta"),
        ),
      );
      const started = cond(isFirst, () => statistics.map((all) => eachAxis(all, eigenvectors)), state.bases);
      const isDue = logicalAnd(state.taken.gt(0), state.taken.remainder(every).eq(0));
      const refined = cond(
        isDue,
        (before) => before.map(({ basis, v }, at) => refine(statistics[at] as Axes, basis, v)),
        started.map((basis, at) => ({ basis, v: squares[at] as Tensor })),
      );
      let next = 0;
      const nu = mapTree<TensorTree>(state.nu, () => refined[next++]?.v);
      const bases = refined.map(({ basis }) => basis);
      return [
        updates,
        { ...now.next, mu, nu, statistics, bases, weight1, weight2, taken: state.taken.add(1) },
      ];
    },
  };
}

const eachAxis = (axes: Axes, map: (matrix: Tensor, axis: number) => Tensor): Axes =>
  Object.fromEntries(Object.entries(axes).map(([axis, matrix]) => [axis, map(matrix, Number(axis))]));

/** In the coordinates of the bases. */
const turn = (x: Tensor, bases: Axes): Tensor =>
  Object.entries(bases).reduce((y, [axis, q]) => timesAlong(y, Number(axis), q), x);

const turnBack = (x: Tensor, bases: Axes): Tensor =>
  Object.entries(bases).reduce((y, [axis, q]) => timesAlong(y, Number(axis), q.transpose()), x);

/** As columns, that of the largest eigenvalue first. */
const eigenvectors = (symmetric: Tensor): Tensor => eigh(symmetric).v.flip([1]);

/** A step of orthogonal iteration along each axis; v goes with the columns. */
function refine(statistics: Axes, bases: Axes, v: Tensor): { basis: Axes; v: Tensor } {
  let turned = v;
  const basis = eachAxis(bases, (q, axis) => {
    const statistic = statistics[axis] as Tensor;
    const order = argsort(diagonal(q.transpose().matmul(statistic).matmul(q)), -1, { descending: true });
    turned = take(turned, order, axis);
    return qr(statistic.matmul(take(q, order, 1))).q;
  });
  return { basis, v: turned };
}
