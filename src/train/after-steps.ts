/** What is looked at after some steps: whether the loss is still a number, and what those steps alone reached. */
import type { Metric } from "../metrics/index.ts";
import { DataError } from "../util/index.ts";
import type { Debug } from "./debug.ts";
import type { Scores } from "./events.ts";
import type { Live } from "./fit.ts";
import { never } from "./state.ts";

/** The loss became NaN or infinite. */
export class NotFiniteError extends DataError {
  /** `step`: steps taken before it. `operation`: a sentence that names what made the number, where debug mode knows; else "". */
  constructor(
    message: string,
    readonly step: number,
    readonly operation: string,
  ) {
    super(message);
  }
}

/** A NaN or infinity in any loss of the epoch is in its average; the state then knows which step was the first. */
export async function lossError(
  live: Live,
  train: Scores,
  debug: Debug | null,
): Promise<NotFiniteError | null> {
  if (Number.isFinite(train.loss)) return null;
  const step = await live.state.failed.item();
  if (step === never) return null;
  // Each time steps were taken it is asked, so that it was one of the last.
  const { epoch, batch, step: taken } = live.position;
  const cause =
    debug === null
      ? "With { debug: true } (nabla train: --debug) the operation is named."
      : await debug.explain();
  return new NotFiniteError(
    `fit: the loss must stay finite; at step ${step + 1} (epoch ${epoch + 1}, batch ${batch - (taken - step) + 1}) it is not. ${cause} Try a lower learning rate, clipByGlobalNorm(1) before the optimizer, or look for extreme values in the data.`,
    step,
    debug === null ? "" : cause,
  );
}

/** Those scores that are means over rows: only of them follows what a part of the rows has. */
const meansOf = (scores: Scores, metrics: readonly Metric[]): Scores =>
  Object.fromEntries(
    metrics.filter(({ mean }) => mean !== false).map(({ name }) => [name, scores[name]]),
  ) as Scores;

/** What the rows since `rowsBefore` reached, of what is a mean over rows. */
export const recentScores = (
  now: Scores,
  before: Scores,
  rowsNow: number,
  rowsBefore: number,
  metrics: readonly Metric[],
): Scores => difference(meansOf(now, metrics), before, rowsNow, rowsBefore);

/** The averages over the rows since `before`. */
function difference(now: Scores, before: Scores, rowsNow: number, rowsBefore: number): Scores {
  if (rowsBefore === 0) return now;
  const mean = (name: string) =>
    ((now[name] as number) * rowsNow - (before[name] as number) * rowsBefore) / (rowsNow - rowsBefore);
  return Object.fromEntries(Object.keys(now).map((name) => [name, mean(name)])) as Scores;
}
