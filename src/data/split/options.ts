/** What all splits can be asked for, and the checks of it. */
import { ConfigError } from "../../util/index.ts";
import { groupsOf, type SplitBy, strata } from "./keys.ts";
import type { Splittable } from "./part.ts";

export interface SplitOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Gives every part the same mix of classes, or of bins of a number. A column's name (of a Dataset "y"), or a value for each row. */
  readonly stratify?: SplitBy;
  /** Quantile bins where `stratify` is a number of more values than these. Default 10. */
  readonly bins?: number;
  /** Rows of one group never go to two parts. A column's name (of a Dataset "y"), or a value for each row. */
  readonly groups?: SplitBy;
  /** Rows keep their order and later ones are held back, for time series. Default false. */
  readonly inOrder?: boolean;
}

export const splitOptionNames = {
  seed: true,
  stratify: true,
  bins: true,
  groups: true,
  inOrder: true,
} as const;

/** The options as codes by row. Throws ConfigError for wrong or contradicting ones. */
export function readSplit(op: string, data: Splittable, options: SplitOptions) {
  const { seed = 0, bins = 10, inOrder = false, stratify, groups } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ConfigError(`${op}: seed must be a whole number of at least 0; got ${seed}.`);
  }
  if (!Number.isSafeInteger(bins) || bins < 2) {
    throw new ConfigError(`${op}: bins must be a whole number of at least 2; got ${bins}.`);
  }
  const given = [stratify && "stratify", groups && "groups", inOrder && "inOrder"].filter(Boolean);
  if (given.length > 1) {
    throw new ConfigError(
      `${op}: only one of stratify, groups and inOrder may be given; got ${given.join(" and ")}.`,
    );
  }
  return {
    seed,
    inOrder,
    strata: stratify === undefined ? null : strata(op, data, stratify, bins),
    groups: groups === undefined ? null : groupsOf(op, data, groups),
  };
}
