/** Fused steps on the reference device: views, stages, randomness, conversions. */
import { describe, expect, it } from "vitest";
import type { FusedInstr } from "../../../../src/engine/ir/index.ts";
import { randomWord } from "../../../../src/engine/ops/index.ts";
import { access, aval, body, f32, fused, input, load, output, planOf, run, scalar } from "./plans.ts";

describe("fused steps", () => {
  it("read affine views with guards, and write several segments", async () => {
    const plus = body([load(0), load(1), scalar("add", [0, 1])], ["f32", "f32"], [[2, "f32"]]);
    const guard = { lo: [0, 1], hi: [2, 3], fill: 100 };
    const step = fused(
      plus,
      // out[i,j] = x[j,i] + (j in 1..2 ? x[i, j-1] : 100)
      {
        shape: [2, 3],
        loads: [access(0, [1, 2]), { ...access(0, [2, 1], -1), guard }],
        stores: [access(1, [3, 1])],
      },
      { shape: [2], loads: [access(0, [-1], 5), access(0, [0], 3)], stores: [access(2, [2])] },
    );
    const plan = planOf([input(0, f32(3, 2)), output(0, f32(2, 3)), output(1, f32(3))], [step]);
    const [first, second] = await run(plan, [[1, 2, 3, 4, 5, 6]]);
    expect(first).toEqual([101, 4, 7, 102, 7, 10]);
    expect(second).toEqual([10, 0, 9]);
  });

  it("reduce rows in several stages, and store outer values once a row", async () => {
    // softmax and log-sum-exp of each row
    const instrs: FusedInstr[] = [
      load(0),
      { op: "reduce", kind: "max", args: [0], dtype: "f32", level: "outer" },
      scalar("sub", [0, 1]),
      scalar("exp", [2]),
      { op: "reduce", kind: "sum", args: [3], dtype: "f32", level: "outer" },
      scalar("div", [3, 4]),
      scalar("log", [4], "f32", "outer"),
      scalar("add", [6, 1], "f32", "outer"),
      { op: "reduce", kind: "argMax", args: [0], dtype: "i32", level: "outer" },
    ];
    const of = body(
      instrs,
      ["f32"],
      [
        [5, "f32"],
        [7, "f32"],
        [8, "i32"],
      ],
    );
    const step = fused(of, {
      shape: [2, 3],
      inner: 1,
      loads: [access(0, [3, 1])],
      stores: [access(1, [3, 1]), access(2, [1, 0]), access(3, [1, 0])],
    });
    const plan = planOf(
      [input(0, f32(2, 3)), output(0, f32(2, 3)), output(1, f32(2)), output(2, aval("i32", 2))],
      [step],
    );
    const [soft, lse, arg] = await run(plan, [[0, 1, 2, 5, 5, 5]]);
    const e = [1, Math.E, Math.E ** 2];
    const total = 1 + Math.E + Math.E ** 2;
    const expected = [...e.map((value) => value / total), 1 / 3, 1 / 3, 1 / 3].map(Math.fround);
    expect(soft).toEqual(expected);
    expect(lse).toEqual([Math.log(total), 5 + Math.log(3)].map(Math.fround));
    expect(arg).toEqual([2, 0]);
  });

  it("reduce rows of nothing to the identity", async () => {
    const of = body(
      [load(0), { op: "reduce", kind: "max", args: [0], dtype: "f32", level: "outer" }],
      ["f32"],
      [[1, "f32"]],
    );
    const step = fused(of, {
      shape: [2, 0],
      inner: 1,
      loads: [access(0, [0, 1])],
      stores: [access(1, [1, 0])],
    });
    const plan = planOf([input(0, f32(2, 0)), output(0, f32(2))], [step]);
    expect(await run(plan, [[]])).toEqual([[-Infinity, -Infinity]]);
  });

  it("count, draw random bits, convert and store narrow", async () => {
    const instrs: FusedInstr[] = [
      { op: "index", index: 0, dtype: "u32", level: "inner" },
      load(0, "u32"),
      load(1, "u32"),
      { op: "random", args: [1, 2, 0], dtype: "u32", level: "inner" },
      { op: "index", index: 0, dtype: "i32", level: "inner" },
      { op: "cast", args: [4], to: "f32", dtype: "f32", level: "inner" },
      { op: "literal", value: 1 / 3, dtype: "f32", level: "inner" },
      scalar("add", [5, 6]),
      { op: "cast", args: [7], to: "bf16", dtype: "f32", level: "inner" },
      { op: "literal", value: 5, dtype: "i32", level: "inner" },
      scalar("lt", [4, 9], "bool"),
    ];
    const of = body(
      instrs,
      ["u32", "u32"],
      [
        [3, "u32"],
        [7, "f16"],
        [8, "f32"],
        [10, "bool"],
      ],
      1,
    );
    const step = fused(of, {
      shape: [3],
      loads: [access(0, [0]), access(0, [0], 1)],
      indices: [{ offset: 4, strides: [1] }],
      stores: [access(1, [1]), access(2, [1]), access(3, [1]), access(4, [1])],
    });
    const outs = [
      output(0, aval("u32", 3)),
      output(1, aval("f16", 3)),
      output(2, f32(3)),
      output(3, aval("bool", 3)),
    ];
    const [words, halves, rounded, less] = await run(planOf([input(0, aval("u32", 2)), ...outs], [step]), [
      [7, 9],
    ]);
    expect(words).toEqual([4, 5, 6].map((element) => randomWord(7, 9, element)));
    expect(halves).toEqual([4.33203125, 5.33203125, 6.33203125]);
    expect(rounded).toEqual([4.34375, 5.34375, 6.34375]);
    expect(less).toEqual([1, 0, 0]);
  });

  it("cover more elements than one stretch", async () => {
    const n = 200_000;
    const of = body([{ op: "index", index: 0, dtype: "i32", level: "inner" }], [], [[0, "i32"]], 1);
    const step = fused(of, {
      shape: [2, n / 2],
      indices: [{ offset: 0, strides: [n / 2, 1] }],
      stores: [access(0, [n / 2, 1])],
    });
    const [values] = await run(planOf([output(0, aval("i32", 2, n / 2))], [step]), []);
    expect(values?.every((value, i) => value === i)).toBe(true);
  });
});
