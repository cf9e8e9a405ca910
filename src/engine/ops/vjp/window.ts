/** Derivatives of windowed reductions. */
import { sizeOf } from "../../../util/index.ts";
import type { Node, PadPair, WindowAttrs } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { input, ones, type VjpTable, zeros } from "./rule.ts";

/** Each element gets the sum over the windows it is in: windows of stride 1 over the spread-out gradient. */
function gradSum(g: Node, x: Node, { window, stride, padding, dilation }: WindowAttrs): Node {
  if (g.aval.shape.some((count) => count === 0)) return b.fill(x, 0);
  const extent = window.map((width, axis) => (width - 1) * (dilation[axis] as number) + 1);
  const lo = extent.map((width, axis) => width - 1 - (padding[axis] as PadPair)[0]);
  const hi = extent.map((width, axis) => {
    const spreadOut = ((g.aval.shape[axis] as number) - 1) * (stride[axis] as number) + 1;
    return (x.aval.shape[axis] as number) + width - 1 - spreadOut - (lo[axis] as number);
  });
  const interior = stride.map((step) => step - 1);
  return b.make("reduceWindow", [b.pad(g, lo, hi, interior)], {
    kind: "sum",
    window,
    stride: ones(window),
    padding: zeros(window).map(() => [0, 0] as const),
    dilation,
  });
}

/** Each window gives its gradient to its first maximum. */
function gradMax(g: Node, x: Node, { window, stride, padding, dilation }: WindowAttrs): Node {
  const winners = b.make("argWindow", [x], { kind: "max", window, stride, padding, dilation });
  const flat = [sizeOf(g.aval.shape)];
  const base = b.full([sizeOf(x.aval.shape)], 0);
  const sums = b.scatter("add", base, b.reshape(winners, flat), b.reshape(g, flat), 0, false);
  return b.reshape(sums, x.aval.shape);
}

export const windows: VjpTable<"reduceWindow" | "argWindow"> = {
  reduceWindow: (g, x, _y, attrs) => [(attrs.kind === "sum" ? gradSum : gradMax)(g, input(x, 0), attrs)],
  argWindow: null,
};
