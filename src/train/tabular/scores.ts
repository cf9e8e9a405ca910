/** Scores of outputs on held-back rows, in the target's own unit. */
import type { Dataset, TargetCoding } from "../../data/index.ts";

/** accuracy of classes; r2, rmse and mae of numbers. */
export type TabularScores = Readonly<Record<string, number>>;

/** `outputs` are [rows, classes] logits, or [rows, 1] in deviations from the mean. */
export function scoresOf(outputs: Float32Array, data: Dataset, target: TargetCoding): TabularScores {
  const rows = data.length;
  if (target.kind === "classes") {
    const count = target.classes.length;
    let right = 0;
    for (let row = 0; row < rows; row++) {
      if (bestOf(outputs.subarray(row * count, (row + 1) * count)) === data.y.data[row]) right++;
    }
    return { accuracy: right / rows };
  }
  const y = Array.from(data.y.data);
  const mean = y.reduce((sum, value) => sum + value, 0) / rows;
  let [squares, distances, spread] = [0, 0, 0];
  for (let row = 0; row < rows; row++) {
    const [value, wanted] = [outputs[row] as number, y[row] as number];
    squares += (value - wanted) ** 2;
    distances += Math.abs(value - wanted);
    spread += (wanted - mean) ** 2;
  }
  const { deviation } = target;
  return {
    r2: spread > 0 ? 1 - squares / spread : Number.NaN,
    rmse: deviation * Math.sqrt(squares / rows),
    mae: (deviation * distances) / rows,
  };
}

/** The place of the largest, the first of several. */
export function bestOf(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
