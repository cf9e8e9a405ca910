/** Points and weights of an integral from 0 to 1. */

export const quadratureRules = ["gaussLegendre", "midpoint", "right"] as const;
export type QuadratureRule = (typeof quadratureRules)[number];

/** The integral of f is about the sum over i of weights[i] f(points[i]). */
export interface Quadrature {
  readonly points: Float32Array;
  readonly weights: Float32Array;
}

/** Gauss-Legendre is exact for polynomials of degree 2 count - 1; the others take equal parts of the way, at their middle or end. */
export function quadrature(rule: QuadratureRule, count: number): Quadrature {
  if (rule === "gaussLegendre") return gaussLegendre(count);
  const offset = rule === "midpoint" ? 0.5 : 1;
  return {
    points: Float32Array.from({ length: count }, (_, i) => (i + offset) / count),
    weights: new Float32Array(count).fill(1 / count),
  };
}

/** The roots of the Legendre polynomial by Newton's method from cos(pi (i - 1/4) / (n + 1/2)), on [-1, 1], moved to [0, 1]. */
function gaussLegendre(count: number): Quadrature {
  const points = new Float32Array(count);
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let z = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let round = 0; round < 100; round++) {
      // P_k(z) by k P_k = (2k - 1) z P_{k-1} - (k - 1) P_{k-2}.
      let [before, value] = [0, 1];
      for (let k = 1; k <= count; k++) {
        [before, value] = [value, ((2 * k - 1) * z * value - (k - 1) * before) / k];
      }
      slope = (count * (z * value - before)) / (z * z - 1);
      const change = value / slope;
      z -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    points[i] = (1 - z) / 2;
    weights[i] = 1 / ((1 - z * z) * slope * slope);
  }
  return { points, weights };
}
