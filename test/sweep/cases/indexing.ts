/** Cases of gather, scatter and argsort: both forms, every dtype, indices out of range, duplicates, ties and NaN. */
import { type DType, dtypes } from "../../../src/engine/ir/index.ts";
import { build as b } from "../../../src/engine/ops/index.ts";
import type { Shape } from "../../../src/util/index.ts";
import { type Case, exact, terms } from "../case.ts";
import { filled, oddFloats, random } from "../data.ts";

/** [operand, indices, axis, along] */
const layouts: readonly (readonly [Shape, Shape, number, boolean])[] = [
  [[10], [4], 0, false],
  [[10], [], 0, false],
  [[10], [0], 0, false],
  [[0], [3], 0, false],
  [[10, 3], [5], 0, false],
  [[3, 10], [5], 1, false],
  [[4, 10, 17], [2, 3], 1, false],
  [[60, 33], [70], 0, false],
  [[10], [4], 0, true],
  [[5, 7], [5, 3], 1, true],
  [[5, 7], [9, 7], 0, true],
  [[2, 6, 17], [2, 4, 17], 1, true],
  [[5, 0], [5, 0], 1, true],
];

const indicesName = (shape: Shape, indices: Shape, axis: number, along: boolean) =>
  `[${shape}] at [${indices}] ${along ? "along" : "of"} axis ${axis}`;

export function gatherCases(): Case[] {
  return layouts.flatMap(([shape, at, axis, along]) => {
    const size = shape[axis] as number;
    const make = (dtype: DType, low: number, high: number, note: string): Case => ({
      name: `gather ${dtype}${indicesName(shape, at, axis, along)}${note}`,
      inputs: [random(`gather${shape}`, shape, dtype), random(`at${at}`, at, "i32", low, high)],
      build: ([x, i]) => [b.gather(x as never, i as never, axis, along)],
      tolerance: exact,
    });
    const inside = size === 0 ? [] : dtypes.map((dtype) => make(dtype, 0, size - 1, ""));
    const outside = dtypes.map((dtype) => make(dtype, -2 - size, 2 * size + 2, ", some out of range"));
    return [...inside, ...outside];
  });
}

export function scatterCases(): Case[] {
  return layouts.flatMap(([shape, at, axis, along]) => {
    const size = shape[axis] as number;
    const updates = along ? at : [...shape.slice(0, axis), ...at, ...shape.slice(axis + 1)];
    const make = (mode: "add" | "set", dtype: DType, low: number, high: number, note: string): Case => ({
      name: `scatter ${mode} ${dtype}${indicesName(shape, at, axis, along)}${note}`,
      inputs: [
        random(`base${shape}`, shape, dtype),
        random(`at${at}`, at, "i32", low, high),
        random(`updates${updates}`, updates, dtype),
      ],
      build: ([base, i, u]) => [b.scatter(mode, base as never, i as never, u as never, axis, along)],
      tolerance: mode === "add" && dtype === "f32" ? terms(updates.length === 0 ? 1 : 16) : exact,
    });
    const spread = ["add", "set"].flatMap((mode) =>
      (mode === "add" ? (["f32", "i32", "u32"] as const) : dtypes).map((dtype) =>
        make(mode as "add" | "set", dtype, -2, size + 1, ", some out of range"),
      ),
    );
    const crowded = [
      make("add", "f32", 0, Math.min(1, size - 1), ", many at one place"),
      make("set", "i32", 0, 0, ", the last wins"),
    ];
    return [...spread, ...crowded];
  });
}

export function argsortCases(): Case[] {
  const cases: Case[] = [];
  for (const descending of [false, true]) {
    for (const [shape, axis, k] of [
      [[0], 0, 0],
      [[1], 0, 1],
      [[17], 0, 17],
      [[17], 0, 5],
      [[17], 0, 0],
      [[300], 0, 300],
      [[300], 0, 10],
      [[5, 33], 0, 3],
      [[5, 33], 1, 33],
      [[2, 9, 4], 1, 9],
      [[3, 0, 4], 0, 2],
    ] as const) {
      const hosts = [
        random(`sort${shape}`, shape),
        random(`sortties${shape}`, shape, "i32", -3, 3),
        random(`sortu${shape}`, shape, "u32", 0, 100),
        filled(oddFloats, shape, "f32"),
        filled([1, 2 ** 31 - 1, -(2 ** 31), 0, 1], shape, "i32"),
        filled([1, 2 ** 32 - 1, 0, 2 ** 31], shape, "u32"),
      ];
      hosts.forEach((host, i) => {
        cases.push({
          name: `argsort ${host.aval.dtype}[${shape}] along ${axis}, ${k} ${descending ? "largest" : "smallest"}, data ${i}`,
          inputs: [host],
          build: (params) => [b.make("argsort", params, { axis, descending, k })],
          tolerance: exact,
        });
      });
    }
  }
  return cases;
}
