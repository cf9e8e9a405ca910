/** The main job: 784-128-128-10 on the 60,000 images of MNIST, whole shuffled epochs from arrays in memory. */
import type { Suite } from "../job.ts";
import { mlpContestants, plainMlpContestants } from "../mlp.ts";
import { mnistBench } from "../mnist.ts";

const contestants = () => [...mlpContestants(), ...plainMlpContestants()];

export const suite: Suite = {
  name: "mnist-mlp",
  benches: () =>
    [32, 128].map((batch) => mnistBench(`mnist-mlp-${batch}`, [784, 128, 128, 10], batch, contestants)),
};
