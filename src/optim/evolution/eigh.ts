/** eigh: eigenvalues and eigenvectors of a symmetric matrix in float64, by Householder's reduction and implicit QR steps. */
import { ConfigError, InternalError, ShapeError } from "../../util/index.ts";

export interface Eigh {
  /** Ascending. */
  readonly values: Float64Array; // [n]
  /** Row k is the eigenvector of values[k], of length 1: A = sum over k of values[k] v_k v_k^T. */
  readonly vectors: Float64Array; // [n, n]
}

/**
 * The eigendecomposition of a symmetric matrix [n, n], of which the lower triangle is read. Values are right to a small multiple of
 * 2^-52 times the greatest of them. About 9 n^3 operations and two matrices of memory.
 * Householder's reduction to a tridiagonal matrix, then QR steps with Wilkinson's shift: Golub and Van Loan, "Matrix computations",
 * 4th edition, sections 8.3.1 to 8.3.3.
 * @throws ShapeError unless there are n^2 numbers; ConfigError unless they are finite.
 * @example eigh(new Float64Array([2, 1, 1, 2]), 2).values // [1, 3]
 */
export function eigh(matrix: Float64Array, n: number): Eigh {
  if (matrix.length !== n * n) {
    throw new ShapeError(`eigh: a matrix of ${n} rows must have ${n * n} numbers; got ${matrix.length}.`);
  }
  if (!matrix.every(Number.isFinite)) throw new ConfigError("eigh: the matrix must hold finite numbers.");
  const { diagonal, beside, rows } = tridiagonal(matrix, n);
  diagonalise(diagonal, beside, rows);
  return sorted(diagonal, rows);
}

interface Tridiagonal {
  readonly diagonal: Float64Array; // [n]
  readonly beside: Float64Array; // [n - 1]
  /** The columns of Q in A = Q T Q^T. */
  readonly rows: Float64Array[];
}

/** A = Q T Q^T with T tridiagonal, by reflections I - beta v v^T that clear a column each. */
function tridiagonal(matrix: Float64Array, n: number): Tridiagonal {
  const a = Array.from({ length: n }, (_, i) => {
    const row = matrix.slice(i * n, (i + 1) * n);
    // The upper triangle mirrors the lower.
    for (let j = i + 1; j < n; j++) row[j] = matrix[j * n + i] as number;
    return row;
  });
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(Math.max(0, n - 1));
  const betas = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    // The reflection's v takes the place of the row that it clears, from k + 1 on.
    const v = a[k] as Float64Array;
    diagonal[k] = v[k] as number;
    const head = v[k + 1] as number;
    let scale = 0;
    for (let j = k + 2; j < n; j++) scale = Math.max(scale, Math.abs(v[j] as number));
    if (scale === 0) {
      beside[k] = head;
      continue;
    }
    scale = Math.max(scale, Math.abs(head));
    for (let j = k + 1; j < n; j++) v[j] = (v[j] as number) / scale;
    const norm = Math.sqrt(dot(v, v, k + 1));
    // The sign that does not cancel.
    const end = head > 0 ? -norm : norm;
    beside[k] = end * scale;
    v[k + 1] = (v[k + 1] as number) - end;
    const beta = 2 / dot(v, v, k + 1);
    betas[k] = beta;
    for (let i = k + 1; i < n; i++) p[i] = beta * dot(a[i] as Float64Array, v, k + 1);
    const half = (beta / 2) * dot(p, v, k + 1);
    for (let i = k + 1; i < n; i++) p[i] = (p[i] as number) - half * (v[i] as number);
    for (let i = k + 1; i < n; i++) {
      const row = a[i] as Float64Array;
      const [vi, pi] = [v[i] as number, p[i] as number];
      for (let j = k + 1; j < n; j++)
        row[j] = (row[j] as number) - vi * (p[j] as number) - pi * (v[j] as number);
    }
  }
  if (n > 0) diagonal[n - 1] = (a[n - 1] as Float64Array)[n - 1] as number;
  const rows = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(n);
    row[i] = 1;
    return row;
  });
  for (let k = n - 2; k >= 0; k--) {
    const beta = betas[k] as number;
    if (beta === 0) continue;
    const v = a[k] as Float64Array;
    // Rows up to k are still those of the identity and meet no v.
    for (let i = k + 1; i < n; i++) {
      const row = rows[i] as Float64Array;
      const along = beta * dot(row, v, k + 1);
      for (let j = k + 1; j < n; j++) row[j] = (row[j] as number) - along * (v[j] as number);
    }
  }
  return { diagonal, beside, rows };
}

function dot(a: Float64Array, b: Float64Array, from: number): number {
  let sum = 0;
  for (let j = from; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
}

/** Turns T into its eigenvalues in place, from the last on, and turns `rows` along. */
function diagonalise(d: Float64Array, e: Float64Array, rows: Float64Array[]): void {
  const small = (k: number) =>
    Math.abs(e[k] as number) <= Number.EPSILON * (Math.abs(d[k] as number) + Math.abs(d[k + 1] as number));
  let high = d.length - 1;
  for (let left = 60 * d.length; high > 0; left--) {
    if (left === 0) throw new InternalError("eigh: the QR steps do not come to an end.");
    if (small(high - 1)) {
      e[--high] = 0;
      continue;
    }
    let low = high - 1;
    while (low > 0 && !small(low - 1)) low--;
    step(d, e, rows, low, high);
  }
}

/** One implicit QR step on the unreduced block low .. high, shifted by the eigenvalue of its last two rows that is nearer d[high]. */
function step(d: Float64Array, e: Float64Array, rows: Float64Array[], low: number, high: number): void {
  const last = e[high - 1] as number;
  const half = ((d[high - 1] as number) - (d[high] as number)) / 2;
  const away = Math.hypot(half, last);
  const shift = (d[high] as number) - (last / (half + (half < 0 ? -away : away))) * last;
  let x = (d[low] as number) - shift;
  let bulge = e[low] as number;
  for (let k = low; k < high; k++) {
    const r = Math.hypot(x, bulge);
    const [c, s] = r === 0 ? [1, 0] : [x / r, bulge / r];
    if (k > low) e[k - 1] = r;
    const [a, b, q] = [d[k] as number, e[k] as number, d[k + 1] as number];
    const cross = 2 * c * s * b;
    d[k] = c * c * a + cross + s * s * q;
    d[k + 1] = s * s * a - cross + c * c * q;
    e[k] = c * s * (q - a) + (c * c - s * s) * b;
    if (k + 1 < high) {
      x = e[k] as number;
      bulge = s * (e[k + 1] as number);
      e[k + 1] = c * (e[k + 1] as number);
    }
    turn(rows[k] as Float64Array, rows[k + 1] as Float64Array, c, s);
  }
}

function turn(a: Float64Array, b: Float64Array, c: number, s: number): void {
  for (let j = 0; j < a.length; j++) {
    const [x, y] = [a[j] as number, b[j] as number];
    a[j] = c * x + s * y;
    b[j] = c * y - s * x;
  }
}

function sorted(values: Float64Array, rows: readonly Float64Array[]): Eigh {
  const n = values.length;
  const order = [...values.keys()].sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    vectors.set(rows[from] as Float64Array, to * n);
  });
  return { values: values.map((_, i) => values[order[i] as number] as number), vectors };
}
