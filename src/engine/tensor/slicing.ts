/** Slices and indices known when the graph is built; indices held in tensors are `take`'s. */
import { normaliseAxis, ShapeError, UnsupportedError } from "../../util/index.ts";
import { type CompositeVjp, formatAval, type Node } from "../ir/index.ts";
import { build } from "../ops/index.ts";
import { apply, asTensor } from "./apply.ts";
import { composite } from "./composite.ts";
import { permute, reshape } from "./movement.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** `[start, stop, step]` as Python's `start:stop:step`: negatives count from the end, null is the default, ends are cut off. */
export type Range = readonly [start?: number | null, stop?: number | null, step?: number | null];

/** What `index` takes per axis: a position, a range, a new axis of size 1, or "..." for the axes not named. */
export type IndexItem = number | Range | null | "...";

interface Span {
  readonly start: number;
  readonly step: number;
  readonly size: number;
}

/** Python's rules for slices. */
function spanOf(op: string, range: Range, size: number): Span {
  const step = range[2] ?? 1;
  for (const value of range) {
    if (value !== null && value !== undefined && !Number.isInteger(value)) {
      throw new ShapeError(`${op}: start, stop and step must be integers or null; got [${range}].`);
    }
  }
  if (step === 0) throw new ShapeError(`${op}: the step must not be 0; got [${range}].`);
  const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (value: number | null | undefined, otherwise: number) => {
    if (value === null || value === undefined) return otherwise;
    return Math.min(highest, Math.max(lowest, value < 0 ? value + size : value));
  };
  const start = bound(range[0], step > 0 ? lowest : highest);
  const stop = bound(range[1], step > 0 ? highest : lowest);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  return { start: count === 0 ? 0 : start, step: count <= 1 ? 1 : step, size: count };
}

function take(x: Tensor, spans: readonly Span[]): Tensor {
  const whole = spans.every(
    ({ start, step, size }, axis) => start === 0 && step === 1 && size === x.shape[axis],
  );
  if (whole) return x;
  return apply(
    "slice",
    [x],
    { start: spans.map((span) => span.start), step: spans.map((span) => span.step) },
    spans.map((span) => span.size),
  );
}

/**
 * A range of each axis, as `x[a:b:s, ...]` in Python; axes not named stay whole.
 * @throws ShapeError for more ranges than axes or a step of 0.
 * @example slice(x, [0, 10], [null, null, -1]) // the first ten rows, columns reversed
 */
export function slice(x: TensorLike, ...ranges: Range[]): Tensor {
  const tensor = asTensor(x);
  if (ranges.length > tensor.ndim) {
    throw new ShapeError(
      `slice: there must be at most a range per axis; got ${ranges.length} for ${formatAval(tensor.node.aval)}.`,
    );
  }
  return take(
    tensor,
    tensor.shape.map((size, axis) => spanOf("slice", ranges[axis] ?? [], size)),
  );
}

/**
 * Positions, ranges, new axes and "...", as `x[1, ..., 2:5, None]` in Python. A position takes its axis away.
 * @throws ShapeError for a position outside its axis or too many items; UnsupportedError for tensors (use `take`, `where`).
 * @example index(x, -1, "...", [null, null, 2], null)
 */
export function index(x: TensorLike, ...items: IndexItem[]): Tensor {
  const tensor = asTensor(x);
  const described = formatAval(tensor.node.aval);
  for (const item of items) {
    if ((item as unknown) instanceof Tensor || typeof item === "boolean") {
      throw new UnsupportedError(
        `index: an item must be a number, range, null or "..."; got ${item instanceof Tensor ? "a tensor" : item}. Use take(x, indices, axis) for indices; for a mask use where(mask, x, 0): shapes cannot depend on data.`,
      );
    }
  }
  const named = items.filter((item) => item !== null && item !== "...").length;
  const dots = items.filter((item) => item === "...").length;
  if (named > tensor.ndim || dots > 1) {
    throw new ShapeError(
      `index: there must be at most an item per axis and one "..."; got ${items.length} for ${described}.`,
    );
  }
  const complete: readonly IndexItem[] = dots === 1 ? items : [...items, "..."];
  const spans: Span[] = [];
  const shape: number[] = [];
  for (const item of complete) {
    const size = tensor.shape[spans.length] as number;
    if (item === null) shape.push(1);
    else if (item === "...") {
      for (let rest = tensor.ndim - named; rest > 0; rest--) {
        const whole = tensor.shape[spans.length] as number;
        spans.push({ start: 0, step: 1, size: whole });
        shape.push(whole);
      }
    } else if (typeof item === "number") {
      const position = item < 0 ? item + size : item;
      if (!Number.isInteger(item) || position < 0 || position >= size) {
        throw new ShapeError(
          `index: a position on axis ${spans.length} of ${described} must be an integer in [${-size}, ${size}); got ${item}.`,
        );
      }
      spans.push({ start: position, step: 1, size: 1 });
    } else {
      const span = spanOf("index", item, size);
      spans.push(span);
      shape.push(span.size);
    }
  }
  return reshape(take(tensor, spans), shape);
}

/**
 * Parts of x along `axis`: as many equal ones as a number says, or of the listed sizes.
 * @throws ShapeError unless the parts fill the axis.
 * @example const [q, k, v] = split(x, 3, -1)
 */
export function split(x: TensorLike, parts: number | readonly number[], axis = 0): Tensor[] {
  const tensor = asTensor(x);
  const along = normaliseAxis("split", axis, tensor.ndim);
  const size = tensor.shape[along] as number;
  const sizes = typeof parts === "number" ? new Array<number>(parts).fill(size / parts) : parts;
  const fills = sizes.every((part) => Number.isInteger(part) && part >= 0);
  if (!fills || sizes.reduce((total, part) => total + part, 0) !== size) {
    throw new ShapeError(
      `split: parts must be whole and fill axis ${along} of ${formatAval(tensor.node.aval)}; got ${typeof parts === "number" ? `${parts} parts` : `sizes [${parts}]`}.`,
    );
  }
  if (sizes.length < 2) return sizes.map(() => tensor);
  const cut = (whole: Tensor): Tensor[] => {
    let start = 0;
    return sizes.map((part) => {
      const ranges = whole.shape.map((_, other): Range => (other === along ? [start, start + part] : []));
      start += part;
      return slice(whole, ...ranges);
    });
  };
  // The gradient joins those of the parts: written once, where a sum of padded ones would be added up.
  const vjp: CompositeVjp = (gs, _x, ys) => [
    build.make(
      "concat",
      gs.map((g, i) => g ?? build.fill(ys[i] as Node, 0)),
      { axis: along },
    ),
  ];
  return composite([tensor], ([whole]) => cut(whole as Tensor), { name: "split", vjp });
}

/** x shifted by `shift` places along `axis`; what leaves at one end enters at the other. */
export function roll(x: TensorLike, shift: number, axis = 0): Tensor {
  const tensor = asTensor(x);
  const along = normaliseAxis("roll", axis, tensor.ndim);
  const size = tensor.shape[along] as number;
  const by = size === 0 ? 0 : ((shift % size) + size) % size;
  if (by === 0) return tensor;
  const part = (range: Range) =>
    slice(tensor, ...tensor.shape.map((_, other): Range => (other === along ? range : [])));
  return apply("concat", [part([size - by]), part([0, size - by])], { axis: along });
}

/** The diagonal of two axes (default the last two), which disappear, as a new last axis: out[..., i] = x[..., i, i]. */
export function diagonal(x: TensorLike, axisA = -2, axisB = -1): Tensor {
  const tensor = asTensor(x);
  const [a, b] = [axisA, axisB].map((axis) => normaliseAxis("diagonal", axis, tensor.ndim)) as [
    number,
    number,
  ];
  if (a === b) throw new ShapeError(`diagonal: the axes must differ; got ${axisA} and ${axisB}.`);
  const rest = tensor.shape.map((_, axis) => axis).filter((axis) => axis !== a && axis !== b);
  const last = permute(tensor, [...rest, a, b]);
  const size = Math.min(...last.shape.slice(-2));
  const outer = last.shape.slice(0, -2);
  const whole = outer.map((): Range => []);
  const flat = reshape(slice(last, ...whole, [0, size], [0, size]), [...outer, size * size]);
  return slice(flat, ...whole, [null, null, size + 1]);
}
