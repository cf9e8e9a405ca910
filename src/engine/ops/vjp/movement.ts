/** Derivatives of movements: the movement back. */
import type { Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { cut, inF32, input, type VjpTable } from "./rule.ts";

/** What is read again at lo + i * (interior + 1); cropped places get 0. */
function gradPad(
  g: Node,
  x: Node,
  lo: readonly number[],
  hi: readonly number[],
  interior: readonly number[],
): Node {
  const grown = lo.some((value, axis) => value < 0 || (hi[axis] as number) < 0);
  const whole = grown
    ? b.pad(
        g,
        lo.map((value) => Math.max(0, -value)),
        hi.map((value) => Math.max(0, -value)),
      )
    : g;
  const start = lo.map((value) => Math.max(0, value));
  const step = interior.map((value) => value + 1);
  return b.slice(whole, start, step, x.aval.shape);
}

/** What was read goes back between zeros; a negative step is turned round first. */
function gradSlice(g: Node, x: Node, start: readonly number[], step: readonly number[]): Node {
  const { shape } = g.aval;
  if (shape.some((count) => count === 0)) return b.fill(x, 0);
  const backwards = step.some((stride) => stride < 0);
  const turned = backwards
    ? b.slice(
        g,
        shape.map((count, axis) => ((step[axis] as number) < 0 ? count - 1 : 0)),
        step.map((stride) => (stride < 0 ? -1 : 1)),
        shape,
      )
    : g;
  const ends = shape.map((count, axis) => {
    const first = start[axis] as number;
    const last = first + (count - 1) * (step[axis] as number);
    return [Math.min(first, last), Math.max(first, last)] as const;
  });
  return b.pad(
    turned,
    ends.map(([low]) => low),
    ends.map(([, high], axis) => (x.aval.shape[axis] as number) - 1 - high),
    step.map((stride) => Math.abs(stride) - 1),
  );
}

type Movement = "reshape" | "permute" | "expand" | "pad" | "slice" | "concat";

export const movements: VjpTable<Movement> = {
  reshape: (g, x) => [b.reshape(g, input(x, 0).aval.shape)],
  permute: (g, _x, _y, { perm }) => [
    b.permute(
      g,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  expand: (g, x) => {
    const { shape } = input(x, 0).aval;
    const grown = shape.map((_, axis) => axis).filter((axis) => shape[axis] !== g.aval.shape[axis]);
    return [
      grown.length === 0
        ? g
        : b.reshape(
            inF32(g, (wide) => b.sum(wide, grown)),
            shape,
          ),
    ];
  },
  pad: (g, x, _y, { lo, hi, interior }) => [gradPad(g, input(x, 0), lo, hi, interior)],
  slice: (g, x, _y, { start, step }) => [gradSlice(g, input(x, 0), start, step)],
  concat: (g, x, _y, { axis }, needed) => {
    let start = 0;
    return x.map((part, index) => {
      const from = start;
      const count = part.aval.shape[axis] as number;
      start += count;
      return needed[index] ? cut(g, axis, from, count) : null;
    });
  },
};
