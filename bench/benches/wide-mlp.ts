/** A network whose parameters and optimizer state (30 MB) fill the last cache: products and the update of the weights. */
import type { Suite } from "../job.ts";
import { mlpContestants } from "../mlp.ts";
import { mnistBench } from "../mnist.ts";

export const suite: Suite = {
  name: "wide-mlp",
  benches: () => [mnistBench("wide-mlp", [784, 1024, 1024, 10], 256, mlpContestants)],
};
