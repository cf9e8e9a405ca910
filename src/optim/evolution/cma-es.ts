/** cmaES: evolution with a normal distribution that learns the shape of the loss. */
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { checkRange, checkWhole } from "../range.ts";
import { type CmaConstants, cmaConstants } from "./cma-constants.ts";
import { addSquare, addTo, identityOf, roots, squared, stretch, whiten } from "./cma-shape.ts";
import { drawsOf } from "./draws.ts";
import { eigh } from "./eigh.ts";
import { type Evolution, type EvolutionState, evolutionOf, type Generation, type Own } from "./evolution.ts";

export interface CmaOptions {
  /** The first standard deviation of every number: about a third of how far off the start may be. Default 0.3. */
  readonly sigma?: number;
  /** lambda, at least 2. Default 4 + floor(3 ln n); larger ones search more globally and stand more noise. */
  readonly population?: number;
  /** Also learn away from the worse half, by negative weights. Default true, but false with `diagonal`. */
  readonly active?: boolean;
  /** Learn a variance for each number and no covariance: memory and time of order n. Default false. */
  readonly diagonal?: boolean;
  /** Default 0. */
  readonly seed?: number;
}

const cmaESOptions = optionNames<CmaOptions>({
  sigma: true,
  population: true,
  active: true,
  diagonal: true,
  seed: true,
});

export interface CmaState extends EvolutionState {
  readonly mean: Float64Array; // [n]
  readonly sigma: number;
  /** C: [n, n], with `diagonal` [n]. */
  readonly covariance: Float64Array;
  readonly pathC: Float64Array; // [n]
  readonly pathSigma: Float64Array; // [n]
  /** Rows are the eigenvectors of C as it was at `decomposed`; with `diagonal` empty. */
  readonly axes: Float64Array; // [n, n]
  /** Square roots of the eigenvalues. */
  readonly lengths: Float64Array; // [n]
  /** The generation of the last eigendecomposition. */
  readonly decomposed: number;
}

/** Above this a matrix takes more than 128 MiB and its eigenvectors minutes. */
const LARGEST = 4096;

/**
 * Candidates x_i = m + sigma y_i with y_i ~ N(0, C). With y_i sorted from best to worst and weights w of which mu are positive:
 *
 *   y       = sum over i <= mu of w_i y_i,   m <- m + sigma y
 *   p_sigma <- (1 - c_sigma) p_sigma + sqrt(c_sigma (2 - c_sigma) mu_eff) C^(-1/2) y
 *   sigma   <- sigma exp(c_sigma / d_sigma (|p_sigma| / E|N(0, I)| - 1))
 *   p_c     <- (1 - c_c) p_c + h sqrt(c_c (2 - c_c) mu_eff) y
 *   C       <- (1 + c_1 (1 - h) c_c (2 - c_c) - c_1 - c_mu sum w) C + c_1 p_c p_c^T + c_mu sum over i of w_i' y_i y_i^T
 *
 * where h is 0 while |p_sigma| is unusually long, else 1, and w_i' is w_i, or w_i n / |C^(-1/2) y_i|^2 where that is negative.
 * The eigenvectors of C are renewed every max(1, 1 / (10 n (c_1 + c_mu))) generations. A generation that would take sigma or a variance
 * out of 1e-150 .. 1e150 (all losses equal for long, no least loss) changes nothing.
 *
 * The first choice for up to some hundred numbers without gradients, ill-conditioned or not separable; it only sees ranks.
 * Memory is of order n^2: the state holds 16 n^2 bytes (32 MB for n = 1400) and `tell` takes as much again; time is n^2 a candidate and
 * 9 n^3 for the eigenvectors. For more numbers `diagonal: true` keeps 8 bytes of variance for each, learns (n + 2) / 3 times
 * faster, and sees no dependence between numbers. The state's `mean` is the better answer where losses are noisy.
 * Hansen, "The CMA evolution strategy: a tutorial", 2016 (arXiv 1604.00772, 2023); diagonal: Ros and Hansen, "A simple modification in
 * CMA-ES achieving linear time and space complexity", 2008.
 * @throws ConfigError for sigma <= 0 and a population below 2; from `init` for over 4096 numbers without `diagonal`; see `Evolution`.
 * @example const { x } = await minimise(rosenbrock, cmaES({ sigma: 0.5 }), { start: [0, 0, 0], generations: 500, target: 1e-10 });
 */
export function cmaES(options: CmaOptions = {}): Evolution<CmaState> {
  const op = "cmaES";
  rejectUnknown("cmaES", options, cmaESOptions);
  const { sigma = 0.3, population, diagonal = false, active = !diagonal, seed = 0 } = options;
  checkRange(op, "sigma", sigma, { above: 0 });
  if (population !== undefined) checkWhole(op, "population", population, 2);
  const draws = drawsOf(op, seed);
  const sizeFor = (n: number) => population ?? 4 + Math.floor(3 * Math.log(n));

  return evolutionOf<CmaState>(op, {
    begin(start) {
      const n = start.length;
      if (!diagonal && n > LARGEST) {
        throw new ConfigError(
          `${op}: a full covariance takes n^2 numbers, so n must be at most ${LARGEST}; got ${n}. Use { diagonal: true }, or openaiES.`,
        );
      }
      const ones = new Float64Array(n).fill(1);
      const identity = diagonal ? ones : identityOf(n);
      return {
        mean: start,
        sigma,
        covariance: identity,
        pathC: new Float64Array(n),
        pathSigma: new Float64Array(n),
        axes: diagonal ? new Float64Array(0) : identity,
        lengths: ones,
        decomposed: 0,
      };
    },
    count: ({ mean }) => sizeFor(mean.length),
    sample(state) {
      const { mean, generation } = state;
      return Array.from({ length: sizeFor(mean.length) }, (_, i) => {
        const y = stretch(state, draws.normal(mean.length, generation, i, 0));
        return mean.map((value, j) => value + state.sigma * (y[j] as number));
      });
    },
    learn(state, told) {
      const n = state.mean.length;
      return learn(state, told, cmaConstants(n, sizeFor(n), { active, diagonal }), diagonal);
    },
  });
}

/** Whether products of such numbers are still numbers. */
const tells = (value: number): boolean => value > 1e-150 && value < 1e150;

function learn(
  state: CmaState,
  { candidates, order }: Generation,
  constants: CmaConstants,
  diagonal: boolean,
): Own<CmaState> {
  const { mean: old, sigma, generation } = state;
  const { mu, weights, muEff, cSigma, dSigma, cC, c1, cMu, chi } = constants;
  const n = old.length;
  const steps = order.map((i) =>
    (candidates[i] as Float64Array).map((x, j) => (x - (old[j] as number)) / sigma),
  );
  const y = new Float64Array(n);
  for (let i = 0; i < mu; i++) addTo(y, weights[i] as number, steps[i] as Float64Array);
  const mean = old.map((value, j) => value + sigma * (y[j] as number));

  const white = whiten(state, y);
  const along = Math.sqrt(cSigma * (2 - cSigma) * muEff);
  const pathSigma = state.pathSigma.map((p, j) => (1 - cSigma) * p + along * (white[j] as number));
  const length = Math.sqrt(squared(pathSigma));
  // The path is still short in the first generations.
  const settled = Math.sqrt(1 - (1 - cSigma) ** (2 * (generation + 1)));
  const h = length / settled < (1.4 + 2 / (n + 1)) * chi ? 1 : 0;
  const across = h * Math.sqrt(cC * (2 - cC) * muEff);
  const pathC = state.pathC.map((p, j) => (1 - cC) * p + across * (y[j] as number));

  const total = weights.reduce((sum, w) => sum + w, 0);
  const keep = 1 + c1 * (1 - h) * cC * (2 - cC) - c1 - cMu * total;
  const terms: { factor: number; step: Float64Array }[] = [{ factor: c1, step: pathC }];
  weights.forEach((w, i) => {
    const step = steps[i] as Float64Array;
    const norm = w < 0 ? squared(whiten(state, step)) : 0;
    // A candidate on the mean itself has no direction to unlearn.
    const factor = w < 0 ? (norm > 0 ? (w * n) / norm : 0) : w;
    if (factor !== 0) terms.push({ factor: cMu * factor, step });
  });
  const covariance = state.covariance.map((value) => keep * value);
  for (const { factor, step } of terms) addSquare(covariance, factor, step, diagonal);

  const nextSigma = sigma * Math.exp((cSigma / dSigma) * (length / chi - 1));
  const variances = diagonal ? covariance : mean.map((_, i) => covariance[i * (n + 1)] as number);
  if (!tells(nextSigma) || !variances.every(tells)) {
    const { generation: _, asked: __, best: ___, ...same } = state;
    return same;
  }
  const next = { mean, sigma: nextSigma, covariance, pathC, pathSigma };
  if (diagonal) {
    return { ...next, axes: state.axes, lengths: roots(covariance), decomposed: generation + 1 };
  }
  const gap = Math.max(1, Math.floor(1 / (10 * n * (c1 + cMu))));
  if (generation + 1 - state.decomposed < gap) {
    return { ...next, axes: state.axes, lengths: state.lengths, decomposed: state.decomposed };
  }
  const { values, vectors } = eigh(covariance, n);
  return { ...next, axes: vectors, lengths: roots(values), decomposed: generation + 1 };
}
