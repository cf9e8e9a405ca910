/** Linear regression on 506 rows of 13 features, the size of the Boston housing data: overhead at its purest. */
import { jax, jaxJs, nabla, sklearn, tfjs, torch } from "../contestants.ts";
import type { Suite } from "../job.ts";
import { mlpFloor } from "../mlp.ts";
import { uniforms, writeArray, writeWeights } from "../weights.ts";

const rows = 506;
const sizes = [13, 1];

/** Features of mean 0 and deviation 1 that share a factor, as housing's do; prices around 22 with a deviation of about 9. */
function data() {
  const next = uniforms(3);
  const noise = () => Math.sqrt(12) * (next() - 0.5);
  const [features = 0] = sizes;
  const slopes = Array.from({ length: features }, noise);
  const inputs = new Float32Array(rows * features);
  const labels = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const shared = noise();
    let price = 22 + 4 * noise();
    for (let i = 0; i < features; i++) {
      const feature = 0.6 * shared + 0.8 * noise();
      inputs[row * features + i] = feature;
      price += 2 * (slopes[i] as number) * feature;
    }
    labels[row] = price;
  }
  return { inputs: writeArray("linear-inputs", inputs), labels: writeArray("linear-labels", labels) };
}

export const suite: Suite = {
  name: "linear-regression",
  benches: () => {
    const arrays = data();
    const weights = writeWeights("linear-weights", sizes);
    return [1, rows].map((batch) => ({
      name: `linear-regression-${batch}`,
      title: `Linear regression, 506 x 13, SGD, ${batch === 1 ? "batch 1 in shuffled order" : "full batch"}`,
      unit: "epochs/s",
      perUnit: 1,
      job: {
        sizes,
        loss: "mse",
        optimizer: "sgd",
        rows,
        ...arrays,
        weights,
        batch,
        learningRate: batch === 1 ? 1e-3 : 0.02,
      },
      contestants: () => [
        ...nabla("mlp"),
        ...torch("mlp"),
        ...torch("mlp", { name: "PyTorch, fused SGD", args: ["--fused"] }),
        ...torch("mlp", { name: "PyTorch, compiled", args: ["--compile"] }),
        ...jax("mlp"),
        ...sklearn("linear", {
          name: "scikit-learn SGDRegressor",
          otherMaths: "f64, always a sample at a time, in a shuffled order of its own",
        }),
        ...tfjs("mlp", "wasm"),
        ...tfjs("mlp", "cpu"),
        ...jaxJs("mlp"),
      ],
      floor: mlpFloor(sizes, rows),
    }));
  },
};
