/** What a model makes of a few rows, in words and pictures: classes with their confidence, images beside each other, or numbers. */
import { z } from "zod";
import type { Dataset, HostArray } from "../../data/index.ts";
import type { PngImage } from "../../io/index.ts";
import { sizeOf } from "../../util/index.ts";
import { formatScore } from "../format.ts";
import { bestOf } from "../tabular/scores.ts";
import { isClassification } from "./class-evaluation.ts";
import { type ImageShape, imageShape, picture } from "./picture.ts";
import { besideBars, type Panel, sideBySide } from "./sample-pictures.ts";

/** Pictures lie in the run's folder: a name must not lead out of it. */
const pictureName = z.string().regex(/^samples\/[\w-]+\.png$/);

export const sampleSchema = z.object({
  row: z.int().nonnegative(),
  /** Null where a picture says it. */
  input: z.string().nullable(),
  truth: z.string().nullable(),
  predicted: z.string().nullable(),
  /** The probability of the predicted class; null where there are none. */
  confidence: z.number().nullable(),
  right: z.boolean().nullable(),
  pictures: z.object({
    input: pictureName.optional(),
    truth: pictureName.optional(),
    predicted: pictureName.optional(),
  }),
});
/** A line of samples.jsonl. */
export const samplesSchema = z.object({
  step: z.int().nonnegative(),
  epoch: z.int().nonnegative(),
  samples: z.array(sampleSchema),
});

export type Sample = z.infer<typeof sampleSchema>;
export type SamplesRecord = z.infer<typeof samplesSchema>;

/** How rows and outputs are told. */
export interface SampleWords {
  readonly classes?: readonly string[] | undefined;
  readonly input?: ((row: number) => string) | undefined;
  readonly output?: ((values: Float32Array) => string) | undefined;
}

/** A sample with the PNG files that it names, and the one picture that shows it as a whole; null where rows are no images. */
export interface Drawn {
  readonly sample: Sample;
  readonly files: ReadonlyMap<string, PngImage>;
  readonly whole: PngImage | null;
}

const mostNumbers = 12;

const numbersOf = ({ data }: Pick<HostArray, "data">): string => {
  const shown = Array.from(data.subarray(0, mostNumbers), (value) => formatScore(Number(value)));
  return `${shown.join(", ")}${data.length > mostNumbers ? ", ..." : ""}`;
};

/** The panels of a row whose targets are images: of pixels like the outputs, or of classes by pixel. Null where they are none. */
function panelsOf(
  y: HostArray,
  x: HostArray,
  outputs: readonly number[],
  target: HostArray,
  own: Float32Array,
): { readonly truth: Panel; readonly predicted: Panel } | null {
  const truth = Float32Array.from(target.data, Number);
  const [, height = 0, width = 0, classes = 0] = outputs;
  if (y.dtype === "i32" && y.shape.length === 3 && outputs.length === 4) {
    const shape: ImageShape = [height, width, 1];
    const range = [0, Math.max(1, classes - 1)] as const;
    const labels = Float32Array.from({ length: height * width }, (_, at) =>
      bestOf(own.subarray(at * classes, (at + 1) * classes)),
    );
    return { truth: { values: truth, shape, range }, predicted: { values: labels, shape, range } };
  }
  const sameAsInput = sizeOf(y.shape) === sizeOf(x.shape) ? imageShape(x) : null;
  const shape = y.dtype === "f32" ? (imageShape(y) ?? sameAsInput) : null;
  if (shape === null || own.length !== sizeOf(shape)) return null;
  return { truth: { values: truth, shape }, predicted: { values: own, shape } };
}

/** `rows` are the numbers of the data's rows, `outputs` the model's for them: shape [rows, ...]. `stamp` tells files of this time apart. */
export async function drawSamples(
  data: Dataset,
  rows: readonly number[],
  outputs: { readonly values: Float32Array; readonly shape: readonly number[] },
  words: SampleWords,
  stamp: string,
): Promise<Drawn[]> {
  const size = outputs.values.length / data.length;
  const classes = isClassification(data, outputs.shape) && words.output === undefined;
  return Promise.all(
    rows.map(async (row, at) => {
      const { x, y } = data.gather(Int32Array.of(at));
      const own = outputs.values.subarray(at * size, (at + 1) * size);
      const shape = words.input === undefined ? imageShape(data.x) : null;
      const panel = shape && { values: Float32Array.from(x.data, Number), shape };
      const files = new Map<string, PngImage>();
      const file = async (name: string, of: Panel): Promise<string> => {
        files.set(`samples/${name}.png`, await picture(of.values, of.shape, of.range));
        return `samples/${name}.png`;
      };
      const input = panel === null ? (words.input?.(row) ?? numbersOf(x)) : null;
      const pictures = panel === null ? {} : { input: await file(`row-${row}`, panel) };
      const base = { row, input, confidence: null, right: null };
      if (classes) {
        const target = y.data[0] as number;
        const probabilities = softmax(own);
        const predicted = bestOf(own);
        const name = (label: number) => words.classes?.[label] ?? String(label);
        const confidence = Number((probabilities[predicted] as number).toPrecision(4));
        const told = { truth: name(target), predicted: name(predicted), right: predicted === target };
        const sample = {
          ...base,
          ...told,
          confidence: Number.isFinite(confidence) ? confidence : null,
          pictures,
        };
        return { sample, files, whole: panel && (await besideBars(panel, probabilities, target)) };
      }
      const sides = words.output === undefined ? panelsOf(data.y, data.x, outputs.shape, y, own) : null;
      if (sides !== null) {
        const named = {
          ...pictures,
          truth: await file(`row-${row}-truth`, sides.truth),
          predicted: await file(`${stamp}-row-${row}`, sides.predicted),
        };
        const all = [...(panel === null ? [] : [panel]), sides.truth, sides.predicted];
        const sample = { ...base, truth: null, predicted: null, pictures: named };
        return { sample, files, whole: await sideBySide(all) };
      }
      const predicted = words.output?.(own) ?? numbersOf({ data: own });
      const sample = { ...base, truth: numbersOf(y), predicted, pictures };
      return { sample, files, whole: null };
    }),
  );
}

function softmax(logits: Float32Array): Float32Array {
  const top = Math.max(...logits);
  const parts = logits.map((logit) => Math.exp(logit - top));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}
