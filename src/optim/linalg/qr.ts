/** QR decomposition by Householder's reflections, a block of columns at a time. */
import { arange, eye, pad, scan, type Tensor, take, triu, where, zeros } from "../../engine/tensor/index.ts";
import { ShapeError } from "../../util/index.ts";

/** Columns of a block: enough for good products, few enough that a block stays in the cache. */
const BLOCK = 32;

/** The reflections of a block, I - V T V^T: V^T [block, rows], T [block, block]. */
type Reflections = { readonly vt: Tensor; readonly t: Tensor };

/**
 * A = Q R for A: [rows, columns], with Q: [rows, k] of orthonormal columns, R: [k, columns] upper triangular, k the smaller size.
 * The diagonal of R has any sign, LAPACK's. Backward stable for every matrix, also one without full rank. About
 * 4 rows columns k operations, most of them in products of matrices; a plan of a few steps whatever the size. No gradient is promised.
 * Golub and Van Loan, "Matrix computations", 5.2.3 (the reflections of a block as one product: Schreiber and Van Loan 1989).
 * @throws ShapeError unless A has two axes, none of them empty.
 * @example const { q, r } = qr(random.normal(random.key(0), [64, 16]));
 */
export function qr(a: Tensor): { q: Tensor; r: Tensor } {
  const [rows, columns] = a.shape as [number, number];
  if (a.ndim !== 2 || a.size === 0) {
    throw new ShapeError(`qr: the matrix must be [rows, columns], not empty; got ${a.dtype}[${a.shape}].`);
  }
  const k = Math.min(rows, columns);
  const block = Math.min(BLOCK, k);
  const blocks = Math.ceil(k / block);
  const wide = Math.max(columns, blocks * block);
  // Entries whose squares would overflow, or vanish, are brought near 1.
  const most = a.abs().max();
  const scale = where(most.gt(0), most, 1);
  const start = pad(a.div(scale), [
    [0, 0],
    [0, wide - columns],
  ]);
  const step = (matrix: Tensor, first: Tensor): [Tensor, Reflections] => {
    const panel = take(matrix, arange(block).add(first), 1); // [rows, block]
    const own = reflect(panel, first);
    // (I - V T V^T)^T A
    const product = own.t.transpose().matmul(own.vt.matmul(matrix));
    return [matrix.sub(own.vt.transpose().matmul(product)), own];
  };
  const [end, all] = scan(step, start, arange(blocks).mul(block));
  const [q] = scan(
    (q: Tensor, { vt, t }: Reflections) => [q.sub(vt.transpose().matmul(t.matmul(vt.matmul(q)))), null],
    eye(rows, k),
    all,
    { reverse: true },
  );
  return { q, r: triu(end.slice([0, k], [0, columns])).mul(scale) };
}

/** The reflections that make the panel upper triangular from row `first` on. */
function reflect(panel: Tensor, first: Tensor): Reflections {
  const [rows, block] = panel.shape as [number, number];
  const row = arange(rows);
  type Carry = Reflections & { readonly panel: Tensor };
  const step = ({ panel, vt, t }: Carry, j: Tensor): [Carry, null] => {
    const x = where(row.ge(first.add(j)), take(panel, j, 1).reshape([rows]), 0);
    const pivot = row.eq(first.add(j));
    const head = where(pivot, x, 0).sum();
    const away = where(head.lt(0), -1, 1).mul(x.square().sum().sqrt());
    const long = where(pivot, x.add(away), x);
    const length = long.square().sum().sqrt();
    const v = long.div(where(length.gt(0), length, 1)).reshape([1, rows]);
    // The next column of T: -2 T V^T v above the diagonal, 2 on it.
    const here = arange(block).eq(j).astype("f32").reshape([1, block]);
    const above = t.matmul(vt.matmul(v.transpose())).mul(-2);
    return [
      {
        panel: panel.sub(v.transpose().matmul(v.matmul(panel)).mul(2)),
        vt: vt.add(here.transpose().mul(v)),
        t: t.add(above.add(here.transpose().mul(2)).mul(here)),
      },
      null,
    ];
  };
  const start = { panel, vt: panel.transpose().mul(0), t: zeros([block, block]) };
  const [{ vt, t }] = scan(step, start, arange(block));
  return { vt, t };
}
