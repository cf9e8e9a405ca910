/** A^(-1/p) of a positive semi-definite matrix by coupled Newton iterations. */
import { cond, eye, logicalOr, maximum, scan, type Tensor, trace, where } from "../../engine/tensor/index.ts";
import { ShapeError } from "../../util/index.ts";
import { checkRange, checkWhole } from "../range.ts";

/** Each round multiplies small eigenvalues by about (1 + 1/p)^p: a hundred suffice for ridges down to 1e-30. */
const MOST_ROUNDS = 100;
/** Squarings behind the largest eigenvalue. */
const SQUARINGS = 10;
/** Matrices with no larger entry count as zero. */
const LEAST = 1e-25;

export interface InverseRootOptions {
  /** Added to every eigenvalue, as a part of the largest. Default 1e-6. */
  readonly ridge?: number;
}

/**
 * (A + ridge max(lambda, 1e-25) I)^(-1/p) for a symmetric positive semi-definite A: [n, n], with lambda its largest eigenvalue:
 * z = (1 + p) / (2 |A|);  M = z A, X = z^(1/p) I;  then T = ((p + 1) I - M) / p, M <- T^p M, X <- X T until M is I as nearly as it gets.
 * Products of matrices alone, about (log2 p + 3) 2 n^3 operations a round, mostly 20 to 50 rounds; those not needed are not made.
 * A plan of a few steps whatever n. No gradient is promised.
 * Iannazzo, "On the Newton method for the matrix p-th root", 2006; the ridge as in Anil et al., "Scalable second-order optimization for
 * deep learning", 2020.
 * @throws ShapeError unless A is a square matrix, not empty; ConfigError unless p is a whole number of at least 1, and ridge above 0.
 * @example const preconditioned = inversePthRoot(left, 4).matmul(g).matmul(inversePthRoot(right, 4));
 */
export function inversePthRoot(a: Tensor, p: number, { ridge = 1e-6 }: InverseRootOptions = {}): Tensor {
  const op = "inversePthRoot";
  const [n, columns] = a.shape as [number, number];
  if (a.ndim !== 2 || n !== columns || n === 0) {
    throw new ShapeError(`${op}: the matrix must be square, not empty; got ${a.dtype}[${a.shape}].`);
  }
  checkWhole(op, "p", p, 1);
  checkRange(op, "ridge", ridge, { above: 0 });
  const scale = maximum(a.abs().max(), LEAST);
  const near = a.div(scale);
  const damped = near.add(eye(n).mul(maximum(largestEigenvalue(near), 1).mul(ridge)));
  const z = damped
    .square()
    .sum()
    .sqrt()
    .reciprocal()
    .mul((1 + p) / 2);
  type Carry = { readonly m: Tensor; readonly x: Tensor; readonly error: Tensor; readonly before: Tensor };
  const distance = (m: Tensor) => m.sub(eye(n)).abs().max();
  const step = (now: Carry): [Carry, null] => {
    const goesOn = logicalOr(now.error.gt(0.1), now.error.lt(now.before));
    const next = cond(
      goesOn,
      ({ m, x, error }: Carry): Carry => {
        const t = eye(n)
          .mul(p + 1)
          .sub(m)
          .div(p);
        const turned = power(t, p).matmul(m);
        return { m: turned, x: x.matmul(t), error: distance(turned), before: error };
      },
      now,
    );
    return [next, null];
  };
  const m = damped.mul(z);
  const before = z.mul(0).add(Number.POSITIVE_INFINITY);
  const first: Carry = { m, x: eye(n).mul(z.pow(1 / p)), error: distance(m), before };
  const [{ x }] = scan(step, first, null, { length: MOST_ROUNDS });
  return x.mul(scale.pow(-1 / p));
}

/** t^p, by squaring. */
function power(t: Tensor, p: number): Tensor {
  if (p === 1) return t;
  const half = power(t, Math.floor(p / 2));
  const square = half.matmul(half);
  return p % 2 === 0 ? square : square.matmul(t);
}

/** tr(A^(k+1)) / tr(A^k) with k = 2^SQUARINGS: the largest eigenvalue of a positive semi-definite A, also where several are as large. */
function largestEigenvalue(a: Tensor): Tensor {
  let high = a;
  for (let i = 0; i < SQUARINGS; i++) {
    const size = high.abs().max();
    const near = high.div(where(size.gt(0), size, 1));
    high = near.matmul(near);
  }
  const below = trace(high);
  return where(
    below.gt(0),
    high
      .mul(a)
      .sum()
      .div(where(below.gt(0), below, 1)),
    0,
  );
}
