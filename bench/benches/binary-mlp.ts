/** The smallest training loop: a 10-5-1 network on 1,000 rows, full batch. It measures overhead per step. */
import type { Suite } from "../job.ts";
import { mlpContestants, mlpFloor, plainMlpContestants } from "../mlp.ts";
import { uniforms, writeArray, writeWeights } from "../weights.ts";

const rows = 1000;
const features = 10;
const sizes = [features, 5, 1];

function data() {
  const next = uniforms(2);
  const inputs = Float32Array.from({ length: rows * features }, () => 2 * next() - 1);
  const labels = Float32Array.from({ length: rows }, (_, row) => {
    const [a = 0, b = 0, c = 0] = inputs.subarray(row * features, row * features + 3);
    return a + b * c > 0 ? 1 : 0;
  });
  return { inputs: writeArray("binary-inputs", inputs), labels: writeArray("binary-labels", labels) };
}

export const suite: Suite = {
  name: "binary-mlp",
  benches: () => [
    {
      name: "binary-mlp",
      title: "10-5-1 network, 1,000 rows full batch, BCE, Adam 1e-3",
      unit: "steps/s",
      perUnit: 1,
      job: {
        sizes,
        loss: "bce",
        optimizer: "adam",
        rows,
        ...data(),
        weights: writeWeights("binary-weights", sizes),
        batch: rows,
        learningRate: 1e-3,
      },
      contestants: () => [...mlpContestants(), ...plainMlpContestants()],
      floor: mlpFloor(sizes, rows),
    },
  ],
};
