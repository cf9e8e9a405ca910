/** Cases of the leaves: constants, indices and random bits. */
import { dtypes } from "../../../src/engine/ir/index.ts";
import { build as b } from "../../../src/engine/ops/index.ts";
import type { Shape } from "../../../src/util/index.ts";
import { type Case, exact } from "../case.ts";
import { oddFloats, oddInts, random } from "../data.ts";
import { encode } from "../host.ts";

const shapes: readonly Shape[] = [[], [0], [1], [17], [257], [3, 0, 2], [3, 5], [2, 3, 65], [1000]];

export function constCases(): Case[] {
  const floats = oddFloats.map(
    (value): Case => ({
      name: `const ${Object.is(value, -0) ? "-0" : value}`,
      inputs: [],
      build: () => [b.full([19], value)],
      tolerance: exact,
    }),
  );
  const ints = oddInts.map(
    (value): Case => ({
      name: `const i32 ${value}`,
      inputs: [],
      build: () => [b.full([3], value, "i32")],
      tolerance: exact,
    }),
  );
  const others = shapes.map(
    (shape): Case => ({
      name: `const of [${shape}]`,
      inputs: [],
      build: () => [
        b.full(shape, 2),
        b.full(shape, 1, "bool"),
        b.full(shape, 7, "u32"),
        b.full(shape, -3, "i8"),
        b.full(shape, 200, "u8"),
      ],
      tolerance: exact,
    }),
  );
  return [...floats, ...ints, ...others];
}

export function iotaCases(): Case[] {
  return shapes.flatMap((shape) =>
    shape.map(
      (_, axis): Case => ({
        name: `iota of [${shape}] along ${axis}`,
        inputs: [],
        build: () => [b.iota(shape, axis), b.iota(shape, axis, "f32"), b.iota(shape, axis, "u32")],
        tolerance: exact,
      }),
    ),
  );
}

export function randomCases(): Case[] {
  const keys = [
    [0, 0],
    [1, 2],
    [0xffffffff, 0x80000000],
  ];
  const sizes: readonly Shape[] = [...shapes, [63], [64], [65], [4, 64], [130, 33]];
  const direct = sizes.flatMap((shape) =>
    keys.map(
      (key): Case => ({
        name: `random [${shape}] under ${key}`,
        inputs: [encode(key, [2], "u32")],
        build: (params) => [b.make("random", params, {}, shape)],
        tolerance: exact,
      }),
    ),
  );
  const views: Case = {
    name: "random read backwards, transposed and in part",
    inputs: [encode([3, 4], [2], "u32")],
    build: (params) => {
      const bits = b.make("random", params, {}, [40, 70]);
      return [
        b.slice(bits, [39, 69], [-1, -1], [40, 70]),
        b.permute(bits, [1, 0]),
        b.slice(bits, [3, 1], [2, 5], [10, 13]),
        b.pad(bits, [1, 2], [3, 4], [0, 0], 9),
      ];
    },
    tolerance: exact,
  };
  return [...direct, views];
}

export function inputCases(): Case[] {
  return shapes.flatMap((shape) =>
    dtypes.map(
      (dtype): Case => ({
        name: `input ${dtype}[${shape}]`,
        inputs: [random(`input${dtype}${shape}`, shape, dtype)],
        build: ([x]) => [x as never],
        tolerance: exact,
      }),
    ),
  );
}
