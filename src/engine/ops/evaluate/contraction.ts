/** f64 kernels of matmul and the conv trio. */
import type { Shape } from "../../../util/index.ts";
import type { ConvAttrs, PadPair } from "../../ir/index.ts";
import { at, type KernelTable, sizeOf } from "./kernel.ts";

/** Every index of `shape` in row-major order; the array given is reused. */
export function forEachIndex(shape: Shape, visit: (index: readonly number[], flat: number) => void): void {
  const index = shape.map(() => 0);
  const count = sizeOf(shape);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1;
      index[axis] = next === shape[axis] ? 0 : next;
      if (next !== shape[axis]) break;
    }
  }
}

/** Every pair of an element of x and one of w whose product counts in an element of y, as flat positions. */
function forEachProduct(
  x: Shape,
  w: Shape,
  y: Shape,
  { stride, padding, dilation, groups }: ConvAttrs,
  visit: (x: number, w: number, y: number) => void,
): void {
  const spatial = x.length - 2;
  const [perGroup, outs] = [w[spatial] as number, w[spatial + 1] as number];
  const channels = perGroup * groups;
  const outsPerGroup = outs / groups;
  forEachIndex(y.slice(0, -1), (pixel, yPixel) => {
    forEachIndex(w.slice(0, spatial), (tap, wTap) => {
      let xPixel = pixel[0] as number;
      for (let axis = 0; axis < spatial; axis++) {
        const low = (padding[axis] as PadPair)[0];
        const base = (pixel[axis + 1] as number) * (stride[axis] as number) - low;
        const place = base + (tap[axis] as number) * (dilation[axis] as number);
        const size = x[axis + 1] as number;
        if (place < 0 || place >= size) return;
        xPixel = xPixel * size + place;
      }
      for (let o = 0; o < outs; o++) {
        const first = Math.floor(o / outsPerGroup) * perGroup;
        for (let c = 0; c < perGroup; c++) {
          visit(xPixel * channels + first + c, (wTap * perGroup + c) * outs + o, yPixel * outs + o);
        }
      }
    });
  });
}

export const contractions: KernelTable<"matmul" | "conv" | "convInputGrad" | "convFilterGrad"> = {
  matmul: (src, { transposeA, transposeB }, out) => {
    const [a, b] = [at(src, 0), at(src, 1)];
    const [rows, columns] = out.shape.slice(-2) as [number, number];
    const depth = a.aval.shape.at(transposeA ? -2 : -1) as number;
    const [aRow, aDepth] = transposeA ? [1, rows] : [depth, 1];
    const [bDepth, bColumn] = transposeB ? [1, depth] : [columns, 1];
    const result = new Float64Array(sizeOf(out.shape));
    for (let i = 0; i < result.length; i++) {
      const batch = Math.floor(i / (rows * columns));
      const aBase = batch * rows * depth + (Math.floor(i / columns) % rows) * aRow;
      const bBase = batch * depth * columns + (i % columns) * bColumn;
      let sum = 0;
      for (let k = 0; k < depth; k++) {
        sum += (a.data[aBase + k * aDepth] as number) * (b.data[bBase + k * bDepth] as number);
      }
      result[i] = sum;
    }
    return result;
  },
  conv: (src, attrs, out) => {
    const [x, w] = [at(src, 0), at(src, 1)];
    const y = new Float64Array(sizeOf(out.shape));
    forEachProduct(x.aval.shape, w.aval.shape, out.shape, attrs, (i, j, k) => {
      y[k] = (y[k] as number) + (x.data[i] as number) * (w.data[j] as number);
    });
    return y;
  },
  convInputGrad: (src, attrs, out) => {
    const [g, w] = [at(src, 0), at(src, 1)];
    const x = new Float64Array(sizeOf(out.shape));
    forEachProduct(out.shape, w.aval.shape, g.aval.shape, attrs, (i, j, k) => {
      x[i] = (x[i] as number) + (g.data[k] as number) * (w.data[j] as number);
    });
    return x;
  },
  convFilterGrad: (src, attrs, out) => {
    const [x, g] = [at(src, 0), at(src, 1)];
    const w = new Float64Array(sizeOf(out.shape));
    forEachProduct(x.aval.shape, out.shape, g.aval.shape, attrs, (i, j, k) => {
      w[j] = (w[j] as number) + (x.data[i] as number) * (g.data[k] as number);
    });
    return w;
  },
};
