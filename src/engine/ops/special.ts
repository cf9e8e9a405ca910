/** Special functions in f64 that JavaScript's Math lacks. */

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/** exp(-x^2) with the rounding error of x*x corrected. */
function gaussian(x: number): number {
  // Split x so that high * high is exact: the error of x*x would be multiplied by x^2 in the exponent.
  const high = Math.round(x * 65536) / 65536;
  return Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
}

/**
 * The error function, 2/sqrt(pi) * integral of exp(-t^2) from 0 to x, to a few units in the last place.
 * Source: Abramowitz and Stegun 7.1.6 (a series of positive terms) below 2; 7.1.14 (a continued fraction for 1 - erf) above.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return Number.NaN;
  if (a > 6) return Math.sign(x);
  if (a < 2) {
    // Innermost first, so that rounding errors shrink on the way out.
    let sum = 1;
    for (let n = 40; n > 0; n--) sum = 1 + (sum * 2 * a * a) / (2 * n + 1);
    return TWO_OVER_SQRT_PI * x * gaussian(a) * sum;
  }
  let fraction = a;
  for (let k = 100; k > 0; k--) fraction = a + k / 2 / fraction;
  return Math.sign(x) * (1 - gaussian(a) / (Math.sqrt(Math.PI) * fraction));
}
