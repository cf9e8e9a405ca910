/** Pipelines: augmentations one after the other, and what a Trainer does with its batches. */
import { random, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, rejectUnknown, ShapeError, sizeOf } from "../../util/index.ts";
import type { Augmentation, Augmented, Draw } from "./augmentation.ts";
import { type Geometric, isGeometric, warpRun } from "./geometric.ts";

/** One after the other; geometric ones next to each other resample once, as if images went on beyond their borders in between. */
export function compose(...augmentations: readonly Augmentation[]): Augmentation {
  return {
    name: augmentations.map(({ name }) => name).join(" > "),
    apply(batch, draw) {
      const drawOf = (i: number): Draw => ({ ...draw, key: random.foldIn(draw.key, i) });
      let result = batch;
      for (let i = 0; i < augmentations.length; ) {
        const run = geometricFrom(augmentations, i);
        result =
          run.length > 0
            ? warpRun(
                run,
                run.map((_, j) => drawOf(i + j)),
              )(result)
            : (augmentations[i] as Augmentation).apply(result, drawOf(i));
        i += Math.max(1, run.length);
      }
      return result;
    },
  };
}

/** The geometric ones from `start` on that one resampling can do: their options agree, or there are none. */
function geometricFrom(all: readonly Augmentation[], start: number): Geometric[] {
  const run: Geometric[] = [];
  let options: string | null = null;
  for (const one of all.slice(start)) {
    if (!isGeometric(one)) break;
    const own =
      Object.keys(one.options).length === 0 ? null : JSON.stringify(Object.entries(one.options).sort());
    if (options !== null && own !== null && own !== options) break;
    options ??= own;
    run.push(one);
  }
  return run;
}

export interface AugmentOptions {
  /** What one sample is, [height, width, channels], where rows of the data are flat. */
  readonly shape?: readonly [height: number, width: number, channels: number];
  /** The numbers of black and white; default [0, 1]. After standardising to (x - m) / s: [-m / s, (1 - m) / s]. */
  readonly range?: readonly [black: number, white: number];
}

/** A pipeline with what it must know of the images: the option `augment` of `fit` and of experiments. */
export class Augmenter {
  readonly #pipeline: Augmentation;
  readonly #options: AugmentOptions;

  constructor(augmentations: readonly Augmentation[], options: AugmentOptions = {}) {
    rejectUnknown("augment", options, ["shape", "range"]);
    const [black, white] = options.range ?? [0, 1];
    if (!(Number.isFinite(black) && Number.isFinite(white) && black < white)) {
      throw new ConfigError(
        `augment: range must be two numbers, black below white; got ${JSON.stringify(options.range)}.`,
      );
    }
    for (const [i, one] of augmentations.entries()) {
      if (typeof one?.apply !== "function") {
        throw new ConfigError(
          `augment: each entry must be an augmentation, as horizontalFlip() is; entry ${i} is ${typeof one}.`,
        );
      }
    }
    this.#pipeline = compose(...augmentations);
    this.#options = options;
  }

  /** The batch with new images, masks, boxes and targets; a pure function, for use inside `jit`. */
  apply(batch: Augmented, { key, step }: { readonly key: Tensor; readonly step?: Tensor }): Augmented {
    return this.#pipeline.apply(batch, { key, step, range: this.range });
  }

  /** The numbers of black and white. */
  get range(): readonly [black: number, white: number] {
    return this.#options.range ?? [0, 1];
  }

  /** Rows [batch, ...] of the data as images. Throws ShapeError when a row is not of `shape`. */
  toImages(x: Tensor): Tensor {
    const { shape } = this.#options;
    const [rows = 0, ...own] = x.shape;
    if (shape === undefined) return x;
    if (sizeOf(shape) === sizeOf(own)) return x.reshape([rows, ...shape]);
    throw new ShapeError(
      `augment: shape must have as many numbers as a sample; got ${formatShape(shape)} and samples ${formatShape(own)}.`,
    );
  }

  /** Inputs and targets of a training step: rows are brought to images, and flat ones back. */
  batch(
    x: Tensor,
    targets: Tensor,
    at: { readonly key: Tensor; readonly step?: Tensor },
  ): [x: Tensor, targets: Tensor] {
    const images = this.toImages(x);
    const result = this.apply({ images, targets }, at);
    // What came flat goes flat.
    const flat = images !== x && x.ndim === 2;
    return [
      flat ? result.images.reshape([x.shape[0] as number, -1]) : result.images,
      result.targets ?? targets,
    ];
  }
}

/**
 * A pipeline for images. In a `Trainer` it changes the batches of training, never of evaluation, on the device and inside the compiled
 * step; its draws follow from seed and step, so that a resumed run goes on to the same bits.
 * @throws ConfigError for a range that is none or entries that are no augmentations; when used, ShapeError for images of another shape.
 * @example
 * const changed = augment([randomCrop({ padding: 4 }), horizontalFlip(), mixup({ classes: 10 })], { shape: [28, 28, 1] });
 * await trainer.fit(train, { epochs: 10, augment: changed });
 */
export const augment = (augmentations: readonly Augmentation[], options: AugmentOptions = {}): Augmenter =>
  new Augmenter(augmentations, options);
