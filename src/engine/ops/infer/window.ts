/** Avals of windowed reductions; f32 only. */
import { ShapeError } from "../../../util/index.ts";
import type { Aval, PadPair, WindowAttrs } from "../../ir/index.ts";
import { at, dim, type InferTable, needDType, needPerAxis } from "./rule.ts";

/** How many windows fit on an axis; 0 when none does. */
export function windowSize(
  op: string,
  size: number,
  window: number,
  stride: number,
  [lo, hi]: PadPair,
  dilation: number,
): number {
  if (window < 1) throw new ShapeError(`${op}: windows must be at least 1 wide; got ${window}.`);
  return Math.max(0, Math.floor((size + lo + hi - ((window - 1) * dilation + 1)) / stride) + 1);
}

function windowed(
  op: string,
  x: Aval,
  { window, stride, padding, dilation }: WindowAttrs,
): readonly number[] {
  const rank = x.shape.length;
  needDType(op, ["f32"], x);
  needPerAxis(op, "window", window, rank, 1);
  needPerAxis(op, "stride", stride, rank, 1);
  needPerAxis(op, "dilation", dilation, rank, 1);
  needPerAxis(op, "padding (before, after)", padding.flat(), 2 * rank, 0);
  return x.shape.map((size, i) =>
    windowSize(op, size, dim(window, i), dim(stride, i), padding[i] as PadPair, dim(dilation, i)),
  );
}

export const windows: InferTable<"reduceWindow" | "argWindow"> = {
  reduceWindow: {
    sources: 1,
    infer: (src, attrs) => [{ dtype: "f32", shape: windowed(`${attrs.kind}Window`, at(src, 0), attrs) }],
  },
  argWindow: {
    sources: 1,
    infer: (src, attrs) => [{ dtype: "i32", shape: windowed("argWindow", at(src, 0), attrs) }],
  },
};
