/** Cases of the movements: every dtype, empty axes, negative steps, cropping and interior padding, chains of them. */
import { type DType, dtypes, type Node } from "../../../src/engine/ir/index.ts";
import { build as b } from "../../../src/engine/ops/index.ts";
import { type Shape, sizeOf } from "../../../src/util/index.ts";
import { type Case, exact } from "../case.ts";
import { random } from "../data.ts";

type Move = (x: Node) => Node;

/** The move on every dtype of the list, then again with arithmetic before and after, so that it is fused or materialised. */
function moved(name: string, shape: Shape, move: Move, types: readonly DType[] = ["f32"]): Case[] {
  const alone = types.map(
    (dtype): Case => ({
      name: `${name} of ${dtype}[${shape}]`,
      inputs: [random(name, shape, dtype)],
      build: ([x]) => [move(x as Node)],
      tolerance: exact,
    }),
  );
  const between: Case = {
    name: `${name} of [${shape}] between other work`,
    inputs: [random(name, shape, "i32", -99, 99)],
    build: ([x]) => {
      const before = b.add(x as Node, b.fill(x as Node, 5));
      const after = move(before);
      return [b.mul(after, b.fill(after, 3)), after];
    },
    tolerance: exact,
  };
  return [...alone, between];
}

export function reshapeCases(): Case[] {
  const pairs: readonly (readonly [Shape, Shape])[] = [
    [[], [1]],
    [[1, 1], []],
    [[0], [3, 0]],
    [[6], [2, 3]],
    [
      [2, 3, 4],
      [4, 6],
    ],
    [[33, 5], [165]],
    [
      [5, 1, 7],
      [5, 7],
    ],
  ];
  const plain = pairs.flatMap(([from, to]) =>
    moved(`reshape to [${to}]`, from, (x) => b.reshape(x, to), dtypes),
  );
  const broken = moved("reshape of a transposed tensor", [6, 10], (x) =>
    b.reshape(b.permute(x, [1, 0]), [5, 12]),
  );
  const split = moved("reshape of a broadcast one", [1, 12], (x) => b.reshape(b.expand(x, [5, 12]), [15, 4]));
  return [...plain, ...broken, ...split];
}

export function permuteCases(): Case[] {
  const cases: readonly (readonly [Shape, readonly number[]])[] = [
    [
      [3, 5],
      [1, 0],
    ],
    [
      [0, 4],
      [1, 0],
    ],
    [
      [2, 3, 5],
      [2, 0, 1],
    ],
    [
      [2, 3, 5],
      [0, 2, 1],
    ],
    [
      [33, 65],
      [1, 0],
    ],
    [
      [2, 3, 4, 17],
      [3, 1, 0, 2],
    ],
    [[4], [0]],
  ];
  return cases.flatMap(([shape, perm]) =>
    moved(
      `permute [${perm}]`,
      shape,
      (x) => b.permute(x, perm),
      sizeOf(shape) < 100 ? dtypes : ["f32", "bool"],
    ),
  );
}

export function expandCases(): Case[] {
  const cases: readonly (readonly [Shape, Shape])[] = [
    [[1], [17]],
    [[1], [0]],
    [
      [1, 5],
      [33, 5],
    ],
    [
      [33, 1],
      [33, 5],
    ],
    [
      [1, 1],
      [4, 70],
    ],
    [
      [2, 1, 3],
      [2, 40, 3],
    ],
  ];
  return cases.flatMap(([from, to]) => moved(`expand to [${to}]`, from, (x) => b.expand(x, to), dtypes));
}

export function padCases(): Case[] {
  const pads: readonly (readonly [Shape, readonly number[], readonly number[], readonly number[]])[] = [
    [[5], [2], [3], [0]],
    [[5], [0], [0], [2]],
    [[5], [-1], [-2], [0]],
    [[5], [-2], [1], [3]],
    [[0], [2], [3], [0]],
    [[1], [0], [4], [5]],
    [
      [3, 5],
      [1, 0],
      [0, 2],
      [0, 0],
    ],
    [
      [3, 5],
      [1, -1],
      [-1, 2],
      [1, 2],
    ],
    [
      [20, 33],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
    [
      [2, 3, 4],
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 1],
    ],
  ];
  const plain = pads.flatMap(([shape, lo, hi, interior]) => [
    ...moved(
      `pad lo [${lo}] hi [${hi}] interior [${interior}]`,
      shape,
      (x) => b.pad(x, lo, hi, interior, 1),
      dtypes,
    ),
    ...moved(`pad 0 lo [${lo}] hi [${hi}] interior [${interior}]`, shape, (x) => b.pad(x, lo, hi, interior)),
  ]);
  const infinite = [Number.NEGATIVE_INFINITY, Number.NaN, -0].map(
    (value): Case => ({
      name: `pad with ${value}`,
      inputs: [random("pad", [7])],
      build: ([x]) => [b.pad(x as Node, [2], [1], [1], value)],
      tolerance: exact,
    }),
  );
  const twice = moved("pad of a padded tensor", [4, 6], (x) =>
    b.pad(b.pad(x, [1, 1], [1, 1], [0, 0], 7), [1, 0], [0, 2], [0, 0], 9),
  );
  const cut = moved("slice of a padded tensor", [4, 6], (x) =>
    b.slice(b.pad(x, [2, 2], [2, 2], [0, 0], 7), [7, 1], [-2, 3], [3, 3]),
  );
  return [...plain, ...infinite, ...twice, ...cut];
}

export function sliceCases(): Case[] {
  const slices: readonly (readonly [Shape, readonly number[], readonly number[], Shape])[] = [
    [[10], [2], [1], [5]],
    [[10], [9], [-1], [10]],
    [[10], [8], [-3], [3]],
    [[10], [1], [4], [3]],
    [[10], [3], [1], [0]],
    [[0], [0], [1], [0]],
    [
      [7, 33],
      [6, 32],
      [-1, -1],
      [7, 33],
    ],
    [
      [7, 33],
      [1, 30],
      [2, -3],
      [3, 10],
    ],
    [
      [7, 33],
      [0, 5],
      [1, 1],
      [7, 17],
    ],
    [
      [3, 4, 5],
      [2, 0, 1],
      [-1, 3, 2],
      [3, 2, 2],
    ],
  ];
  const plain = slices.flatMap(([shape, start, step, size]) =>
    moved(`slice from [${start}] by [${step}]`, shape, (x) => b.slice(x, start, step, size), dtypes),
  );
  const twice = moved("slice of a transposed slice", [9, 12], (x) =>
    b.slice(b.permute(b.slice(x, [8, 0], [-2, 1], [5, 12]), [1, 0]), [11, 1], [-3, 2], [4, 2]),
  );
  return [...plain, ...twice];
}

export function concatCases(): Case[] {
  const lists: readonly (readonly [readonly Shape[], number])[] = [
    [[[3]], 0],
    [[[3], [4]], 0],
    [[[0], [4], [0]], 0],
    [[[1], [16], [17], [31]], 0],
    [
      [
        [2, 5],
        [3, 5],
      ],
      0,
    ],
    [
      [
        [5, 2],
        [5, 3],
        [5, 1],
      ],
      1,
    ],
    [
      [
        [2, 3, 4],
        [2, 1, 4],
      ],
      1,
    ],
    [
      [
        [33, 17],
        [33, 40],
      ],
      1,
    ],
  ];
  return lists.flatMap(([shapes, axis]) => {
    const plain = dtypes.map(
      (dtype): Case => ({
        name: `concat of ${dtype}[${shapes.join("], [")}] along ${axis}`,
        inputs: shapes.map((shape, i) => random(`concat${i}`, shape, dtype)),
        build: (params) => [b.make("concat", params, { axis })],
        tolerance: exact,
      }),
    );
    const worked: Case = {
      name: `concat of computed [${shapes.join("], [")}] along ${axis}, read again`,
      inputs: shapes.map((shape, i) => random(`concat${i}`, shape, "i32", -9, 9)),
      build: (params) => {
        const whole = b.make(
          "concat",
          params.map((x, i) => b.mul(x, b.fill(x, i + 2))),
          { axis },
        );
        return [b.add(whole, b.fill(whole, 1))];
      },
      tolerance: exact,
    };
    return [...plain, worked];
  });
}
