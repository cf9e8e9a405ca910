/** How a classifier did on data, class by class: the confusion matrix and the worst mistakes, as pictures or rows. */
import { z } from "zod";
import type { Dataset } from "../../data/index.ts";
import { bestOf } from "../tabular/scores.ts";
import { imageShape, rowPicture } from "./picture.ts";

export const classEvaluationSchema = z.object({
  rows: z.int(),
  classes: z.array(z.string()),
  /** matrix[target][predicted]: rows. */
  matrix: z.array(z.array(z.int())),
  /** The least probability of the right class first. */
  mistakes: z.array(
    z.object({
      row: z.int(),
      target: z.int(),
      predicted: z.int(),
      /** Of the predicted class, and of the right one. */
      confidence: z.number(),
      probability: z.number(),
      /** A PNG in base 64; null where rows are no images. */
      picture: z.string().nullable(),
      values: z.array(z.number()),
    }),
  ),
});

export type ClassEvaluation = z.infer<typeof classEvaluationSchema>;

const mostClasses = 100;
const mostMistakes = 24;
const mostValues = 12;

/** Whether outputs of this shape are logits of the data's classes: targets i32 [n], outputs [n, classes]. */
export const isClassification = (data: Dataset, outputs: readonly number[]): boolean =>
  data.y.dtype === "i32" && data.y.shape.length === 1 && outputs.length === 2 && (outputs[1] as number) >= 2;

/**
 * `logits` are [n, classes], row by row. Classes beyond the hundredth have no row of their own in a matrix that can be read: null then.
 * Rows whose target is no class are left out.
 */
export async function evaluateClasses(
  logits: Float32Array,
  data: Dataset,
  names?: readonly string[],
): Promise<ClassEvaluation | null> {
  const count = logits.length / data.length;
  if (count > mostClasses) return null;
  const matrix = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const wrong: { row: number; target: number; predicted: number; confidence: number; probability: number }[] =
    [];
  for (let row = 0; row < data.length; row++) {
    const target = data.y.data[row] as number;
    const cells = matrix[target];
    if (cells === undefined) continue;
    const own = logits.subarray(row * count, (row + 1) * count);
    const predicted = bestOf(own);
    cells[predicted] = (cells[predicted] as number) + 1;
    if (predicted === target) continue;
    const top = own[predicted] as number;
    const sum = own.reduce((total, logit) => total + Math.exp(logit - top), 0);
    const probability = Math.exp((own[target] as number) - top) / sum;
    wrong.push({ row, target, predicted, confidence: 1 / sum, probability });
  }
  wrong.sort((a, b) => a.probability - b.probability || a.row - b.row);
  const shape = imageShape(data.x);
  const mistakes = await Promise.all(
    wrong.slice(0, mostMistakes).map(async (mistake) => ({
      ...mistake,
      confidence: digits(mistake.confidence),
      probability: digits(mistake.probability),
      picture:
        shape === null
          ? null
          : Buffer.from((await rowPicture(data, mistake.row, shape)).png).toString("base64"),
      values:
        shape === null
          ? Array.from(data.gather(Int32Array.of(mistake.row)).x.data.subarray(0, mostValues), digits)
          : [],
    })),
  );
  const classes = Array.from({ length: count }, (_, at) => names?.[at] ?? String(at));
  return { rows: data.length, classes, matrix, mistakes };
}

const digits = (value: number): number => Number(value.toPrecision(4));
