/** What an augmentation is: a pure function of a batch and of draws, in which sample i depends on place i of the draws alone. */
import { checkScheduled, random, type Scheduled, type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";

/** A batch of images and what belongs to them. */
export interface Augmented {
  /** f32 [batch, height, width, channels]. */
  readonly images: Tensor;
  /** [batch, height, width, ...] of any dtype; moved as the images are, always to the nearest place. */
  readonly masks?: Tensor;
  /** f32 [batch, boxes, 4]: left, top, right, bottom in pixels, from the upper left corner. */
  readonly boxes?: Tensor;
  /** Labels i32 [batch], or numbers [batch, ...]: only `mixup` and `cutmix` change them. */
  readonly targets?: Tensor;
}

/** Where an augmentation's randomness comes from, and what the numbers of images mean. */
export interface Draw {
  /** u32[2]. */
  readonly key: Tensor;
  /** Of training, 0-d i32, where it is known: what schedules are functions of. */
  readonly step?: Tensor | undefined;
  /** The numbers for black and white. */
  readonly range: readonly [number, number];
}

export interface Augmentation {
  readonly name: string;
  apply(batch: Augmented, draw: Draw): Augmented;
}

/** Both ends of what a strength is drawn from, uniformly; a number or schedule s stands for what each augmentation says. */
export type Strength = Scheduled | readonly [min: number, max: number];

export interface ProbabilityOptions {
  /** Of each sample to be changed at all; default 1, or as stated. */
  readonly probability?: Scheduled;
}

/** The value at this step. Throws ConfigError for a schedule when the step is not known. */
export function scheduledAt(op: string, value: Scheduled, { step }: Draw): number | Tensor {
  if (typeof value === "number") return value;
  if (step !== undefined) return value(step);
  throw new ConfigError(
    `${op}: a strength follows a schedule, so the step must be given; it is not. Pass { key, step }.`,
  );
}

export function checkProbability(op: string, probability: Scheduled): void {
  checkScheduled(op, "probability", probability, "from 0 to 1", (p) => p >= 0 && p <= 1);
}

/** Throws ConfigError unless the strength is finite and, as a number or both ends in order, in [least, most]. */
export function checkStrength(
  op: string,
  name: string,
  value: Strength,
  least: number,
  most = Number.MAX_VALUE,
): void {
  if (typeof value === "function") return;
  const ends = typeof value === "number" ? [value] : value;
  const inside = ends.every((end) => end >= least && end <= most);
  const [low = 0, high = low] = ends;
  if (inside && low <= high) return;
  throw new ConfigError(
    `${op}: ${name} must be in [${least}, ${most}], the smaller end first; got ${JSON.stringify(value)}.`,
  );
}

/** The i-th key of a draw: one for each number that an augmentation needs. */
export const keyOf = (draw: Draw, i: number): Tensor => random.foldIn(draw.key, i);

/** Which samples are changed: bool [batch]. */
export const chosen = (op: string, draw: Draw, probability: Scheduled, batch: number): Tensor =>
  random.bernoulli(keyOf(draw, 0), [batch], scheduledAt(op, probability, draw));

/** f32 [batch], uniform between two ends. */
export function between(key: Tensor, batch: number, low: number | Tensor, high: number | Tensor): Tensor {
  const u = random.uniform(key, [batch]);
  if (typeof low === "number" && typeof high === "number") return u.mul(high - low).add(low);
  const from = typeof low === "number" ? u.mul(0).add(low) : low;
  const width = typeof high === "number" ? from.neg().add(high) : high.sub(from);
  return u.mul(width).add(from);
}

/** f32 [batch]: a strength s is drawn from [-s, s]. */
export function around0(op: string, strength: Strength, draw: Draw, i: number, batch: number): Tensor {
  if (isRange(strength)) return between(keyOf(draw, i), batch, ...strength);
  const most = scheduledAt(op, strength, draw);
  return random.uniform(keyOf(draw, i), [batch], { min: -1, max: 1 }).mul(most);
}

/** f32 [batch]: a strength s is drawn from [max(0, 1 - s), 1 + s]. */
export function around1(op: string, strength: Strength, draw: Draw, i: number, batch: number): Tensor {
  if (isRange(strength)) return between(keyOf(draw, i), batch, ...strength);
  const most = scheduledAt(op, strength, draw);
  if (typeof most === "number") return between(keyOf(draw, i), batch, Math.max(0, 1 - most), 1 + most);
  return between(keyOf(draw, i), batch, most.neg().add(1).maximum(0), most.add(1));
}

/** f32 [batch]: a number or schedule is taken as it is. */
export function exactly(op: string, strength: Strength, draw: Draw, i: number, batch: number): Tensor {
  if (isRange(strength)) return between(keyOf(draw, i), batch, ...strength);
  return random
    .uniform(keyOf(draw, i), [batch])
    .mul(0)
    .add(scheduledAt(op, strength, draw));
}

export const isRange = (strength: Strength): strength is readonly [number, number] => Array.isArray(strength);

/** [batch] as a factor for [batch, height, width, channels]. */
export const perImage = (values: Tensor): Tensor => values.reshape([values.size, 1, 1, 1]);

/** Throws ShapeError unless images are [batch, height, width, channels]. */
export function sizesOf(
  op: string,
  images: Tensor,
): readonly [batch: number, height: number, width: number, channels: number] {
  const [batch, height, width, channels] = images.shape;
  if (images.ndim === 4 && images.dtype === "f32") {
    return [batch as number, height as number, width as number, channels as number];
  }
  throw new ShapeError(
    `${op}: images must be f32 [batch, height, width, channels]; got ${images.dtype}${formatShape(images.shape)}. Reshape them, or give augment({ shape }).`,
  );
}

/** Lets `change` see pixel values in [0, 1]. Samples that are not chosen keep their bits. */
export function inUnit(
  name: string,
  probability: Scheduled,
  draw: Draw,
  change: (images: Tensor) => Tensor,
): (images: Tensor) => Tensor {
  const [black, white] = draw.range;
  const unit = black === 0 && white === 1;
  return (images) => {
    const changed = change(unit ? images : images.sub(black).div(white - black));
    const back = unit ? changed : changed.mul(white - black).add(black);
    if (probability === 1) return back;
    const [count] = sizesOf(name, images);
    return where(perImage(chosen(name, draw, probability, count)), back, images);
  };
}

/** An augmentation of pixel values: `change` sees them in [0, 1]; samples that are not chosen keep their bits. */
export function pixelwise(
  name: string,
  probability: Scheduled,
  change: (images: Tensor, draw: Draw, batch: number) => Tensor,
): Augmentation {
  checkProbability(name, probability);
  return {
    name,
    apply(batch, draw) {
      const [count] = sizesOf(name, batch.images);
      const changed = inUnit(name, probability, draw, (images) => change(images, draw, count));
      return { ...batch, images: changed(batch.images) };
    },
  };
}
