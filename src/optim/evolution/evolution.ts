/** Evolution: one ask/tell face for searches that see losses only, and what all of them share. */
import { ConfigError } from "../../util/index.ts";
import { checkRange } from "../range.ts";

/** What every search remembers: numbers and float64 arrays only. `structuredClone` and `evolutionToJson` keep it to the bit. */
export interface EvolutionState {
  /** How often the search was told losses. */
  readonly generation: number;
  /** The candidates that wait for their losses; none after `tell`. */
  readonly asked: readonly Float64Array[];
  /** The best candidate so far; the start and Infinity as long as no loss was finite. */
  readonly best: Found;
}

export interface Found {
  readonly x: Float64Array;
  readonly loss: number;
}

/**
 * A search for the numbers x with the least loss, that needs no gradient. All four functions are pure: a state may be kept, copied
 * and gone on from, and gives the same bits each time, because random numbers are functions of the seed and the generation.
 *
 * - `init` begins at a point. It throws ConfigError for an empty one and for numbers that are not finite.
 * - `ask` gives candidates to evaluate, and the state that waits for them. Do not write to them.
 * - `tell` takes their losses, in the same order, and learns. NaN and infinite losses rank last, also -Infinity: a broken loss must
 *   never win. It throws ConfigError for another number of losses. `candidates` replaces those asked for: what was evaluated instead
 *   (after clamping, say), as many and as long.
 * - `best` is the best candidate that was ever evaluated. Where losses are noisy it is the luckiest one: prefer
 *   the `mean` of the state, where it has one.
 *
 * @example
 * const search = cmaES({ sigma: 0.5, seed: 1 });
 * let state = search.init([1, 2, 3]);
 * for (let i = 0; i < 100; i++) {
 *   const asked = search.ask(state);
 *   state = search.tell(asked.state, asked.candidates.map((x) => x.reduce((sum, v) => sum + v * v, 0)));
 * }
 * search.best(state).x; // near [0, 0, 0]
 */
export interface Evolution<S extends EvolutionState = EvolutionState> {
  init(start: ArrayLike<number>): S;
  ask(state: S): { candidates: Float64Array[]; state: S };
  tell(state: S, losses: ArrayLike<number>, candidates?: readonly Float64Array[]): S;
  best(state: S): Found;
}

/** What a search adds to the common state. */
export type Own<S extends EvolutionState> = Omit<S, keyof EvolutionState>;

/** A generation as its search sees it: `order` lists the candidates from best to worst, equal losses as they came. */
export interface Generation {
  readonly candidates: readonly Float64Array[];
  readonly losses: ArrayLike<number>;
  readonly order: readonly number[];
}

interface Rules<S extends EvolutionState> {
  begin(start: Float64Array): Own<S>;
  /** How many candidates `sample` gives. */
  count(state: S): number;
  sample(state: S): Float64Array[];
  learn(state: S, told: Generation): Own<S>;
}

/** The face of a search: checks, ranks and remembers the best around its rules. */
export function evolutionOf<S extends EvolutionState>(op: string, rules: Rules<S>): Evolution<S> {
  return {
    init(start) {
      const x = Float64Array.from(start);
      if (x.length === 0) throw new ConfigError(`${op}: the start must hold at least one number; got none.`);
      const odd = x.findIndex((value) => !Number.isFinite(value));
      if (odd >= 0) {
        throw new ConfigError(`${op}: the start must hold finite numbers; got ${x[odd]} at ${odd}.`);
      }
      const common: EvolutionState = {
        generation: 0,
        asked: [],
        best: { x, loss: Number.POSITIVE_INFINITY },
      };
      return { ...common, ...rules.begin(x) } as S;
    },
    ask(state) {
      const candidates = rules.sample(state);
      return { candidates, state: { ...state, asked: candidates } };
    },
    tell(state, losses, candidates = state.asked) {
      checkTold(op, candidates, losses, rules.count(state), state.best.x.length);
      const order = rank(losses);
      const first = order[0] as number;
      const loss = losses[first] as number;
      const better = Number.isFinite(loss) && loss < state.best.loss;
      const best = better ? { x: (candidates[first] as Float64Array).slice(), loss } : state.best;
      const own = rules.learn(state, { candidates, losses, order });
      return { ...state, ...own, generation: state.generation + 1, asked: [], best };
    },
    best: ({ best: { x, loss } }) => ({ x: x.slice(), loss }),
  };
}

function checkTold(
  op: string,
  candidates: readonly Float64Array[],
  losses: ArrayLike<number>,
  count: number,
  n: number,
): void {
  if (candidates.length === 0) {
    throw new ConfigError(
      `${op}: tell needs candidates that were asked for. Pass the state that ask returned.`,
    );
  }
  if (candidates.length !== count || losses.length !== count) {
    throw new ConfigError(
      `${op}: tell needs one loss for each of ${count} candidates; got ${losses.length} losses and ${candidates.length} candidates.`,
    );
  }
  candidates.forEach((x, i) => {
    if (x.length !== n) {
      throw new ConfigError(
        `${op}: candidates must have ${n} numbers each; got ${x.length} in candidate ${i}.`,
      );
    }
  });
  for (let i = 0; i < count; i++) {
    if (typeof losses[i] !== "number") {
      throw new ConfigError(`${op}: losses must be numbers; got ${typeof losses[i]} at ${i}.`);
    }
  }
}

/** What a loss counts as: Infinity unless it is finite. */
export const worth = (loss: number | undefined): number =>
  Number.isFinite(loss) ? (loss as number) : Number.POSITIVE_INFINITY;

/** Indices from the least loss to the greatest, then those that are not finite; equal ones keep their order. */
export function rank(losses: ArrayLike<number>): number[] {
  const order = Array.from({ length: losses.length }, (_, i) => i);
  return order.sort((a, b) => {
    const [x, y] = [worth(losses[a]), worth(losses[b])];
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

/** A number, or one for each generation from 0. */
export type Rate = number | ((generation: number) => number);

/** Checks a rate that is a number; the values of a function are checked as they are used. */
export function checkRate(op: string, name: string, rate: Rate): void {
  if (typeof rate !== "function") checkRange(op, name, rate, { above: 0 });
}

/** The value of a rate, checked to be above 0. */
export function rateAt(op: string, name: string, rate: Rate, generation: number): number {
  const value = typeof rate === "function" ? rate(generation) : rate;
  checkRange(op, name, value, { above: 0 });
  return value;
}
