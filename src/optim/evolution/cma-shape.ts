/** The shape of a normal distribution N(0, C), C = B D^2 B^T: what CMA-ES does with matrices, full or diagonal. */

export interface Shape {
  /** Rows are the columns of B; empty where B is the identity. */
  readonly axes: Float64Array; // [n, n]
  /** D. */
  readonly lengths: Float64Array; // [n]
}

/** Square roots of eigenvalues; what rounding made too small to tell, or negative, counts as 2^-52 of the greatest. */
export function roots(values: Float64Array): Float64Array {
  const least = values.reduce((most, value) => Math.max(most, value), 0) * Number.EPSILON;
  return values.map((value) => Math.sqrt(Math.max(value, least)));
}

/** C^(1/2) z up to a rotation: B D z. */
export function stretch({ axes, lengths }: Shape, z: Float64Array): Float64Array {
  const scaled = z.map((value, k) => value * (lengths[k] as number));
  return axes.length === 0 ? scaled : combine(axes, scaled);
}

/** C^(-1/2) y = B D^-1 B^T y. */
export function whiten({ axes, lengths }: Shape, y: Float64Array): Float64Array {
  const n = y.length;
  if (axes.length === 0) return y.map((value, k) => value / (lengths[k] as number));
  const parts = lengths.map((length, k) => {
    let along = 0;
    for (let j = 0; j < n; j++) along += (axes[k * n + j] as number) * (y[j] as number);
    return along / length;
  });
  return combine(axes, parts);
}

/** The sum of the rows of a matrix times `parts`. */
function combine(rows: Float64Array, parts: Float64Array): Float64Array {
  const n = parts.length;
  const out = new Float64Array(n);
  for (let k = 0; k < n; k++) addTo(out, parts[k] as number, rows.subarray(k * n, (k + 1) * n));
  return out;
}

export function addTo(sum: Float64Array, factor: number, x: Float64Array): void {
  for (let j = 0; j < sum.length; j++) sum[j] = (sum[j] as number) + factor * (x[j] as number);
}

/** C += factor step step^T, or its diagonal alone. */
export function addSquare(c: Float64Array, factor: number, step: Float64Array, diagonal: boolean): void {
  const n = step.length;
  for (let i = 0; i < n; i++) {
    const si = step[i] as number;
    // The product of the steps first: C stays symmetric to the bit.
    if (diagonal) c[i] = (c[i] as number) + factor * (si * si);
    else {
      for (let j = 0; j < n; j++)
        c[i * n + j] = (c[i * n + j] as number) + factor * (si * (step[j] as number));
    }
  }
}

export const squared = (x: Float64Array): number => x.reduce((sum, value) => sum + value * value, 0);

export function identityOf(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
}
