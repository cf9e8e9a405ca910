/** Cases of windowed reductions: overlapping, dilated, padded, on any axes. */
import type { PadPair, WindowAttrs } from "../../../src/engine/ir/index.ts";
import { build as b } from "../../../src/engine/ops/index.ts";
import type { Shape } from "../../../src/util/index.ts";
import { type Case, exact, terms } from "../case.ts";
import { filled, random } from "../data.ts";

const layout = (
  shape: Shape,
  window: readonly number[],
  stride: readonly number[],
  padding: readonly PadPair[],
  dilation: readonly number[],
): readonly [Shape, WindowAttrs] => [shape, { window, stride, padding, dilation }];

const layouts = [
  layout([10], [3], [1], [[0, 0]], [1]),
  layout([10], [3], [2], [[1, 1]], [2]),
  layout([0], [1], [1], [[0, 0]], [1]),
  layout([1], [1], [1], [[0, 0]], [1]),
  layout([2], [3], [1], [[0, 0]], [1]),
  layout(
    [2, 8, 8, 5],
    [1, 2, 2, 1],
    [1, 2, 2, 1],
    [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ],
    [1, 1, 1, 1],
  ),
  layout(
    [1, 9, 7, 17],
    [1, 3, 3, 1],
    [1, 2, 2, 1],
    [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
    [1, 1, 1, 1],
  ),
  layout(
    [2, 7, 4],
    [1, 3, 1],
    [1, 1, 1],
    [
      [0, 0],
      [2, 0],
      [0, 0],
    ],
    [1, 2, 1],
  ),
  layout(
    [5, 33],
    [2, 4],
    [1, 3],
    [
      [0, 1],
      [2, 2],
    ],
    [1, 1],
  ),
] as const;

const named = (shape: Shape, { window, stride, padding, dilation }: WindowAttrs) =>
  `[${shape}] window [${window}] stride [${stride}] padding [${padding.join(" ")}] dilation [${dilation}]`;

export function reduceWindowCases(): Case[] {
  return layouts.flatMap(([shape, attrs]) =>
    (["sum", "max"] as const).flatMap((kind) =>
      [
        random(`window${shape}`, shape),
        filled([1, 2, Number.NaN, 3, -Infinity, 4, 5, 6, 7], shape, "f32"),
      ].map(
        (host, i): Case => ({
          name: `reduceWindow ${kind} ${named(shape, attrs)}${i ? " with NaN" : ""}`,
          inputs: [host],
          build: (params) => [b.make("reduceWindow", params, { ...attrs, kind })],
          tolerance: kind === "sum" ? terms(16) : exact,
        }),
      ),
    ),
  );
}

export function argWindowCases(): Case[] {
  return layouts.flatMap(([shape, attrs]) =>
    [
      random(`window${shape}`, shape),
      filled([1], shape, "f32"),
      filled([1, 2, 2, 1, Number.NaN, 3, Number.NaN, 0, 0, 0, 5], shape, "f32"),
    ].map(
      (host, i): Case => ({
        name: `argWindow ${named(shape, attrs)}, data ${i}`,
        inputs: [host],
        build: (params) => [b.make("argWindow", params, { ...attrs, kind: "max" })],
        tolerance: exact,
      }),
    ),
  );
}
