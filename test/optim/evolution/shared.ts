/** What the tests of evolutionary searches share: goldens, functions to minimise, and each search as it is usually made. */
import { readFileSync } from "node:fs";
import { cmaES, type Evolution, genetic, muLambda, openaiES } from "nabla/optim";
import { expect } from "vitest";

export interface Told {
  candidates: number[][];
  losses: number[];
  mean: number[];
  sigma: number;
  pathC: number[];
  pathSigma: number[];
  covariance: number[];
}
export interface Run {
  start: number[];
  sigma: number;
  population: number;
  active: boolean;
  diagonal: boolean;
  generations: Told[];
}
export const golden = JSON.parse(
  readFileSync(new URL("../goldens/evolution.json", import.meta.url), "utf8"),
) as {
  cma: Record<string, Run>;
  eigh: Record<string, { matrix: number[]; values: number[] }>;
};

export type Loss = (x: Float64Array) => number;
export const sphere: Loss = (x) => x.reduce((sum, v) => sum + v * v, 0);
/** Of axes whose curvatures differ by up to `condition`. */
export const ellipsoidOf =
  (condition: number): Loss =>
  (x) =>
    x.reduce((sum, v, i) => sum + condition ** (i / (x.length - 1)) * v * v, 0);
export const ellipsoid = ellipsoidOf(1e6);
export const rosenbrock: Loss = (x) => {
  let sum = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const [a, b] = [x[i] as number, x[i + 1] as number];
    sum += 100 * (b - a * a) ** 2 + (1 - a) ** 2;
  }
  return sum;
};
export const rastrigin: Loss = (x) =>
  x.reduce((sum, v) => sum + v * v - 10 * Math.cos(2 * Math.PI * v) + 10, 0);

/** How far off, in the largest of what is expected. */
export function off(got: ArrayLike<number>, want: readonly number[]): number {
  expect(got).toHaveLength(want.length);
  const scale = Math.max(...want.map(Math.abs)) || 1;
  return Math.max(...want.map((value, i) => Math.abs((got[i] as number) - value))) / scale;
}

export const searches: Record<string, (seed: number) => Evolution> = {
  cmaES: (seed) => cmaES({ seed }),
  "cmaES diagonal": (seed) => cmaES({ seed, diagonal: true }),
  openaiES: (seed) => openaiES({ seed, population: 20 }),
  "openaiES sgd": (seed) => openaiES({ seed, population: 20, optimizer: "sgd" }),
  muLambda: (seed) => muLambda({ seed, parents: 4, steps: "each" }),
  "muLambda plus": (seed) => muLambda({ seed, parents: 4, selection: "plus", recombination: "none" }),
  genetic: (seed) => genetic({ seed, population: 20 }),
};
