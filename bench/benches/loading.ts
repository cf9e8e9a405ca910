/** The share of time that training steps wait for data which is not on the device: gathered from memory, or made by workers. */
import { nabla, plain } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { Bench, Suite } from "../job.ts";
import { mnistArrays } from "../mnist.ts";

function waiting(kind: "memory" | "workers", title: string): Bench {
  return {
    name: `loading-${kind}`,
    title: `${title}; the fourth to eighth epoch of MNIST, 784-128-10 network, batch 128, Adam`,
    unit: "% of the time",
    lowerIsBetter: true,
    perUnit: 1,
    job: { kind, ...mnistArrays(), sizes: [784, 128, 10], batch: 128, workers: 1 },
    contestants: () => nabla("loading").map(plain),
    measure: async (spec, job) => Number((await firstAnswer(spec, job)).answer.waiting),
  };
}

export const suite: Suite = {
  name: "loading",
  benches: () => [
    waiting("memory", "Steps wait for rows gathered from memory"),
    waiting("workers", "Steps wait for rows that a worker makes (moved images, floats)"),
  ],
};
