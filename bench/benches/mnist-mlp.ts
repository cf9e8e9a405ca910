/** The main job: 784-128-128-10 on the 60,000 images of MNIST, whole shuffled epochs from arrays in memory. */
import type { Suite } from "../job.ts";
import { mlpContestants, mlpFloor, plainMlpContestants } from "../mlp.ts";
import { mnistArrays, mnistRows } from "../mnist.ts";
import { writeWeights } from "../weights.ts";

const sizes = [784, 128, 128, 10];

export const suite: Suite = {
  name: "mnist-mlp",
  benches: () =>
    [32, 128].map((batch) => ({
      name: `mnist-mlp-${batch}`,
      title: `784-128-128-10 network, MNIST, batch ${batch}, Adam 1e-3`,
      unit: "samples/s",
      perUnit: Math.floor(mnistRows / batch) * batch,
      job: {
        sizes,
        loss: "crossEntropy",
        optimizer: "adam",
        ...mnistArrays(),
        weights: writeWeights(`mnist-weights-${batch}`, sizes),
        batch,
        learningRate: 1e-3,
      },
      contestants: () => [...mlpContestants(), ...plainMlpContestants()],
      floor: mlpFloor(sizes),
    })),
};
