/** Which checkpoints of a run stay: the last ones, and the best by a value of the history. */
import type { Keep, Kept } from "../io/index.ts";
import { monitored } from "./events.ts";
import { manifestOf } from "./resume.ts";

export interface KeepOptions {
  /** The newest ones; default 1. */
  readonly last?: number;
  /** Those with the best monitored value, of the ends of epochs; default 0. */
  readonly best?: number;
}

/** What a checkpoint is worth; null within an epoch, where nothing has been measured, and for one of another writer. */
export function worth({ manifest }: Kept, monitor: string): number | null {
  const saved = manifestOf(manifest);
  if (saved === null) return null;
  const { position, history } = saved;
  const record = history.at(-1);
  if (position.batch > 0 || record === undefined) return null;
  const value = monitored(record, monitor);
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** Of equally good ones the earlier stays. */
export function keeping({ last = 1, best = 0 }: KeepOptions, monitor: string, mode: "min" | "max"): Keep {
  const sign = mode === "min" ? 1 : -1;
  return (saved) => {
    const measured =
      best === 0
        ? []
        : saved.flatMap((one) => {
            const value = worth(one, monitor);
            return value === null ? [] : [{ one, value }];
          });
    measured.sort((a, b) => sign * (a.value - b.value) || a.one.number - b.one.number);
    return [...saved.slice(-last), ...measured.slice(0, best).map(({ one }) => one)];
  };
}
