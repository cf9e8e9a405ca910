/** The end of Lanczos' iteration: the eigenvalues of the small matrix it leaves. */

/**
 * The greatest eigenvalue of the symmetric tridiagonal matrix with `diagonal` (n numbers) and `beside` it (n - 1, none 0), by bisection on
 * the count of negative pivots of T - x (Sturm), to the last bits. NaN where a number is none.
 * @see Golub and Van Loan, "Matrix computations", 8.4.
 * @example greatestOfTridiagonal([2, 2], [1]); // 3
 */
export function greatestOfTridiagonal(diagonal: readonly number[], beside: readonly number[]): number {
  if (diagonal.length === 0 || ![...diagonal, ...beside].every(Number.isFinite)) return Number.NaN;
  const radius = (i: number): number => Math.abs(beside[i - 1] ?? 0) + Math.abs(beside[i] ?? 0);
  let low = Math.max(...diagonal);
  let high = Math.max(...diagonal.map((value, i) => value + radius(i))); // Gershgorin
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (below(diagonal, beside, middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Whether all eigenvalues are below x. */
function below(diagonal: readonly number[], beside: readonly number[], x: number): boolean {
  let pivot = Number.NEGATIVE_INFINITY;
  return diagonal.every((value, i) => {
    pivot = value - x - (beside[i - 1] ?? 0) ** 2 / pivot;
    return pivot < 0;
  });
}
