/** A network whose parameters and optimizer state (30 MB) fill the last cache: products and the update of the weights. */
import type { Suite } from "../job.ts";
import { mlpContestants, mlpFloor } from "../mlp.ts";
import { mnistArrays, mnistRows } from "../mnist.ts";
import { writeWeights } from "../weights.ts";

const sizes = [784, 1024, 1024, 10];
const batch = 256;

export const suite: Suite = {
  name: "wide-mlp",
  benches: () => [
    {
      name: "wide-mlp",
      title: `784-1024-1024-10 network, MNIST, batch ${batch}, Adam 1e-3`,
      unit: "samples/s",
      perUnit: Math.floor(mnistRows / batch) * batch,
      job: {
        sizes,
        loss: "crossEntropy",
        optimizer: "adam",
        ...mnistArrays(),
        weights: writeWeights("wide-weights", sizes),
        batch,
        learningRate: 1e-3,
      },
      contestants: mlpContestants,
      floor: mlpFloor(sizes),
    },
  ],
};
