/** Avals of matmul and the conv trio; f32 only. */
import { type Shape, ShapeError, sameShape } from "../../../util/index.ts";
import type { Aval, ConvAttrs } from "../../ir/index.ts";
import { at, dim, type InferTable, needDType, needPerAxis, needShape, type Told, toldShape } from "./rule.ts";
import { windowSize } from "./window.ts";

/** The shape of y = conv(x, w), after every check. `op` names who asks. */
function convolved(op: string, x: Aval, w: Aval, attrs: ConvAttrs): Shape {
  const spatial = x.shape.length - 2;
  const { stride, padding, dilation, groups } = attrs;
  needDType(op, ["f32"], x, w);
  const ranks = spatial >= 1 && w.shape.length === x.shape.length;
  needShape(op, ranks, "x must be [N, ...spatial, C] and w [...kernel, C/groups, O]", x, w);
  needPerAxis(op, "stride", stride, spatial, 1);
  needPerAxis(op, "dilation", dilation, spatial, 1);
  needPerAxis(op, "padding (before, after)", padding.flat(), 2 * spatial, 0);
  const [channels, perGroup, outs] = [
    dim(x.shape, spatial + 1),
    dim(w.shape, spatial),
    dim(w.shape, spatial + 1),
  ];
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ShapeError(`${op}: groups must be an integer >= 1; got ${groups}.`);
  }
  const divides = channels === perGroup * groups && outs % groups === 0;
  needShape(
    op,
    divides,
    `channels must be w's C/groups times ${groups} groups, which divide the outputs`,
    x,
    w,
  );
  const sizes = stride.map((step, i) =>
    windowSize(
      op,
      dim(x.shape, i + 1),
      dim(w.shape, i),
      step,
      padding[i] as [number, number],
      dim(dilation, i),
    ),
  );
  return [dim(x.shape, 0), ...sizes, outs];
}

/** Checks that a gradient of the shape of conv(x, w) was given. */
function needGradient(op: string, x: Aval, w: Aval, g: Aval, attrs: ConvAttrs): void {
  const y = { dtype: x.dtype, shape: convolved(op, x, w, attrs) };
  needDType(op, ["f32"], g);
  needShape(op, sameShape(y.shape, g.shape), "the gradient must have the shape of conv(x, w)", y, g);
}

const told32 = (op: string, told: Told): Aval => ({ dtype: "f32", shape: toldShape(op, told) });

export const contractions: InferTable<"matmul" | "conv" | "convInputGrad" | "convFilterGrad"> = {
  matmul: {
    sources: 2,
    infer: (src, { transposeA, transposeB }) => {
      const [a, b] = [at(src, 0), at(src, 1)];
      const rank = a.shape.length;
      needDType("matmul", ["f32"], a, b);
      const batch = a.shape.slice(0, -2);
      const ranks = rank >= 2 && b.shape.length === rank && sameShape(batch, b.shape.slice(0, -2));
      needShape("matmul", ranks, "operands must be matrices with equal batch axes", a, b);
      const [rows, inner] = transposeA ? [a.shape.at(-1), a.shape.at(-2)] : [a.shape.at(-2), a.shape.at(-1)];
      const [depth, columns] = transposeB
        ? [b.shape.at(-1), b.shape.at(-2)]
        : [b.shape.at(-2), b.shape.at(-1)];
      const flags = transposeA || transposeB ? ` (transposed: ${transposeA}, ${transposeB})` : "";
      needShape("matmul", inner === depth, `inner sizes must be equal${flags}`, a, b);
      return [{ dtype: "f32", shape: [...batch, rows as number, columns as number] }];
    },
  },
  conv: {
    sources: 2,
    infer: (src, attrs) => [{ dtype: "f32", shape: convolved("conv", at(src, 0), at(src, 1), attrs) }],
  },
  convInputGrad: {
    sources: 2,
    infer: (src, attrs, told) => {
      const x = told32("convInputGrad", told);
      needGradient("convInputGrad", x, at(src, 1), at(src, 0), attrs);
      return [x];
    },
  },
  convFilterGrad: {
    sources: 2,
    infer: (src, attrs, told) => {
      const w = told32("convFilterGrad", told);
      needGradient("convFilterGrad", at(src, 0), w, at(src, 1), attrs);
      return [w];
    },
  },
};
