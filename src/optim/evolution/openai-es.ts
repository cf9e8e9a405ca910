/** openaiES: gradient descent on an estimate of the gradient from pairs of opposite noise. */

import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { checkRange, checkWhole } from "../range.ts";
import { drawsOf } from "./draws.ts";
import {
  checkRate,
  type Evolution,
  type EvolutionState,
  evolutionOf,
  type Rate,
  rank,
  rateAt,
  worth,
} from "./evolution.ts";

export interface OpenaiOptions {
  /** lambda, an even number of at least 2. Default 64: the noise of the gradient falls with its root. */
  readonly population?: number;
  /** Standard deviation of the noise: how far to look. A number, or one for each generation from 0. Default 0.1. */
  readonly sigma?: Rate;
  /** alpha. A number, or one for each generation from 0. Default 0.05, about how far adam moves each number in a generation. */
  readonly learningRate?: Rate;
  /** Default "adam", with b1 = 0.9, b2 = 0.999 and epsilon = 1e-8, as in the paper. */
  readonly optimizer?: "adam" | "sgd";
  /** L2: adds weightDecay * m to the gradient. Default 0; the authors use 0.005, as ranks do not hold weights back. */
  readonly weightDecay?: number;
  /** Default 0. */
  readonly seed?: number;
}

const openaiESOptions = optionNames<OpenaiOptions>({
  population: true,
  sigma: true,
  learningRate: true,
  optimizer: true,
  weightDecay: true,
  seed: true,
});

export interface OpenaiState extends EvolutionState {
  readonly mean: Float64Array; // [n]
  /** Adam's first and second moments; empty for sgd. */
  readonly first: Float64Array;
  readonly second: Float64Array;
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/**
 * Candidates come in pairs m + sigma e and m - sigma e with e ~ N(0, I) (antithetic sampling). With u_i the centred rank of a loss,
 * (rank - 1) / (lambda - 1) - 1/2 from the best, -1/2, to the worst, 1/2:
 *
 *   g = 1 / (lambda sigma) * sum over i of u_i e_i + weightDecay m
 *   m <- m - learningRate g, or adam's step with g
 *
 * Equal losses share the mean of their ranks: a plateau gives no gradient. Ranks make steps independent of the scale of the loss, so
 * that it does not come to rest by itself: for a precise minimum let `sigma` fall, and `learningRate` like it with adam, like its square
 * with sgd, whose g is about 1 / (4 sigma) long in a clear slope.
 *
 * For thousands of numbers and more, for many evaluations side by side, and for losses without a useful gradient (steps, quantised
 * models, rewards of episodes). Memory: 8 n bytes of mean, with adam 24 n, and the candidates, 8 n lambda, between ask and tell.
 * Salimans et al., "Evolution strategies as a scalable alternative to reinforcement learning", 2017.
 * @throws ConfigError for a population that is odd or below 2, sigma or learningRate <= 0, a negative weightDecay; see `Evolution`.
 * @example openaiES({ population: 100, sigma: (t) => 0.1 * 0.99 ** t, learningRate: 0.02 })
 */
export function openaiES(options: OpenaiOptions = {}): Evolution<OpenaiState> {
  const op = "openaiES";
  rejectUnknown("openaiES", options, openaiESOptions);
  const { population = 64, sigma = 0.1, learningRate = 0.05, weightDecay = 0, seed = 0 } = options;
  const { optimizer = "adam" } = options;
  checkWhole(op, "population", population, 2);
  if (population % 2 !== 0) {
    throw new ConfigError(`${op}: population must be even, for pairs of opposite noise; got ${population}.`);
  }
  if (optimizer !== "adam" && optimizer !== "sgd") {
    throw new ConfigError(`${op}: optimizer must be "adam" or "sgd"; got ${JSON.stringify(optimizer)}.`);
  }
  checkRate(op, "sigma", sigma);
  checkRate(op, "learningRate", learningRate);
  checkRange(op, "weightDecay", weightDecay, { min: 0 });
  const draws = drawsOf(op, seed);

  return evolutionOf<OpenaiState>(op, {
    begin(start) {
      const size = optimizer === "adam" ? start.length : 0;
      return { mean: start, first: new Float64Array(size), second: new Float64Array(size) };
    },
    count: () => population,
    sample({ mean, generation }) {
      const width = rateAt(op, "sigma", sigma, generation);
      const candidates: Float64Array[] = [];
      for (let pair = 0; pair < population / 2; pair++) {
        const noise = draws.normal(mean.length, generation, pair, 0);
        candidates.push(
          mean.map((m, j) => m + width * (noise[j] as number)),
          mean.map((m, j) => m - width * (noise[j] as number)),
        );
      }
      return candidates;
    },
    learn({ mean, first, second, generation }, { candidates, losses }) {
      const width = rateAt(op, "sigma", sigma, generation);
      const rate = rateAt(op, "learningRate", learningRate, generation);
      const g = new Float64Array(mean.length);
      centredRanks(losses).forEach((u, i) => {
        const x = candidates[i] as Float64Array;
        const factor = u / (population * width * width);
        for (let j = 0; j < g.length; j++) {
          g[j] = (g[j] as number) + factor * ((x[j] as number) - (mean[j] as number));
        }
      });
      if (weightDecay > 0)
        mean.forEach((m, j) => {
          g[j] = (g[j] as number) + weightDecay * m;
        });
      if (optimizer === "sgd") {
        return { mean: mean.map((m, j) => m - rate * (g[j] as number)), first, second };
      }
      const nextFirst = first.map((m, j) => BETA1 * m + (1 - BETA1) * (g[j] as number));
      const nextSecond = second.map((v, j) => BETA2 * v + (1 - BETA2) * (g[j] as number) ** 2);
      const [scale1, scale2] = [1 - BETA1 ** (generation + 1), 1 - BETA2 ** (generation + 1)];
      const next = mean.map((m, j) => {
        const spread = Math.sqrt((nextSecond[j] as number) / scale2) + EPSILON;
        return m - (rate * (nextFirst[j] as number)) / scale1 / spread;
      });
      return { mean: next, first: nextFirst, second: nextSecond };
    },
  });
}

/** From -1/2 for the least loss to 1/2 for the greatest; equal ones, and all that are not finite, share the mean of theirs. */
export function centredRanks(losses: ArrayLike<number>): Float64Array {
  const order = rank(losses);
  const out = new Float64Array(order.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    const value = worth(losses[order[from] as number]);
    while (to < order.length && worth(losses[order[to] as number]) === value) to++;
    for (let at = from; at < to; at++) {
      out[order[at] as number] = (from + to - 1) / 2 / (order.length - 1) - 0.5;
    }
    from = to;
  }
  return out;
}
