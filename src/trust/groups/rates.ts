/** What a yes-or-no decision does to the rows of a group. */

/** Each a share of rows, or null where there is no row that it could be a share of. */
export interface Rates {
  /** Rows decided yes, of all. */
  readonly selectionRate: number | null;
  /** Rows decided yes, of those that are. */
  readonly truePositiveRate: number | null;
  /** Rows decided yes, of those that are not. */
  readonly falsePositiveRate: number | null;
}

/** The largest differences between groups, of those that have the rate; null where fewer than two do. */
export interface Fairness {
  /** Demographic parity: of selection rates. */
  readonly selectionRateDifference: number | null;
  /** Equal opportunity: of true positive rates. */
  readonly truePositiveRateDifference: number | null;
  readonly falsePositiveRateDifference: number | null;
  /** Equalised odds: the larger of the last two. */
  readonly equalisedOddsDifference: number | null;
}

export function ratesOf(decided: readonly boolean[], actual: readonly boolean[]): Rates {
  const share = (keep: (row: number) => boolean): number | null => {
    let [rows, yes] = [0, 0];
    for (const [row, own] of decided.entries()) {
      if (!keep(row)) continue;
      rows++;
      if (own) yes++;
    }
    return rows === 0 ? null : yes / rows;
  };
  return {
    selectionRate: share(() => true),
    truePositiveRate: share((row) => actual[row] === true),
    falsePositiveRate: share((row) => actual[row] === false),
  };
}

/** Largest less smallest of the values that are there; null for fewer than two. */
export function spreadOf(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null && !Number.isNaN(value)) as number[];
  return there.length < 2 ? null : Math.max(...there) - Math.min(...there);
}

export function fairnessOf(groups: readonly Rates[]): Fairness {
  const truePositiveRateDifference = spreadOf(groups.map((rates) => rates.truePositiveRate));
  const falsePositiveRateDifference = spreadOf(groups.map((rates) => rates.falsePositiveRate));
  const odds = [truePositiveRateDifference, falsePositiveRateDifference].filter((value) => value !== null);
  return {
    selectionRateDifference: spreadOf(groups.map((rates) => rates.selectionRate)),
    truePositiveRateDifference,
    falsePositiveRateDifference,
    equalisedOddsDifference: odds.length === 0 ? null : Math.max(...odds),
  };
}
