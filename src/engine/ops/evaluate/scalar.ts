/** f64 kernels of leaves, scalar primitives and casts. */
import { type ComputeDType, computeDType, type DType, type ScalarOp } from "../../ir/index.ts";
import { converter, wrapInteger } from "../number.ts";
import { randomWord } from "../philox.ts";
import { scalarRows } from "../scalar.ts";
import { at, type Kernel, type KernelTable, positions, sizeOf } from "./kernel.ts";

/** The meaning of a scalar primitive on operands of `dtype` (of `where`: its branches). */
export function scalarFunction(
  op: ScalarOp,
  dtype: ComputeDType,
): (a: number, b: number, c: number) => number {
  const { js, jsInt, signature } = scalarRows[op];
  if (signature === "compare" || signature === "select" || dtype === "f32" || dtype === "bool") return js;
  const wrap = wrapInteger(dtype) as (x: number) => number;
  const unsigned = dtype === "u32";
  return jsInt === undefined ? (a, b, c) => wrap(js(a, b, c)) : (a, b) => wrap(jsInt(a, b, unsigned));
}

const kernelOf =
  (op: ScalarOp): Kernel<"add"> =>
  (src) => {
    const [a, b, c] = [at(src, 0), src[1] ?? at(src, 0), src[2] ?? at(src, 0)];
    const f = scalarFunction(op, computeDType[(src[2] ?? a).aval.dtype as DType]);
    const out = new Float64Array(a.data.length);
    for (let i = 0; i < out.length; i++) {
      out[i] = f(a.data[i] as number, b.data[i] as number, c.data[i] as number);
    }
    return out;
  };

export const scalars = Object.fromEntries(
  Object.keys(scalarRows).map((op) => [op, kernelOf(op as ScalarOp)]),
) as unknown as KernelTable<ScalarOp>;

export const casts: KernelTable<"cast"> = {
  cast: (src, { dtype }) => at(src, 0).data.map(converter(at(src, 0).aval.dtype, dtype)),
};

export const leaves: KernelTable<"const" | "iota" | "random"> = {
  const: (_src, { value }, out) => new Float64Array(sizeOf(out.shape)).fill(value),
  iota: (_src, { axis }, out) =>
    positions(
      out.shape,
      out.shape.map((_, other) => (other === axis ? 1 : 0)),
    ),
  random: (src, _attrs, out) => {
    const [key0, key1] = at(src, 0).data as unknown as [number, number];
    return new Float64Array(sizeOf(out.shape)).map((_, element) => randomWord(key0, key1, element));
  },
};
