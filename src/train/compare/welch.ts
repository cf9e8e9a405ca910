/** Welch's t-test: whether two means differ by more than their samples' noise, with unequal deviations. */

/** ln Γ(x) for x > 0: Stirling's series, after the recurrence has brought x to where five terms give 1e-13. */
function logGamma(x: number): number {
  if (x < 12) return logGamma(x + 1) - Math.log(x);
  const square = x * x;
  const series =
    1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * square)) / square) / square) / square;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series / x;
}

/** The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, Lentz's way). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  // The fraction converges fast on this side of the mean; the other side is its reflection.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x) - Math.log(a),
  );
  const away = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let [c, d, fraction] = [1, 1 / away(1 - ((a + b) * x) / (a + 1)), 1];
  fraction = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const term of [even, odd]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return front * fraction;
}

/**
 * p of the two-sided test that two samples have one mean: t = (ā - b̄) / √(s²a/na + s²b/nb), with the degrees of freedom of
 * Welch and Satterthwaite. Without any spread p is 1 for equal means and 0 else. Null with fewer than two values on a side.
 *
 * Welch, "The generalization of Student's problem when several different population variances are involved", 1947.
 */
export function welch(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 2 || b.length < 2) return null;
  const [va, vb] = [variance(a) / a.length, variance(b) / b.length];
  const difference = mean(a) - mean(b);
  if (va + vb === 0) return difference === 0 ? 1 : 0;
  const t2 = difference ** 2 / (va + vb);
  const freedom = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  return incompleteBeta(freedom / (freedom + t2), freedom / 2, 0.5);
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample: with one value, 0. */
export function variance(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return values.length > 1 ? squares / (values.length - 1) : 0;
}
