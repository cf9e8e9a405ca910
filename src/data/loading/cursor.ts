/** Where a loader or a stream is: kept in a checkpoint, the loop goes on from there to the same bytes. */
import { ConfigError } from "../../util/index.ts";
import { whole } from "./checks.ts";

/** Plain data, for JSON: `batch` batches of epoch `epoch` (from 0) are done. */
export interface Cursor {
  readonly epoch: number;
  readonly batch: number;
}

export const beginning: Cursor = { epoch: 0, batch: 0 };

/** Throws ConfigError for what is no place in an epoch of `batches` (null: unknown). */
export function checkCursor(op: string, from: Cursor, batches: number | null): Cursor {
  const epoch = whole(op, "from.epoch", from?.epoch, 0);
  const batch = whole(op, "from.batch", from?.batch, 0);
  if (batches !== null && batch > batches)
    throw new ConfigError(
      `${op}: from.batch must be at most the ${batches} batches of an epoch; got ${batch}.`,
    );
  return { epoch, batch };
}
