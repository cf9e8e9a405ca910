/** Windows, scans, gather, scatter and sort against the reference device, on every instruction set. */
import { describe, it } from "vitest";
import type { DType } from "../../../../src/engine/ir/index.ts";
import { agree } from "./agree.ts";
import { aval, f32, numbers, PlanMaker } from "./plans.ts";

describe("windows and scans", () => {
  const window = {
    window: [1, 3, 2, 1],
    stride: [1, 2, 2, 1],
    padding: [
      [0, 0],
      [1, 1],
      [0, 1],
      [0, 0],
    ],
    dilation: [1, 1, 1, 1],
  } as const;
  const out = [2, 4, 4, 5];
  it.each(["sum", "max"] as const)("reduceWindow %s", async (reduce) => {
    const maker = new PlanMaker();
    const src = maker.input(f32(2, 7, 7, 5));
    maker.step({
      ...window,
      kind: "window",
      op: "reduceWindow",
      reduce,
      src,
      out: maker.output(f32(...out)),
    });
    await agree(maker.plan(), [numbers(490)], 1e-6);
  });
  it("argWindow", async () => {
    const maker = new PlanMaker();
    const src = maker.input(f32(2, 7, 7, 5));
    maker.step({
      ...window,
      kind: "window",
      op: "argWindow",
      reduce: "max",
      src,
      out: maker.output(aval("i32", ...out)),
    });
    await agree(maker.plan(), [numbers(490)]);
  });
  it.each(["sum", "max", "prod"] as const)("cumulate %s", async (reduce) => {
    const maker = new PlanMaker();
    const src = maker.input(f32(3, 20, 4));
    for (const reverse of [false, true]) {
      maker.step({
        kind: "window",
        op: "cumulate",
        reduce,
        axis: 1,
        reverse,
        src,
        out: maker.output(f32(3, 20, 4)),
      });
    }
    await agree(maker.plan(), [numbers(240)], 1e-5);
  });
});

describe("gather, scatter and sort", () => {
  const dtypes: DType[] = ["f32", "i32", "bool", "f16", "i8", "u8"];
  const indices = [2, 0, 9, -1, 3, 3];
  it.each(dtypes)("gather of %s, out of range too", async (dtype) => {
    const maker = new PlanMaker();
    const src = maker.input(aval(dtype, 3, 4, 5));
    const flat = maker.input(aval("i32", 2, 3));
    const along = maker.input(aval("i32", 3, 6, 5));
    maker.step({
      kind: "index",
      op: "gather",
      axis: 1,
      along: false,
      src,
      indices: flat,
      out: maker.output(aval(dtype, 3, 2, 3, 5)),
    });
    maker.step({
      kind: "index",
      op: "gather",
      axis: 1,
      along: true,
      src,
      indices: along,
      out: maker.output(aval(dtype, 3, 6, 5)),
    });
    const values = Float64Array.from({ length: 60 }, (_, i) =>
      dtype === "bool" ? i % 2 : (i % 100) - (dtype === "u8" ? 0 : 50),
    );
    await agree(maker.plan(), [values, indices, Float64Array.from({ length: 90 }, (_, i) => (i % 7) - 1)]);
  });
  it.each([
    ["f32", "add"],
    ["i32", "add"],
    ["f32", "set"],
    ["i8", "set"],
    ["u8", "set"],
  ] as const)("scatter of %s, %s", async (dtype, mode) => {
    const maker = new PlanMaker();
    const base = maker.input(aval(dtype, 3, 4, 5));
    const flat = maker.input(aval("i32", 6));
    const updates = maker.input(aval(dtype, 3, 6, 5));
    const along = maker.input(aval("i32", 3, 6, 5));
    const given = maker.input(aval(dtype, 3, 4, 5), true);
    const scatter = (base: number, indices: number, along: boolean, out: number) =>
      maker.step({ kind: "index", op: "scatter", mode, axis: 1, along, base, indices, updates, out });
    scatter(base, flat, false, maker.output(aval(dtype, 3, 4, 5)));
    scatter(base, along, true, maker.output(aval(dtype, 3, 4, 5)));
    scatter(given, flat, false, given);
    maker.giveBack(given);
    const values = Float64Array.from({ length: 60 }, (_, i) => (i % 100) - 50);
    const changes = Float64Array.from({ length: 90 }, (_, i) => (i % 5) - 2);
    const places = Float64Array.from({ length: 90 }, (_, i) => (i % 7) - 1);
    await agree(maker.plan(), [values, indices, changes, places, values]);
  });
  it.each([false, true])("sort, descending %s", async (descending) => {
    const maker = new PlanMaker();
    const src = maker.input(f32(3, 40, 2));
    maker.step({ kind: "sort", axis: 1, descending, k: 7, src, out: maker.output(aval("i32", 3, 7, 2)) });
    const values = numbers(240);
    values[5] = Number.NaN;
    await agree(maker.plan(), [values]);
  });
});
