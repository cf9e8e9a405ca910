/** History: what each epoch reached, kept in a list. */
import type { Callback, EpochRecord } from "./events.ts";

/**
 * A callback that pushes every epoch's record onto `list` (and those of a resumed run before it).
 * @example
 * const list: EpochRecord[] = [];
 * new Trainer({ ..., callbacks: [history(list)] });
 */
export function history(list: EpochRecord[]): Callback {
  return {
    name: "history",
    start(event) {
      list.splice(0, list.length, ...event.history);
    },
    rollback(event) {
      list.splice(0, list.length, ...event.history);
    },
    epochEnd({ record }) {
      list.push(record);
    },
  };
}
