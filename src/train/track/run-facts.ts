/** What lists and reports draw from a run's record: how it stands, its best epoch, how long it took. */
import type { RecordedEpoch, RunRecord } from "./run-record.ts";
import type { RunStatus } from "./status.ts";

/** Of runs that do not say: done where there is a summary or all epochs are there, else interrupted. */
export function statusOf(run: RunRecord): { status: RunStatus; reason: string | null } {
  if (run.status !== null) return { status: run.status.status, reason: run.status.reason };
  const whole =
    run.summary !== null || run.history.length >= (run.config?.epochs ?? Number.POSITIVE_INFINITY);
  return { status: whole ? "done" : "interrupted", reason: null };
}

/** The epoch of the least validation loss, or of the least training loss where nothing was validated; null before the first. */
export function best(history: readonly RecordedEpoch[]): RecordedEpoch | null {
  const loss = ({ train, validation }: RecordedEpoch) => (validation ?? train).loss ?? Number.NaN;
  return history.reduce<RecordedEpoch | null>(
    (least, record) =>
      Number.isNaN(loss(record)) || (least !== null && loss(least) <= loss(record)) ? least : record,
    null,
  );
}

/** Of training in all; null where nothing says. */
export const secondsOf = ({ summary, steps }: RunRecord): number | null =>
  // A resumed run's summary is of its last part alone.
  steps.at(-1)?.seconds !== undefined
    ? Math.max(steps.at(-1)?.seconds ?? 0, summary?.seconds ?? 0)
    : (summary?.seconds ?? null);
