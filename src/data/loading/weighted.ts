/** Samplers that prefer some rows: by a weight each, or so that classes come equally often. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { generator, shuffledRange } from "../shuffle.ts";
import { type AliasTable, aliasTable } from "./alias.ts";
import { fingerprint, sameLength, whole } from "./checks.ts";
import type { Sampler } from "./sampler.ts";

export interface WeightedOptions {
  /** Whether a row may come more than once in an epoch; default true. */
  readonly replacement?: boolean;
  /** Rows in an epoch; default: as many as there are weights (without replacement: as many as are not 0). */
  readonly count?: number;
}

const weightedStream = 0x77656967;
const balancedStream = 0x62616c61;

/** From whole numbers below 2^32 to [0, 1). */
const uniform = (next: () => number) => (): number => next() / 0x100000000;

/**
 * Row i with probability w_i / sum(w) at each draw; without replacement, among the rows not yet drawn in the epoch.
 *
 * @param weights one a row, finite and at least 0, in any unit
 * @throws ConfigError for other weights, all 0, or a count above the rows that can be drawn without replacement
 * @example loader(train, { batchSize: 32, sampler: weighted([1, 1, 4]), seed: 7 });
 * @see Vose: A linear algorithm for generating random numbers with a given distribution, 1991 (with replacement)
 * @see Efraimidis, Spirakis: Weighted random sampling with a reservoir, 2006 (without: the smallest -log(u_i) / w_i come first)
 */
export function weighted(weights: ArrayLike<number>, options: WeightedOptions = {}): Sampler {
  rejectUnknown("weighted", options, ["replacement", "count"]);
  const { replacement = true } = options;
  const own = Float64Array.from(weights);
  const wrong = own.findIndex((weight) => !(weight >= 0 && Number.isFinite(weight)));
  if (wrong >= 0) {
    throw new ConfigError(
      `weighted: weights must be finite and at least 0; that of row ${wrong} is ${own[wrong]}.`,
    );
  }
  const possible = own.reduce((sum, weight) => sum + (weight > 0 ? 1 : 0), 0);
  if (possible === 0) {
    throw new ConfigError(`weighted: one weight must be above 0; got ${own.length} that are not.`);
  }
  const count = whole("weighted", "count", options.count ?? (replacement ? own.length : possible), 1);
  if (!replacement && count > possible) {
    throw new ConfigError(
      `weighted: count must be at most the ${possible} rows with a weight above 0; got ${count}. Or draw with replacement.`,
    );
  }
  let table: AliasTable | null = null;
  return {
    key: `weighted(${fingerprint(own)}, ${replacement}, ${count})`,
    size(length) {
      sameLength("weighted", "weights", own.length, length);
      return count;
    },
    order(_, { seed, epoch }) {
      const next = uniform(generator(seed, epoch, weightedStream));
      if (!replacement) return firstOf(own, count, next);
      table ??= aliasTable(own);
      const { draw } = table;
      return Int32Array.from({ length: count }, () => draw(next(), next()));
    },
  };
}

function firstOf(weights: Float64Array, count: number, next: () => number): Int32Array {
  // 1 - u is never 0, so that no time is infinite but of weight 0.
  const times = weights.map((weight) => -Math.log(1 - next()) / weight);
  const rows = Array.from(weights.keys()).filter((row) => (weights[row] as number) > 0);
  rows.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
  return Int32Array.from(rows.slice(0, count));
}

/**
 * Every class equally often, up to one row: those of a small class come again once all of them have been seen, those of a large class are
 * left for another epoch.
 *
 * @param labels one a row, of any whole numbers
 * @throws ConfigError without labels, or for a count below 1
 * @example loader(train, { batchSize: 32, sampler: classBalanced(train.y.data), seed: 7 });
 */
export function classBalanced(labels: ArrayLike<number>, options: { readonly count?: number } = {}): Sampler {
  rejectUnknown("classBalanced", options, ["count"]);
  const classes = new Map<number, number[]>();
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    if (!Number.isInteger(label)) {
      throw new ConfigError(`classBalanced: labels must be whole numbers; that of row ${row} is ${label}.`);
    }
    const rows = classes.get(label);
    if (rows) rows.push(row);
    else classes.set(label, [row]);
  }
  if (classes.size === 0) throw new ConfigError("classBalanced: labels must be one a row; got none.");
  const count = whole("classBalanced", "count", options.count ?? labels.length, 1);
  const groups = [...classes].sort(([a], [b]) => a - b).map(([, rows]) => rows);
  return {
    key: `classBalanced(${fingerprint(labels)}, ${count})`,
    size(length) {
      sameLength("classBalanced", "labels", labels.length, length);
      return count;
    },
    order(_, { seed, epoch }) {
      const next = generator(seed, epoch, balancedStream);
      // Which classes get the rows that do not come out even changes from epoch to epoch.
      const turns = shuffledRange(groups.length, next);
      const picked = new Int32Array(count);
      for (const [turn, group] of turns.entries()) {
        const rows = groups[group] as number[];
        let pass: Int32Array = new Int32Array();
        for (let at = turn, taken = 0; at < count; at += groups.length, taken++) {
          if (taken % rows.length === 0) pass = shuffledRange(rows.length, next);
          picked[at] = rows[pass[taken % rows.length] as number] as number;
        }
      }
      return shuffledRange(count, next).map((at) => picked[at] as number);
    },
  };
}
