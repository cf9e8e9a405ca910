/** Sequences of unequal length as one array: padding, truncation, and what tells tokens from padding. */
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import type { HostArray } from "../host.ts";
import { requireWhole } from "./vocabulary.ts";

export interface PadOptions {
  /** The number that fills; a token of its own, so that it can be told from text. */
  readonly padding: number;
  /** Tokens in a row; default: as many as the longest sequence has. */
  readonly length?: number;
  /** The length is rounded up to a multiple of it, such as 8; default 1. */
  readonly multipleOf?: number;
  /** Where padding goes; default "right". */
  readonly side?: "left" | "right";
  /** Which end of a sequence that is longer than `length` is cut off, or whether that is an error; default "right". */
  readonly truncate?: "left" | "right" | "error";
}

export interface Padded {
  /** i32 [n, length]. */
  readonly ids: HostArray & { readonly dtype: "i32" };
  /** The attention mask, i32 [n, length]: 1 for a token, 0 for padding. */
  readonly mask: HostArray & { readonly dtype: "i32" };
  /** Tokens that each row kept: what `paddingMask` of nabla/nn takes (with padding on the right). */
  readonly lengths: Int32Array;
}

/**
 * Rows of one length.
 * @throws ConfigError for unknown or wrong options; DataError when there is no row, no token in any, or with `truncate: "error"` for a
 * sequence that is too long, named by its row.
 * @example padSequences([[5, 6, 7], [8]], { padding: 0, multipleOf: 4 }).ids.data; // 5 6 7 0, 8 0 0 0
 */
export function padSequences(sequences: readonly ArrayLike<number>[], options: PadOptions): Padded {
  const op = "padSequences";
  rejectUnknown(
    op,
    options,
    optionNames<PadOptions>({ padding: true, length: true, multipleOf: true, side: true, truncate: true }),
  );
  const { padding, multipleOf = 1, side = "right", truncate = "right" } = options;
  requireWhole(op, "padding", padding, 0);
  requireWhole(op, "multipleOf", multipleOf, 1);
  if (options.length !== undefined) requireWhole(op, "length", options.length, 1);
  if (side !== "left" && side !== "right") {
    throw new ConfigError(`${op}: side must be "left" or "right"; got ${JSON.stringify(side)}.`);
  }
  if (truncate !== "left" && truncate !== "right" && truncate !== "error") {
    throw new ConfigError(
      `${op}: truncate must be "left", "right" or "error"; got ${JSON.stringify(truncate)}.`,
    );
  }
  if (sequences.length === 0) throw new DataError(`${op}: there must be at least one sequence; got none.`);
  const longest = sequences.reduce((most, { length }) => Math.max(most, length), 0);
  const length = Math.ceil((options.length ?? longest) / multipleOf) * multipleOf;
  if (length === 0) {
    throw new DataError(`${op}: a sequence must have a token where no length is given; all are empty.`);
  }
  const shape = [sequences.length, length];
  const ids = new Int32Array(sequences.length * length).fill(padding);
  const mask = new Int32Array(ids.length);
  const lengths = new Int32Array(sequences.length);
  for (const [row, sequence] of sequences.entries()) {
    if (sequence.length > length && truncate === "error") {
      throw new DataError(
        `${op}: sequences must have at most ${length} tokens; row ${row} has ${sequence.length}. Pass a larger length, or truncate.`,
      );
    }
    const kept = Math.min(sequence.length, length);
    const from = truncate === "left" ? sequence.length - kept : 0;
    const to = row * length + (side === "left" ? length - kept : 0);
    for (let i = 0; i < kept; i++) ids[to + i] = sequence[from + i] as number;
    mask.fill(1, to, to + kept);
    lengths[row] = kept;
  }
  return { ids: { dtype: "i32", shape, data: ids }, mask: { dtype: "i32", shape, data: mask }, lengths };
}
