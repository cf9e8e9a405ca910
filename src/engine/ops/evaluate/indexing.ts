/** f64 kernels of gather and scatter. */
import { type ComputeDType, isFloat } from "../../ir/index.ts";
import { around, at, type KernelTable, type Operand, sizeOf } from "./kernel.ts";
import { combiner } from "./reduce.ts";

/** For each element read (or written) in row-major order, where it lies in `operand`; -1: out of range. */
function places(
  operand: Operand,
  indices: Operand,
  axis: number,
  along: boolean,
  count: number,
): Float64Array {
  const { size, inner } = around(operand.aval.shape, axis);
  const rows = along ? (indices.aval.shape[axis] as number) : indices.data.length;
  return new Float64Array(count).map((_, element) => {
    const i = element % inner;
    const row = Math.floor(element / inner) % rows;
    const o = Math.floor(element / inner / rows);
    const index = indices.data[along ? element : row] as number;
    return index >= 0 && index < size ? (o * size + index) * inner + i : -1;
  });
}

export const indexing: KernelTable<"gather" | "scatter"> = {
  gather: (src, { axis, along, fill }, out) => {
    const operand = at(src, 0);
    const missing = fill ?? (isFloat(out.dtype) ? Number.NaN : 0);
    return places(operand, at(src, 1), axis, along, sizeOf(out.shape)).map((place) =>
      place < 0 ? missing : (operand.data[place] as number),
    );
  },
  scatter: (src, { mode, axis, along }, out) => {
    const [base, indices, updates] = [at(src, 0), at(src, 1), at(src, 2)];
    const result = base.data.slice();
    const add = combiner("sum", out.dtype as ComputeDType);
    places(base, indices, axis, along, updates.data.length).forEach((place, i) => {
      const update = updates.data[i] as number;
      if (place >= 0) result[place] = mode === "add" ? add(result[place] as number, update) : update;
    });
    return result;
  },
};
