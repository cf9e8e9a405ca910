/** temperatureScaling: one number that makes a classifier as sure as it is right. */
import { valueAndGrad } from "../../engine/autodiff/index.ts";
import { jit, sigmoid, softmax, type Tensor, takeAlongAxis, tensor } from "../../engine/tensor/index.ts";
import { bceWithLogits, crossEntropy } from "../../nn/index.ts";
import { lbfgs } from "../../optim/index.ts";
import { DataError, formatShape, ShapeError } from "../../util/index.ts";
import { checkRows } from "../checks.ts";
import { calibrationCurve } from "./curve.ts";

/** Mean -log p(label), and the expected calibration error in 15 bins. */
export interface CalibrationScores {
  readonly logLoss: number;
  readonly calibrationError: number;
}

export interface TemperatureScaling {
  /** Above 1 for a model that is too sure. */
  readonly temperature: number;
  readonly before: CalibrationScores;
  readonly after: CalibrationScores;
}

/**
 * The T > 0 of least mean -log softmax(logits / T)[label] on validation rows, by L-BFGS over log T; use it as `logits.div(T)`. No
 * prediction changes, only how sure it is: Guo et al., "On calibration of modern neural networks", 2017. Logits [n, classes] with class
 * numbers [n], or one logit a row, [n] or [n, 1], with 0 and 1.
 * @throws ShapeError where they do not fit; DataError for a label that is no class, for labels of a single class, and where there is no best temperature: no row is wrong, or the model is no better than chance. Take more validation rows then.
 * @example const { temperature } = await temperatureScaling(await predict(model, validationX), validationY);
 */
export async function temperatureScaling(logits: Tensor, labels: Tensor): Promise<TemperatureScaling> {
  const op = "temperatureScaling";
  const { scores, y, binary } = await checked(op, logits, labels);
  await requireMinimum(op, scores, y, binary);
  const lossAt = (logT: Tensor): Tensor => {
    const scaled = scores.mul(logT.neg().exp());
    return binary ? bceWithLogits(scaled, y.astype("f32")) : crossEntropy(scaled, y);
  };
  const fitted = await lbfgs(
    jit(valueAndGrad(({ logT }: { logT: Tensor }) => lossAt(logT))),
    { logT: tensor(0) },
    { gradientTolerance: 1e-7, historySize: 1 },
  );
  const scoresAt = async (logT: Tensor): Promise<CalibrationScores> => {
    const scaled = scores.mul(logT.neg().exp());
    const probabilities = (binary ? sigmoid(scaled) : softmax(scaled)).data();
    const { expectedError } = calibrationCurve(await probabilities, (await y.data()) as Int32Array, {
      bins: 15,
    });
    return { logLoss: await lossAt(logT).item(), calibrationError: expectedError };
  };
  return {
    temperature: Math.exp(await fitted.params.logT.item()),
    before: await scoresAt(tensor(0)),
    after: await scoresAt(fitted.params.logT),
  };
}

interface Rows {
  /** f32 [n] for yes and no, else [n, classes]. */
  readonly scores: Tensor;
  /** i32 [n] */
  readonly y: Tensor;
  readonly binary: boolean;
}

async function checked(op: string, logits: Tensor, labels: Tensor): Promise<Rows> {
  const binary =
    logits.ndim === 1 || (logits.ndim === 2 && logits.shape[1] === 1 && labels.size === logits.size);
  if (!binary && logits.ndim !== 2) {
    throw new ShapeError(
      `${op}: logits must be [n, classes], [n] or [n, 1]; got ${formatShape(logits.shape)}.`,
    );
  }
  const rows = logits.shape[0] as number;
  checkRows(op, "labels", labels.size, rows);
  const classes = binary ? 2 : (logits.shape[1] as number);
  const y = labels.flatten().astype("i32");
  const numbers = (await y.data()) as Int32Array;
  const wrong = numbers.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) {
    throw new DataError(`${op}: labels must be in [0, ${classes}); row ${wrong} has ${numbers[wrong]}.`);
  }
  if (new Set(numbers).size < 2) {
    throw new DataError(
      `${op}: labels must be of two classes at least; got ${rows === 0 ? "no row" : `only class ${numbers[0]}`}.`,
    );
  }
  return { scores: binary ? logits.flatten() : logits, y, binary };
}

/**
 * In 1 / T the loss is convex: it has a least value at a T above 0 just where it falls at 1 / T = 0, the labels' logits being above the
 * mean ones, and does not fall for ever, some row's label not having the largest logit.
 */
async function requireMinimum(op: string, scores: Tensor, y: Tensor, binary: boolean): Promise<void> {
  // Yes and no are two classes of logits 0 and s.
  const two = binary ? scores.unsqueeze(-1).mul(tensor([0, 1])) : scores;
  const own = takeAlongAxis(two, y.unsqueeze(-1), -1).squeeze(-1);
  const [lead, wrong] = await Promise.all([
    own.sub(two.mean(-1)).mean().item(),
    own.lt(two.max(-1)).astype("i32").sum().item(),
  ]);
  if (wrong === 0) {
    throw new DataError(
      `${op}: some row must be wrong; all ${y.size} are right, so that the colder, the better. Take more validation rows.`,
    );
  }
  if (!(lead > 0)) {
    throw new DataError(
      `${op}: logits must be finite and speak for the labels; on average they do not, so that the hotter, the better.`,
    );
  }
}
