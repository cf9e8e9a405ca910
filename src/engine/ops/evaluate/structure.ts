/** f64 kernels of composites, loops and the other nodes that hold the graph together. */
import { sizeOf } from "../../../util/index.ts";
import { at, type KernelTable, type Operand } from "./kernel.ts";

type Structure = "composite" | "loop" | "stopGradient" | "copy" | "collective";

/** The n-th element along axis 0. */
function element({ aval, data }: Operand, n: number): Operand {
  const shape = aval.shape.slice(1);
  const size = sizeOf(shape);
  return { aval: { dtype: aval.dtype, shape }, data: data.subarray(n * size, (n + 1) * size) };
}

export const structure: KernelTable<Structure> = {
  composite: (src, { body }, _out, run) => run(body, src),
  loop: (src, { body, length, carry, xs, reverse, guarded }, _out, run) => {
    let state = src.slice(0, carry);
    if (guarded && at(src, src.length - 1).data[0] === 0) return state;
    const scanned = src.slice(carry, carry + xs);
    const constants = src.slice(carry + xs);
    const ys = body.outs.slice(carry).map(({ aval: { dtype, shape } }): Operand => {
      const stacked = [length, ...shape];
      return { aval: { dtype, shape: stacked }, data: new Float64Array(sizeOf(stacked)) };
    });
    for (let step = 0; step < length; step++) {
      const n = reverse ? length - 1 - step : step;
      const results = run(body, [...state, ...scanned.map((x) => element(x, n)), ...constants]);
      state = results.slice(0, carry);
      ys.forEach((y, i) => {
        element(y, n).data.set(at(results, carry + i).data);
      });
    }
    return [...state, ...ys];
  },
  stopGradient: (src) => at(src, 0).data.slice(),
  copy: (src) => at(src, 0).data.slice(),
  // Of the one-process communicator.
  collective: (src) => at(src, 0).data.slice(),
};
