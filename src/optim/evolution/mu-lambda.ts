/** muLambda: the (mu, lambda) and (mu + lambda) evolution strategies, whose step sizes evolve along. */
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { checkRange, checkWhole } from "../range.ts";
import { drawsOf } from "./draws.ts";
import { type Evolution, type EvolutionState, evolutionOf, rank } from "./evolution.ts";

export interface MuLambdaOptions {
  /** mu, how many survive a generation. Default 15. */
  readonly parents?: number;
  /** lambda, how many children they have: at least mu. Default 7 mu, which Schwefel advises for comma. */
  readonly population?: number;
  /** "comma": the best children survive; "plus": the best of parents and children. Default "comma". */
  readonly selection?: "comma" | "plus";
  /** The first standard deviation. Default 0.3. */
  readonly sigma?: number;
  /** "one": each candidate has one step size; "each": one for every number, as where their scales differ. Default "one". */
  readonly steps?: "one" | "each";
  /**
   * How children come from parents. "intermediate": the mean of all; "discrete": each number from any of them, step sizes as means;
   * "none": one parent, which keeps several basins in sight. Default "intermediate".
   */
  readonly recombination?: "intermediate" | "discrete" | "none";
  /** Default 0. */
  readonly seed?: number;
}

const muLambdaOptions = optionNames<MuLambdaOptions>({
  parents: true,
  population: true,
  selection: true,
  sigma: true,
  steps: true,
  recombination: true,
  seed: true,
});

export interface MuLambdaState extends EvolutionState {
  /** From best to worst. */
  readonly parents: readonly Float64Array[]; // mu of [n]
  readonly steps: readonly Float64Array[]; // mu of [1] or [n]
  readonly losses: Float64Array; // [mu]
}

// Streams of random numbers.
const [MUTATION, SHARED, OWN, CHOICE] = [0, 1, 2, 3];

/**
 * Each child (x, s) is drawn from its parents' (x, s) after recombination; it mutates its step size first and then moves by it:
 *
 *   one:  s <- s exp(t N(0, 1)),                 t = 1 / sqrt(n)
 *   each: s_j <- s_j exp(t' N(0, 1) + t N_j(0, 1)),   t' = 1 / sqrt(2 n), t = 1 / sqrt(2 sqrt(n))
 *   x_j <- x_j + s_j N_j(0, 1)
 *
 * Good step sizes survive because their children do. The mu best of the children ("comma") or of both ("plus") are the next parents.
 * Comma forgets: it leaves bad step sizes and lucky losses behind, and suits noise; plus never gets worse, and suits few evaluations.
 *
 * A plain search that is hard to fool, for up to some thousands of numbers; cmaES is better where numbers depend on each other.
 * Memory: 8 n (mu + lambda) bytes between ask and tell, 16 n mu with a step size for each number.
 * Beyer and Schwefel, "Evolution strategies: a comprehensive introduction", 2002.
 * @throws ConfigError for sigma <= 0, no parents, fewer children than parents, as many of them with "comma"; see `Evolution`.
 * @example muLambda({ parents: 5, population: 35, selection: "plus", steps: "each" })
 */
export function muLambda(options: MuLambdaOptions = {}): Evolution<MuLambdaState> {
  const op = "muLambda";
  rejectUnknown("muLambda", options, muLambdaOptions);
  const { parents: mu = 15, selection = "comma", sigma = 0.3, steps: kind = "one", seed = 0 } = options;
  const { population: lambda = 7 * mu, recombination = "intermediate" } = options;
  checkWhole(op, "parents", mu, 1);
  checkWhole(op, "population", lambda, 1);
  checkRange(op, "sigma", sigma, { above: 0 });
  oneOf(op, "selection", selection, ["comma", "plus"]);
  oneOf(op, "steps", kind, ["one", "each"]);
  oneOf(op, "recombination", recombination, ["intermediate", "discrete", "none"]);
  // Without a choice among children there is no direction.
  if (selection === "comma" && lambda <= mu) {
    throw new ConfigError(
      `${op}: population must be above the number of parents with selection "comma"; got ${lambda} and ${mu}.`,
    );
  }
  const draws = drawsOf(op, seed);

  /** A parent of child `i`, by a number in [0, 1). */
  const pick = <T>(list: readonly T[], u: number | undefined): T => list[Math.floor((u as number) * mu)] as T;

  /** The children's step sizes: functions of the state, so that `tell` need not be told them. */
  function stepsOf({ steps, parents, generation }: MuLambdaState): Float64Array[] {
    const n = (parents[0] as Float64Array).length;
    const shared = recombination === "none" ? null : meanOf(steps);
    const [common, own] =
      kind === "one" ? [1 / Math.sqrt(n), 0] : [1 / Math.sqrt(2 * n), 1 / Math.sqrt(2 * Math.sqrt(n))];
    return Array.from({ length: lambda }, (_, i) => {
      const from = shared ?? pick(steps, draws.uniform(1, generation, i, CHOICE)[0]);
      const [all] = draws.normal(1, generation, i, SHARED);
      if (own === 0) return from.map((s) => bounded(s * Math.exp(common * (all as number))));
      const each = draws.normal(n, generation, i, OWN);
      return from.map((s, j) => bounded(s * Math.exp(common * (all as number) + own * (each[j] as number))));
    });
  }

  return evolutionOf<MuLambdaState>(op, {
    begin(start) {
      const width = kind === "one" ? 1 : start.length;
      return {
        parents: Array.from({ length: mu }, () => start.slice()),
        steps: Array.from({ length: mu }, () => new Float64Array(width).fill(sigma)),
        losses: new Float64Array(mu).fill(Number.POSITIVE_INFINITY),
      };
    },
    count: () => lambda,
    sample(state) {
      const { parents, generation } = state;
      const n = (parents[0] as Float64Array).length;
      const centre = recombination === "intermediate" ? meanOf(parents) : null;
      return stepsOf(state).map((steps, i) => {
        const noise = draws.normal(n, generation, i, MUTATION);
        const choice =
          centre === null ? draws.uniform(recombination === "none" ? 1 : n, generation, i, CHOICE) : null;
        return noise.map((z, j) => {
          const from = centre ?? pick(parents, choice?.[recombination === "none" ? 0 : j]);
          return (from[j] as number) + (steps[kind === "one" ? 0 : j] as number) * z;
        });
      });
    },
    learn(state, { candidates, losses }) {
      const pool = stepsOf(state).map((steps, i) => ({
        x: candidates[i] as Float64Array,
        steps,
        loss: losses[i] as number,
      }));
      if (selection === "plus") {
        state.parents.forEach((x, i) => {
          pool.push({ x, steps: state.steps[i] as Float64Array, loss: state.losses[i] as number });
        });
      }
      const kept = rank(pool.map(({ loss }) => loss))
        .slice(0, mu)
        .map((i) => pool[i] as (typeof pool)[number]);
      return {
        parents: kept.map(({ x }) => x),
        steps: kept.map(({ steps }) => steps),
        losses: Float64Array.from(kept, ({ loss }) => loss),
      };
    },
  });
}

/** Keeps step sizes that drift, as while all losses are equal, away from 0 and Infinity, from where they would not come back. */
const bounded = (step: number): number => Math.min(Math.max(step, 1e-150), 1e150);

function meanOf(list: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array((list[0] as Float64Array).length);
  for (const x of list) for (let j = 0; j < sum.length; j++) sum[j] = (sum[j] as number) + (x[j] as number);
  return sum.map((value) => value / list.length);
}

function oneOf(op: string, name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    const words = allowed.map((word) => JSON.stringify(word)).join(", ");
    throw new ConfigError(`${op}: ${name} must be one of ${words}; got ${JSON.stringify(value)}.`);
  }
}
