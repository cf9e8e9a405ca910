/** plan.txt: what a run is going to do, and how its compiled steps do it. */
import { formatBytes, memory } from "../../engine/runtime/index.ts";
import type { Plan } from "../events.ts";

/** `steps` are the compiled steps in words. */
export function planText(plan: Plan, steps: readonly string[]): string {
  const count = (value: number) => value.toLocaleString("en-US");
  const batches =
    plan.batches === null ? "as many batches as their sizes make" : `${count(plan.batches)} batches`;
  return [
    `${count(plan.parameters)} parameters, ${formatBytes(plan.stateBytes)} of training state`,
    `${plan.epochs} epochs of ${count(plan.rowsPerEpoch)} rows in ${batches} of ${plan.batchSize}`,
    `on ${plan.device}`,
    ...Object.entries(memory()).map(
      ([device, { live, peak, arenas }]) =>
        `memory of ${device} after the first steps: ${formatBytes(live)} of tensors, at most ${formatBytes(peak)} so far, ${formatBytes(arenas)} of arenas`,
    ),
    ...plan.notes.map((note) => `note: ${note}`),
    ...steps.flatMap((step) => ["", step.trimEnd()]),
    "",
  ].join("\n");
}
