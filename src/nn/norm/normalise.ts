/** The arithmetic of batch, layer, group and instance norm: what differs is over which axes. */
import { customGradient, type Tensor } from "../../engine/tensor/index.ts";
import type { Shape } from "../../util/index.ts";
import type { Parameter } from "../parameter.ts";

const keepDims = { keepDims: true };

export interface Moments {
  readonly mean: Tensor;
  /** Divided by how many there are, not by one less. */
  readonly variance: Tensor;
}

/** x less its mean. */
type Centred = Moments & { readonly centred: Tensor };

/** Mean and variance over `axes`, which stay with size 1; in two passes, so that a large mean costs no digits. */
export function moments(x: Tensor, axes: readonly number[]): Centred {
  const mean = x.mean(axes, keepDims);
  const centred = x.sub(mean);
  return { mean, variance: centred.square().mean(axes, keepDims), centred };
}

export interface Affine {
  /** Of x's rank, with size 1 where it is the same along an axis. */
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
}

interface Learned {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
}

/** A layer's weight and bias in a shape of x's rank. */
export const affineAs = ({ weight, bias }: Learned, shape: Shape): Affine => ({
  weight: weight === null ? null : weight.value.reshape(shape),
  bias: bias === null ? null : bias.value.reshape(shape),
});

/**
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias, mean and variance being those of x over `axes`.
 *
 * With c = x - mean, r = 1 / sqrt(variance + epsilon) and n elements to a mean, the gradient is
 * dx = r (w g - sum(w g) / n - c r^2 sum(w g c) / n), dw = sum(g c) r, db = sum(g). Where w stays the same along an axis its sums are
 * dw's and db's too, so those axes come first, in one pass over g and x. Where there is no such axis h = c r takes the place of c.
 */
export function normalise(x: Tensor, affine: Affine, axes: readonly number[], epsilon: number): Tensor {
  const given = [affine.weight, affine.bias].filter((tensor) => tensor !== null);
  const count = axes.reduce((product, axis) => product * (x.shape[axis] as number), 1);
  const same = x.shape.flatMap((_, axis) => (given.every(({ shape }) => shape[axis] === 1) ? [axis] : []));
  const [first, within] = [
    axes.filter((axis) => same.includes(axis)),
    axes.filter((axis) => !same.includes(axis)),
  ];
  const across = same.filter((axis) => !axes.includes(axis));
  const whole = first.length === 0;

  /** c or h, what makes it x's normal form, and r. */
  const parts = (x: Tensor): { s: Tensor; rest: Tensor | number; r: Tensor } => {
    const { centred: c, variance } = moments(x, axes);
    const r = variance.add(epsilon).rsqrt();
    return whole ? { s: c.mul(r), rest: 1, r } : { s: c, rest: r, r };
  };
  const weightOf = (tensors: readonly Tensor[]): Tensor | number =>
    affine.weight ? (tensors[1] as Tensor) : 1;

  const run = customGradient(
    (...tensors) => {
      const { s, rest } = parts(tensors[0] as Tensor);
      const y = s.mul(times(rest, weightOf(tensors)));
      return affine.bias ? y.add(tensors.at(-1) as Tensor) : y;
    },
    (g, tensors) => {
      const { s, rest, r } = parts(tensors[0] as Tensor);
      const w = weightOf(tensors);
      const [ofG, ofGS] = [sum(g, first), times(sum(g.mul(s), first), rest)];
      const mean = (t: Tensor): Tensor => sum(times(t, w), within).mul(1 / count);
      const dx = whole
        ? r.mul(
            times(g, w)
              .sub(mean(ofG))
              .sub(s.mul(mean(ofGS))),
          )
        : g
            .mul(times(r, w))
            .sub(mean(ofG).mul(r))
            .sub(s.mul(mean(ofGS).mul(r.square())));
      return [dx, ...(affine.weight ? [sum(ofGS, across)] : []), ...(affine.bias ? [sum(ofG, across)] : [])];
    },
    "normalise",
  );
  return run(x, ...given);
}

const sum = (x: Tensor, axes: readonly number[]): Tensor => (axes.length === 0 ? x : x.sum(axes, keepDims));

/** The product, 1 costing nothing. */
function times(a: Tensor, b: Tensor | number): Tensor;
function times(a: Tensor | number, b: Tensor | number): Tensor | number;
function times(a: Tensor | number, b: Tensor | number): Tensor | number {
  if (a === 1) return b;
  if (b === 1) return a;
  return typeof a === "number" ? (b as Tensor).mul(a) : a.mul(b);
}
