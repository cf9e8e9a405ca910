/** What every contestant is told to train, and the files it reads: raw little-endian arrays. */

/** A stretch of a file: `bytes` header bytes to skip, then the elements. */
export interface ArrayFile {
  readonly path: string;
  readonly header: number;
}

/** A multilayer perceptron with ReLU between its layers, trained by Adam (betas 0.9, 0.999, epsilon 1e-8). */
export interface MlpJob {
  readonly sizes: readonly number[];
  /** bce: one logit, labels 0/1 as f32. crossEntropy: logits, labels as u8 classes. Mean over the batch. */
  readonly loss: "bce" | "crossEntropy";
  readonly rows: number;
  /** bce: f32 rows. crossEntropy: u8 pixels, to be divided by 255. */
  readonly inputs: ArrayFile;
  readonly labels: ArrayFile;
  /** f32: weight [in, out] and bias [out] of each layer in turn. */
  readonly weights: ArrayFile;
  /** Equal to rows: every step takes all rows in order. Else each epoch shuffles and takes whole batches only. */
  readonly batch: number;
  readonly learningRate: number;
  readonly threads: number;
}

export interface Bench {
  readonly name: string;
  readonly title: string;
  /** What a measurement counts, as in "steps/s". */
  readonly unit: string;
  /** How many of them one `run` unit is (1 step, or the samples of an epoch). */
  readonly perUnit: number;
  readonly job: Omit<MlpJob, "threads">;
}
