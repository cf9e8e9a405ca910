/** genetic: a population whose fittest mate, cross over and mutate. */
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
} from "./evolution.ts";

export type Crossover = "blend" | "uniform" | "point";

export interface GeneticOptions {
  /** At least 2. Default 64. */
  readonly population?: number;
  /** How many of the best live on, with their losses: they are not asked for again. Default 2. */
  readonly elites?: number;
  /** Ask for the elites again in each generation, first: where losses are noisy a lucky one then does not live for ever. Default false. */
  readonly reevaluate?: boolean;
  /** How many are drawn for each parent, of which the best mates. More press harder. Default 3. */
  readonly tournament?: number;
  /**
   * What becomes of two parents a and b. "blend": a number between min - d/2 and max + d/2 of theirs, d = |a - b| (BLX-0.5);
   * "uniform": each number from either; "point": a up to a point, b from there. Default "blend", whose steps shrink with the population.
   */
  readonly crossover?: Crossover;
  /** The probability that a child has two parents. Default 0.9. */
  readonly crossoverRate?: number;
  /** The probability that a number of a child mutates. Default 1 / n: one of them on average. */
  readonly mutationRate?: number;
  /** Standard deviation of mutations and of the first population around the start. A number, or one for each generation. Default 0.3. */
  readonly sigma?: Rate;
  /** Default 0. */
  readonly seed?: number;
}

const geneticOptions = optionNames<GeneticOptions>({
  population: true,
  elites: true,
  reevaluate: true,
  tournament: true,
  crossover: true,
  crossoverRate: true,
  mutationRate: true,
  sigma: true,
  seed: true,
});

export interface GeneticState extends EvolutionState {
  /** From best to worst; empty before the first losses. */
  readonly population: readonly Float64Array[];
  readonly losses: Float64Array;
}

// Streams of random numbers.
const [MATING, GENES, MUTATES, MUTATION] = [0, 1, 2, 3];

/**
 * The first population is the start and normal noise around it. Then, for each child: two parents, each the best of `tournament` drawn at
 * random; crossover with probability `crossoverRate`, else the first parent; and each number moves by N(0, sigma^2) with
 * probability `mutationRate`. The best `elites` live on, so that the best loss never rises.
 *
 * For rough and many-peaked losses, and for numbers that mean something one by one. Precise minima need a falling `sigma`, and noisy
 * losses `elites: 0`, or `reevaluate`, with which `best` is still the luckiest of all. Memory: 16 n population bytes between ask and tell. The first generation asks for `population` candidates, later
 * ones for population - elites, with `reevaluate` for the elites too.
 * Goldberg and Deb, "A comparative analysis of selection schemes", 1991; Eshelman and Schaffer, "Real-coded genetic algorithms and
 * interval-schemata", 1993.
 * @throws ConfigError for a population below 2, elites that leave no children, a tournament below 1 or above the population, rates
 * outside [0, 1], sigma <= 0; see `Evolution`.
 * @example genetic({ population: 100, crossover: "uniform", sigma: (t) => 0.3 * 0.98 ** t })
 */
export function genetic(options: GeneticOptions = {}): Evolution<GeneticState> {
  const op = "genetic";
  rejectUnknown("genetic", options, geneticOptions);
  const {
    population: size = 64,
    elites = 2,
    reevaluate = false,
    tournament = 3,
    crossover = "blend",
  } = options;
  const { crossoverRate = 0.9, mutationRate, sigma = 0.3, seed = 0 } = options;
  checkWhole(op, "population", size, 2);
  checkWhole(op, "elites", elites, 0);
  checkWhole(op, "tournament", tournament, 1);
  if (elites >= size || tournament > size) {
    throw new ConfigError(
      `${op}: elites must be below the population, and the tournament at most as large; got ${elites}, ${tournament} and ${size}.`,
    );
  }
  checkRange(op, "crossoverRate", crossoverRate, { min: 0, max: 1 });
  if (mutationRate !== undefined) checkRange(op, "mutationRate", mutationRate, { min: 0, max: 1 });
  if (!(crossover in crossovers)) {
    throw new ConfigError(
      `${op}: crossover must be "blend", "uniform" or "point"; got ${JSON.stringify(crossover)}.`,
    );
  }
  checkRate(op, "sigma", sigma);
  const draws = drawsOf(op, seed);

  function child({ population, generation }: GeneticState, row: number, width: number): Float64Array {
    const mating = draws.uniform(2 * tournament + 1, generation, row, MATING);
    // The population is sorted, so the best of a tournament has the least index.
    const winner = (from: number) => {
      const least = mating.slice(from, from + tournament).reduce((min, u) => Math.min(min, u), 1);
      return population[Math.floor(least * size)] as Float64Array;
    };
    const first = winner(0);
    const n = first.length;
    const crossed =
      (mating[2 * tournament] as number) < crossoverRate
        ? crossovers[crossover](first, winner(tournament), draws.uniform(n, generation, row, GENES))
        : first;
    const mutates = draws.uniform(n, generation, row, MUTATES);
    const noise = draws.normal(n, generation, row, MUTATION);
    const rate = mutationRate ?? 1 / n;
    return crossed.map((x, j) => ((mutates[j] as number) < rate ? x + width * (noise[j] as number) : x));
  }

  /** How many live on without being asked for. */
  const kept = ({ population }: GeneticState) => (population.length === 0 || reevaluate ? 0 : elites);
  const count = (state: GeneticState) => size - kept(state);
  return evolutionOf<GeneticState>(op, {
    begin: () => ({ population: [], losses: new Float64Array(0) }),
    count,
    sample(state) {
      const { generation, population, best } = state;
      const width = rateAt(op, "sigma", sigma, generation);
      return Array.from({ length: count(state) }, (_, i) => {
        if (population.length > 0) {
          if (!reevaluate) return child(state, i, width);
          return i < elites ? (population[i] as Float64Array).slice() : child(state, i - elites, width);
        }
        // Before the first losses the best is the start.
        if (i === 0) return best.x.slice();
        const noise = draws.normal(best.x.length, generation, i, MUTATION);
        return best.x.map((x, j) => x + width * (noise[j] as number));
      });
    },
    learn(state, told) {
      const pool = [...state.population.slice(0, kept(state)), ...told.candidates];
      const values = [...state.losses.slice(0, kept(state)), ...Array.from(told.losses)];
      const order = rank(values);
      return {
        population: order.map((i) => pool[i] as Float64Array),
        losses: Float64Array.from(order, (i) => values[i] as number),
      };
    },
  });
}

/** The child of a and b, by n numbers in [0, 1). */
const crossovers: Record<Crossover, (a: Float64Array, b: Float64Array, u: Float64Array) => Float64Array> = {
  blend: (a, b, u) =>
    a.map((x, j) => {
      const [y, at] = [b[j] as number, u[j] as number];
      const apart = Math.abs(x - y);
      return Math.min(x, y) - apart / 2 + 2 * apart * at;
    }),
  uniform: (a, b, u) => a.map((x, j) => ((u[j] as number) < 0.5 ? x : (b[j] as number))),
  point: (a, b, u) => {
    // From 1 to n - 1, so that both have a part wherever there are two numbers.
    const cut = 1 + Math.floor((u[0] as number) * (a.length - 1));
    return a.map((x, j) => (j < cut ? x : (b[j] as number)));
  },
};
