/** What a network has to beat: the mean or the most frequent class, and a linear model trained to convergence. */
import type { Dataset } from "../../data/index.ts";
import { valueAndGrad } from "../../engine/autodiff/index.ts";
import { jit, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { crossEntropy, mse } from "../../nn/index.ts";
import { lbfgs } from "../../optim/index.ts";

/** Outputs [rows, outputs], row by row, as a network's are. */
export type Outputs = Float32Array;

/** The training part's mean, or how often each class is there, for each of `rows` rows. */
export function constantOutputs(train: Dataset, outputs: number, rows: number): Outputs {
  const row = new Float32Array(outputs);
  const { data, dtype } = train.y;
  if (dtype === "i32") for (const label of data) row[label] = (row[label] as number) + 1;
  else row[0] = data.reduce((sum: number, value: number) => sum + value, 0) / data.length;
  return Float32Array.from({ length: rows * outputs }, (_, i) => row[i % outputs] as number);
}

/**
 * Ridge regression (for f32 targets) or softmax regression, fitted on `train` and applied to `test`: the mean loss plus
 * |W|^2 * penalty / (2 n), with half the squared error as a number's loss; biases go free. scikit-learn's Ridge(alpha=penalty) and
 * LogisticRegression(C=1/penalty) have the same minimum.
 */
export async function linearOutputs(
  train: Dataset,
  test: Dataset,
  outputs: number,
  penalty = 1,
): Promise<Outputs> {
  const [x, y, held] = [train.x, train.y, test.x].map((array) =>
    tensor(array.data, { shape: array.shape, dtype: array.dtype }),
  ) as [Tensor, Tensor, Tensor];
  const width = train.x.shape[1] as number;
  const predict = (params: Linear, rows: Tensor) => rows.matmul(params.weight).add(params.bias);
  const loss = (params: Linear): Tensor => {
    const fit =
      train.y.dtype === "i32" ? crossEntropy(predict(params, x), y) : mse(predict(params, x), y).mul(0.5);
    return fit.add(
      params.weight
        .square()
        .sum()
        .mul(penalty / (2 * train.length)),
    );
  };
  const start: Linear = {
    weight: tensor(new Float32Array(width * outputs), { shape: [width, outputs] }),
    bias: tensor(new Float32Array(outputs), { shape: [outputs] }),
  };
  const { params } = await lbfgs(jit(valueAndGrad(loss)), start, {
    maxIterations: 500,
    gradientTolerance: 1e-5,
    historySize: 7, // each length of it is a program
  });
  const result = await predict(params, held).data();
  return Float32Array.from(result as Float32Array);
}

type Linear = { readonly weight: Tensor; readonly bias: Tensor };
