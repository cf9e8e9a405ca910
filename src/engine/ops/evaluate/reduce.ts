/** f64 kernels of reductions and scans. */
import type { ComputeDType, DType } from "../../ir/index.ts";
import { around, at, type KernelTable, positions, sizeOf, stridesOf } from "./kernel.ts";
import { scalarFunction } from "./scalar.ts";

type Kind = "sum" | "max" | "min" | "prod";

const combining = { sum: "add", prod: "mul", max: "max", min: "min" } as const;

/** How two partial results combine. */
export const combiner = (kind: Kind, dtype: ComputeDType): ((a: number, b: number) => number) => {
  const f = scalarFunction(combining[kind], dtype);
  return (a, b) => f(a, b, 0);
};

const lowest: Readonly<Record<"f32" | "i32" | "u32", number>> = {
  f32: Number.NEGATIVE_INFINITY,
  i32: -(2 ** 31),
  u32: 0,
};
const highest: Readonly<Record<"f32" | "i32" | "u32", number>> = {
  f32: Number.POSITIVE_INFINITY,
  i32: 2 ** 31 - 1,
  u32: 2 ** 32 - 1,
};

/** What reducing nothing gives. */
export function identity(kind: Kind, dtype: DType): number {
  const number = dtype === "i32" || dtype === "u32" ? dtype : "f32";
  switch (kind) {
    case "sum":
      return 0;
    case "prod":
      return 1;
    case "max":
      return lowest[number];
    case "min":
      return highest[number];
    default:
      return kind satisfies never;
  }
}

/** Whether `a` takes the place of `b` as the extreme so far; the first NaN stays. */
export const beats = (kind: "max" | "min", a: number, b: number): boolean =>
  !Number.isNaN(b) && (Number.isNaN(a) || (kind === "max" ? a > b : a < b));

export const reductions: KernelTable<"reduce" | "argReduce" | "cumulate"> = {
  reduce: (src, { kind, axes }, out) => {
    const { aval, data } = at(src, 0);
    const result = new Float64Array(sizeOf(out.shape)).fill(identity(kind, out.dtype));
    const combine = combiner(kind, out.dtype as ComputeDType);
    const kept = stridesOf(out.shape);
    let next = 0;
    const strides = aval.shape.map((_, axis) => (axes.includes(axis) ? 0 : (kept[next++] as number)));
    const to = positions(aval.shape, strides);
    for (let i = 0; i < data.length; i++) {
      const place = to[i] as number;
      result[place] = combine(result[place] as number, data[i] as number);
    }
    return result;
  },
  argReduce: (src, { kind, axis }, out) => {
    const { aval, data } = at(src, 0);
    const { size, inner } = around(aval.shape, axis);
    return new Float64Array(sizeOf(out.shape)).map((_, place) => {
      const base = Math.floor(place / inner) * size * inner + (place % inner);
      let best = 0;
      for (let i = 1; i < size; i++) {
        if (beats(kind, data[base + i * inner] as number, data[base + best * inner] as number)) best = i;
      }
      return best;
    });
  },
  cumulate: (src, { kind, axis, reverse }, out) => {
    const result = at(src, 0).data.slice();
    const { outer, size, inner } = around(out.shape, axis);
    const combine = combiner(kind, out.dtype as ComputeDType);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const place = (n: number) => (o * size + (reverse ? size - 1 - n : n)) * inner + i;
        for (let n = 1; n < size; n++) {
          result[place(n)] = combine(result[place(n - 1)] as number, result[place(n)] as number);
        }
      }
    }
    return result;
  },
};
