/** f64 kernel of sorting. */
import { around, at, type KernelTable, sizeOf } from "./kernel.ts";

export const order: KernelTable<"argsort"> = {
  argsort: (src, { axis, descending, k }, out) => {
    const { aval, data } = at(src, 0);
    const { outer, size, inner } = around(aval.shape, axis);
    const result = new Float64Array(sizeOf(out.shape));
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const value = (n: number) => data[(o * size + n) * inner + i] as number;
        const sorted = Array.from({ length: size }, (_, n) => n).sort((m, n) => {
          const [a, b] = [value(m), value(n)];
          if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
          return a === b ? 0 : a < b === descending ? 1 : -1;
        });
        for (let n = 0; n < k; n++) result[(o * k + n) * inner + i] = sorted[n] as number;
      }
    }
    return result;
  },
};
