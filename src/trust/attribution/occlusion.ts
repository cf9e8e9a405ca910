/** occlusion: how much an output falls when a window of the input is covered. */
import { jit, type Tensor, take, tensor, where, zeros } from "../../engine/tensor/index.ts";
import type { Module, Tensors } from "../../nn/index.ts";
import {
  ConfigError,
  formatShape,
  optionNames,
  rejectUnknown,
  type Shape,
  ShapeError,
} from "../../util/index.ts";
import { checkFinite, checkInputs, checkWhole } from "../checks.ts";
import { byBatches, compiled, outputsOf, valuesOf } from "../compiled.ts";
import { type Attribution, type AttributionOptions, resolveTargets, scoresOf, targetRows } from "./target.ts";

export interface OcclusionOptions extends AttributionOptions {
  /** Size of the window: of images [height, width, channels] along height and width, over all channels; else along each axis of a row. */
  readonly window: number | readonly number[];
  /** From one window to the next. Default: half the window, at least 1. */
  readonly stride?: number | readonly number[];
  /** What covers the input. Default 0. */
  readonly fill?: number;
}

const known = optionNames<OcclusionOptions>({
  target: true,
  batch: true,
  window: true,
  stride: true,
  fill: true,
});

type State = readonly [sum: Tensor, count: Tensor, base: Tensor, window: Tensor];

/**
 * output(x) - output(x with a window filled), for each element the mean over the windows that cover it, in the shape of x [n, ...].
 * Windows begin at 0, stride, 2 stride, ... until one reaches the end, where it is cut off: Zeiler and Fergus, "Visualizing and
 * understanding convolutional networks", 2014. Takes a forward pass for each window, all of a batch in one native call.
 * @throws as `saliency`; ConfigError where a stride is larger than its window, which would leave elements out.
 * @example const { values } = await occlusion(model, images, { window: 4, stride: 2, fill: 0.5 });
 */
export async function occlusion(model: Module, x: Tensor, options: OcclusionOptions): Promise<Attribution> {
  const op = "occlusion";
  rejectUnknown(op, options, known);
  checkInputs(op, x);
  const { batch = 32, fill = 0 } = options;
  checkFinite(op, "fill", fill);
  const shape = x.shape.slice(1);
  const { window, starts } = windowsOf(op, shape, options);
  const targets = await resolveTargets(op, model, x, options);
  const tensors = valuesOf(model);
  const step = compiled(model, `occlusion ${window}`, () =>
    jit(
      (
        [sum, count, base, at]: State,
        rows: Tensor,
        own: Tensor,
        values: Tensors,
        places: Tensor,
        cover: Tensor,
      ): State => {
        const row = rows.shape.slice(1);
        const mask = maskOf(row, window, take(places, at, 0));
        const score = scoresOf(outputsOf(model, values, where(mask, cover, rows)), own);
        const whole = where(at.eq(0), score, base);
        const fall = whole.sub(score).reshape([-1, ...row.map(() => 1)]);
        return [sum.add(where(mask, fall, 0)), count.add(mask.astype("f32")), whole, at.add(1)];
      },
      { donate: [0], name: op },
    ),
  );
  // The first window lies outside and covers nothing: the same program gives output(x), so that what does not matter is 0 to the bit.
  const rounds = [shape, ...starts];
  const places = tensor(Int32Array.from(rounds.flat()), { shape: [rounds.length, shape.length] });
  const cover = tensor(fill);
  const values = await byBatches(x.shape[0] as number, batch, async (from, to) => {
    const rows = x.slice([from, to]);
    const state: State = [zeros(rows.shape), zeros(shape), zeros([to - from]), tensor(0, { dtype: "i32" })];
    const own = targetRows(targets, from, to);
    const [sum, count] = await step.repeat(rounds.length, state, rows, own, tensors, places, cover);
    return sum.div(count);
  });
  return { values, targets };
}

/** Which elements of a row [...shape] the window that begins at `start` (i32 [axes]) covers. */
function maskOf(shape: Shape, window: readonly number[], start: Tensor): Tensor {
  const masks = shape.map((size, axis) => {
    const places = tensor(Int32Array.from({ length: size }, (_, i) => i));
    const first = start.index(axis);
    const inside = places.ge(first).logicalAnd(places.lt(first.add(window[axis] as number)));
    return inside.reshape(shape.map((_, other) => (other === axis ? size : 1)));
  });
  return masks.reduce((all, mask) => all.logicalAnd(mask)).expand(shape);
}

/** The window along each axis of a row, and where windows begin. */
function windowsOf(
  op: string,
  shape: Shape,
  { window, stride }: OcclusionOptions,
): { window: number[]; starts: number[][] } {
  // The channels of an image go together.
  const axes = shape.length === 3 ? 2 : shape.length;
  const perAxis = (name: string, value: number | readonly number[]): number[] => {
    const list = typeof value === "number" ? Array.from({ length: axes }, () => value) : [...value];
    if (list.length !== axes) {
      throw new ShapeError(
        `${op}: ${name} must be a number or ${axes} for rows ${formatShape(shape)}; got ${formatShape(list)}.`,
      );
    }
    for (const size of list) checkWhole(op, name, size, 1);
    return list;
  };
  const sizes = perAxis("window", window);
  const strides = perAxis("stride", stride ?? sizes.map((size) => Math.max(1, Math.floor(size / 2))));
  let starts: number[][] = [[]];
  for (const [axis, size] of shape.entries()) {
    const own = axis < axes ? (sizes[axis] as number) : size;
    const step = axis < axes ? (strides[axis] as number) : size;
    if (step > own && own < size) {
      throw new ConfigError(
        `${op}: the stride must be at most the window, or elements are left out; got stride ${step} and window ${own}.`,
      );
    }
    const places = [0];
    while ((places.at(-1) as number) + own < size) places.push((places.at(-1) as number) + step);
    starts = starts.flatMap((start) => places.map((place) => [...start, place]));
  }
  return { window: [...sizes, ...shape.slice(axes)], starts };
}
