/** The optimizer's hyper-parameters as steps use them. */
import type { Run } from "./events.ts";

/**
 * By name, those of the last step: learning rates times what goes with the batch size and what callbacks made of it. They are f32, and
 * given as such: 0.01, not 0.009999999776482582.
 */
export async function usedHyperparameters(run: Run): Promise<Record<string, number>> {
  const factor = run.learningRateFactor();
  return Object.fromEntries(
    Object.entries(await run.hyperparameters()).map(([name, value]) => {
      const used = name.split("/").at(-1) === "learningRate" ? value * factor : value;
      return [name, Number(used.toPrecision(7))];
    }),
  );
}
