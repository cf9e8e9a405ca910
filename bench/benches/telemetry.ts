/** What telemetry costs: the time of training with every 50th step measuring itself, in per cent of that without. */
import { nabla, plain } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { Suite } from "../job.ts";

export const suite: Suite = {
  name: "telemetry",
  benches: () => [
    {
      name: "telemetry-mnist-mlp-128",
      title:
        "Training with telemetry every 50 steps, against without; 784-128-128-10 network on MNIST, batch 128, Adam",
      unit: "% of the time",
      lowerIsBetter: true,
      perUnit: 1,
      job: { sizes: [784, 128, 128, 10], batch: 128, every: 50, rounds: 9 },
      contestants: () => nabla("telemetry").map(plain),
      measure: async (spec, job) => Number((await firstAnswer(spec, job)).answer.share),
    },
  ],
};
