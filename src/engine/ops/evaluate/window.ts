/** f64 kernels of windowed reductions. */
import type { Shape } from "../../../util/index.ts";
import type { PadPair, WindowAttrs } from "../../ir/index.ts";
import { forEachIndex } from "./contraction.ts";
import { at, type KernelTable, sizeOf } from "./kernel.ts";
import { beats } from "./reduce.ts";

/** For each window, its elements within x in row-major order. */
function forEachTap(
  x: Shape,
  y: Shape,
  { window, stride, padding, dilation }: WindowAttrs,
  visit: (x: number, y: number) => void,
): void {
  forEachIndex(y, (place, yFlat) => {
    forEachIndex(window, (tap) => {
      let xFlat = 0;
      for (let axis = 0; axis < x.length; axis++) {
        const first = (place[axis] as number) * (stride[axis] as number) - (padding[axis] as PadPair)[0];
        const index = first + (tap[axis] as number) * (dilation[axis] as number);
        const size = x[axis] as number;
        if (index < 0 || index >= size) return;
        xFlat = xFlat * size + index;
      }
      visit(xFlat, yFlat);
    });
  });
}

export const windows: KernelTable<"reduceWindow" | "argWindow"> = {
  reduceWindow: (src, attrs, out) => {
    const { aval, data } = at(src, 0);
    const max = attrs.kind === "max";
    const y = new Float64Array(sizeOf(out.shape)).fill(max ? Number.NEGATIVE_INFINITY : 0);
    forEachTap(aval.shape, out.shape, attrs, (i, j) => {
      const [old, value] = [y[j] as number, data[i] as number];
      y[j] = max ? Math.max(old, value) : old + value;
    });
    return y;
  },
  // A window wholly in the padding has no maximum: -1, which scatter drops.
  argWindow: (src, attrs, out) => {
    const { aval, data } = at(src, 0);
    const y = new Float64Array(sizeOf(out.shape)).fill(-1);
    forEachTap(aval.shape, out.shape, attrs, (i, j) => {
      const best = y[j] as number;
      if (best < 0 || beats("max", data[i] as number, data[best] as number)) y[j] = i;
    });
    return y;
  },
};
