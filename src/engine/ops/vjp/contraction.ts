/** Derivatives of matmul and the conv trio, which is closed under differentiation. */
import type { Attrs, Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { type Grads, input, type VjpTable } from "./rule.ts";

const matmul = (a: Node, c: Node, transposeA: boolean, transposeB: boolean): Node =>
  b.make("matmul", [a, c], { transposeA, transposeB });

/** Gradients of two operands, each built only when needed. */
const both = (needed: readonly boolean[], left: () => Node, right: () => Node): Grads => [
  needed[0] ? left() : null,
  needed[1] ? right() : null,
];

const conv = (x: Node, w: Node, attrs: Attrs["conv"]): Node => b.make("conv", [x, w], attrs);
const inputGrad = (g: Node, w: Node, attrs: Attrs["conv"], like: Node): Node =>
  b.make("convInputGrad", [g, w], attrs, like.aval.shape);
const filterGrad = (x: Node, g: Node, attrs: Attrs["conv"], like: Node): Node =>
  b.make("convFilterGrad", [x, g], attrs, like.aval.shape);

export const contractions: VjpTable<"matmul" | "conv" | "convInputGrad" | "convFilterGrad"> = {
  // With A = a or its transpose, B likewise: dA = g B', dB = A' g; transposed once more where the operand was.
  matmul: (g, x, _y, { transposeA, transposeB }, needed) => {
    const [a, c] = [input(x, 0), input(x, 1)];
    return both(
      needed,
      () => (transposeA ? matmul(c, g, transposeB, true) : matmul(g, c, false, !transposeB)),
      () => (transposeB ? matmul(g, a, true, transposeA) : matmul(a, g, !transposeA, false)),
    );
  },
  conv: (g, x, _y, attrs, needed) => {
    const [image, w] = [input(x, 0), input(x, 1)];
    return both(
      needed,
      () => inputGrad(g, w, attrs, image),
      () => filterGrad(image, g, attrs, w),
    );
  },
  // Linear in the output's gradient and in w; h has the image's shape.
  convInputGrad: (h, x, _y, attrs, needed) => {
    const [g, w] = [input(x, 0), input(x, 1)];
    return both(
      needed,
      () => conv(h, w, attrs),
      () => filterGrad(h, g, attrs, w),
    );
  },
  // Linear in the image and in the output's gradient; h has w's shape.
  convFilterGrad: (h, x, _y, attrs, needed) => {
    const [image, g] = [input(x, 0), input(x, 1)];
    return both(
      needed,
      () => inputGrad(g, h, attrs, image),
      () => conv(image, h, attrs),
    );
  },
};
