/** What the loop asks between stretches of steps: whether to go on, and what learning rates are times. */
import { tensor } from "../engine/tensor/index.ts";
import type { NotFiniteError } from "./after-steps.ts";
import { appliedFactor } from "./batch-size.ts";
import type { Job, Left, Live, Pace } from "./fit.ts";
import type { TrainData } from "./steps.ts";

/** What callbacks asked for at the last event; null to go on. */
export async function asked(job: Job): Promise<Left | null> {
  if (await job.wentBack()) return { left: null };
  const reason = job.stopping();
  return reason === null ? null : { left: reason };
}

/** Throws the error unless a callback has the run go back. */
export async function rescued(live: Live, job: Job, error: NotFiniteError): Promise<Left> {
  await job.emit("notFinite", { error, position: live.position });
  if (await job.wentBack()) return { left: null };
  throw error;
}

/** What learning rates are times from here on, as a step is given it. */
export function factorData(
  live: Live,
  { batching, device }: Job,
  pace: Pace,
  size: number,
): Pick<TrainData, "rateFactor"> {
  const factor = appliedFactor(batching, size, live.learningRateFactor);
  // With it the step is another program.
  if ((factor === null) !== (pace.factor === null)) pace.compiled.clear();
  pace.factor = factor;
  return factor === null ? {} : { rateFactor: tensor(factor, { dtype: "f32", device }) };
}
