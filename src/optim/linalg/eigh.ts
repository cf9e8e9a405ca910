/** Eigenvalues and eigenvectors of a symmetric matrix by Jacobi's rotations, half as many at once as there are rows. */
import {
  arange,
  argsort,
  concat,
  cond,
  diagonal,
  eye,
  logicalAnd,
  logicalOr,
  pad,
  scan,
  type Tensor,
  take,
  where,
} from "../../engine/tensor/index.ts";
import { ShapeError } from "../../util/index.ts";

/** Sweeps are quadratic in the end: hardly any matrix needs ten. */
const MOST_SWEEPS = 20;

/** V^T A V, which becomes diagonal, and V^T. */
type Turned = { readonly a: Tensor; readonly vt: Tensor };

/**
 * A = V diag(w) V^T for a symmetric A: [n, n], with w: [n] ascending and V: [n, n] orthogonal, its columns the eigenvectors (of any
 * sign). For every symmetric matrix, to about n roundings of the largest eigenvalue. A sweep takes about 12 n^3 operations over memory,
 * and six to ten sweeps are made: for matrices of up to a few hundred rows. A plan of a few steps whatever n. No gradient is promised.
 * Golub and Van Loan, "Matrix computations", 8.5; the pairs of a round as in Brent and Luk 1985.
 * @throws ShapeError unless A is a square matrix, not empty.
 * @example const { w, v } = eigh(gram.add(gram.transpose()));
 */
export function eigh(a: Tensor): { w: Tensor; v: Tensor } {
  const [n, columns] = a.shape as [number, number];
  if (a.ndim !== 2 || n !== columns || n === 0) {
    throw new ShapeError(`eigh: the matrix must be square, not empty; got ${a.dtype}[${a.shape}].`);
  }
  const even = n + (n % 2);
  const most = a.abs().max();
  const scale = where(most.gt(0), most, 1);
  // A last row of zeros is turned by nothing.
  const start = { a: pad(a.div(scale), [0, even - n]), vt: eye(even) };
  type Carry = Turned & { readonly off: Tensor; readonly before: Tensor };
  const total = start.a.square().sum();
  const step = (now: Carry): [Carry, null] => {
    const goesOn = logicalOr(now.off.gt(total.mul(1e-6)), now.off.lt(now.before.mul(0.25)));
    const next = cond(
      logicalAnd(now.off.gt(0), goesOn),
      ({ a, vt, off }: Carry): Carry => {
        const [turned] = scan((t: Turned) => [round(t), null], { a, vt }, null, { length: even - 1 });
        return { ...turned, off: offDiagonal(turned.a), before: off };
      },
      now,
    );
    return [next, null];
  };
  const first = { ...start, off: offDiagonal(start.a), before: most.mul(0).add(Number.POSITIVE_INFINITY) };
  const [{ a: end, vt }] = scan(step, first, null, { length: MOST_SWEEPS });
  const w = diagonal(end).slice([0, n]);
  const order = argsort(w);
  return { w: take(w, order).mul(scale), v: take(vt.slice([0, n], [0, n]), order, 0).transpose() };
}

/** The sum of squares beside the diagonal. */
const offDiagonal = (a: Tensor): Tensor =>
  where(eye(a.shape[0] as number).eq(1), 0, a)
    .square()
    .sum();

/** Makes the entries (i, i + h) zero, all at once, and moves the rows on, so that n - 1 rounds meet every pair once. */
function round({ a, vt }: Turned): Turned {
  const n = a.shape[0] as number;
  const h = n / 2;
  const [low, high] = [
    [0, h],
    [h, n],
  ] as const;
  const at = (rows: readonly [number, number], columns: readonly [number, number]) =>
    diagonal(a.slice(rows, columns));
  const [p, q, beside] = [at(low, low), at(high, high), at(low, high)];
  const theta = q.sub(p).div(beside.mul(2));
  const root = theta.abs().add(theta.square().add(1).sqrt());
  const tangent = where(beside.eq(0), 0, where(theta.lt(0), -1, 1).div(root));
  const c = tangent.square().add(1).sqrt().reciprocal().reshape([h, 1]);
  const s = tangent.reshape([h, 1]).mul(c);
  const order = nextPairs(n);
  const turn = (x: Tensor): Tensor => {
    const [top, bottom] = [x.slice(low), x.slice(high)];
    return take(concat([c.mul(top).sub(s.mul(bottom)), s.mul(top).add(c.mul(bottom))]), order, 0);
  };
  return { a: turn(turn(a).transpose()).transpose(), vt: turn(vt) };
}

/** Where each row comes from: the first stays, the others go round, along the upper half and back along the lower. */
function nextPairs(n: number): Tensor {
  const h = n / 2;
  const i = arange(n);
  if (n === 2) return i;
  const inside = where(i.lt(h), i.sub(1), i.add(1));
  return where(i.eq(0), 0, where(i.eq(1), h, where(i.eq(n - 1), h - 1, inside)));
}
