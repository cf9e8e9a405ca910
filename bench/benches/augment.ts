/** Flip, padded crop, colours and mixup on batches of small images, each image with draws of its own, as a training step does it. */
import { nabla, torch } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";

export interface AugmentJob {
  readonly batch: number;
  readonly size: number;
  readonly classes: number;
  readonly threads: number;
}

function pipeline(): Bench {
  const job: Omit<AugmentJob, "threads"> = { batch: 128, size: 32, classes: 10 };
  return {
    name: "augment",
    title:
      "Flip, crop with padding 4, brightness, contrast and saturation, mixup: batches of 128 images 32 x 32 x 3",
    unit: "batches/s",
    perUnit: 1,
    job,
    contestants: () => [
      ...nabla("augment"),
      ...torch("augment", { name: "torchvision v2, image by image" }),
      ...torch("augment", { name: "torchvision v2, one draw for the whole batch", args: ["--batch"] }),
    ],
  };
}

export const suite: Suite = { name: "augment", benches: () => [pipeline()] };
