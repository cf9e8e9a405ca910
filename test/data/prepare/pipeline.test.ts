/** Pipelines: what they may be fitted on, what hostile tables do to them, and that their JSON is all there is. */
import fc from "fast-check";
import {
  allForTraining,
  bagOfWords,
  bins,
  type Column,
  clipOutliers,
  dateParts,
  drop,
  Fitted,
  hashed,
  impute,
  logTransform,
  on,
  oneHot,
  ordinal,
  pipeline,
  powerTransform,
  standardScale,
  Table,
  trainTestSplit,
} from "nabla/data";
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../../../src/util/index.ts";

const number = (name: string, ...values: number[]): Column => ({
  kind: "number",
  name,
  values: Float64Array.from(values),
});
const text = (name: string, ...values: (string | null)[]): Column => ({ kind: "text", name, values });
const date = (name: string, ...values: string[]): Column => ({
  kind: "date",
  name,
  values: Float64Array.from(values, (value) => Date.parse(value)),
});

const everything = () =>
  pipeline([
    on("id", drop()),
    on({ kind: "date" }, dateParts(), impute(), standardScale()),
    on(["a", /^b/], clipOutliers(), powerTransform(), impute({ indicator: true }), standardScale()),
    on("c", logTransform(), impute(), bins({ count: 3 }), oneHot()),
    on("word", oneHot({ unknown: "column", missing: "column" })),
    on("many", hashed({ buckets: 4 })),
    on("text", bagOfWords({ buckets: 4 })),
  ]);

/** Rows drawn from a list of numbers. */
function table(seeds: readonly number[]): Table {
  const pick = <T>(from: readonly T[], seed: number) => from[Math.abs(seed) % from.length] as T;
  return new Table([
    number("id", ...seeds.map((_, row) => row)),
    number("a", ...seeds.map((seed) => (seed % 5 === 0 ? Number.NaN : seed / 7))),
    number("b1", ...seeds.map((seed) => seed % 3)),
    number("c", ...seeds),
    date("when", ...seeds.map((seed) => new Date(seed * 1e9).toISOString())),
    text("word", ...seeds.map((seed) => pick(["x", "y", "z", null], seed))),
    text("many", ...seeds.map((seed) => `p${seed}`)),
    text("text", ...seeds.map((seed) => `some words ${seed}`)),
  ]);
}

describe("fitting", () => {
  it("takes the training part only", () => {
    const all = table([1, 2, 3]);
    // @ts-expect-error a table is no training part
    expect(() => everything().fit(all)).toThrow("must be given the training part that a split makes");
    // @ts-expect-error nor is what looks like one
    expect(() => everything().fit({ data: all })).toThrow(ConfigError);
    expect(
      everything()
        .fit(allForTraining(all))
        .state.inputs.map(({ name }) => name),
    ).not.toContain("id");
  });

  it("is the same whatever the test rows hold", () => {
    const rows = fc.array(fc.integer({ min: -5000, max: 5000 }), { minLength: 5, maxLength: 5 });
    const fixed = [3, 14, -15, 92, 65, -35, 89, 79, 32, 38, 46, 26, -43, 38, 32];
    const fittedOn = (held: readonly number[]) =>
      JSON.stringify(
        everything().fit(trainTestSplit(table([...fixed, ...held]), { inOrder: true, test: 0.25 }).train),
      );
    const expected = fittedOn([0, 0, 0, 0, 0]);
    fc.assert(
      fc.property(rows, (held) => fittedOn(held) === expected),
      { numRuns: 40 },
    );
    expect(JSON.stringify(everything().fit(allForTraining(table([...fixed.slice(1), 1]))))).not.toBe(
      expected,
    );
  });

  it("categories that only other rows have are not seen", () => {
    const codes = Int32Array.of(0, 0, 1, 2);
    const whole = new Table([{ kind: "category", name: "c", codes, categories: ["a", "b", "z"] }]);
    const fitted = pipeline([on("c", oneHot())]).fit(
      trainTestSplit(whole, { inOrder: true, test: 0.25 }).train,
    );
    expect(fitted.state.outputs).toEqual(["c=a", "c=b"]);
    const { x, counts } = fitted.features(whole);
    expect([...x.data]).toEqual([1, 0, 1, 0, 0, 1, 0, 0]);
    expect(counts).toEqual([{ column: "c", what: "unknown", count: 1 }]);
  });

  it("says what is wrong", () => {
    const part = allForTraining(table([1, 2, 3]));
    expect(() => pipeline([on("wrod", oneHot())]).fit(part)).toThrow(
      'there is no column "wrod". Did you mean "word"?',
    );
    expect(() => pipeline([on("word", standardScale())]).fit(part)).toThrow(
      'takes number columns; "word" is text',
    );
    expect(() => pipeline([on("word", impute({ by: "mean" }))]).fit(part)).toThrow("mean must be of numbers");
    expect(() =>
      pipeline([on("word", oneHot())])
        .fit(part)
        .features(table([1])),
    ).toThrow('"when" is date');
    // @ts-expect-error an option that does not exist
    expect(() => impute({ indicators: true })).toThrow('Did you mean "indicator"?');
    expect(() => ordinal({ order: ["a", "a"] })).toThrow(ConfigError);
    expect(() => clipOutliers({ quantiles: [0.9, 0.1] })).toThrow(ConfigError);
    expect(() => bins({ count: 1 })).toThrow(ConfigError);
    expect(() => hashed({ buckets: 0 })).toThrow(ConfigError);
  });
});

describe("hostile columns", () => {
  it.each([
    ["all missing", [Number.NaN, Number.NaN, Number.NaN]],
    ["constant", [0.1, 0.1, 0.1]],
    ["one row", [4]],
    ["huge", [1e300, -1e300, 1e299]],
  ])("%s: finite numbers come out", (_, values) => {
    for (const transforms of [
      [impute(), standardScale()],
      [clipOutliers(), powerTransform(), impute(), standardScale()],
      [impute(), bins(), oneHot()],
    ]) {
      const made = new Table([number("c", ...values)]);
      const { table: ready } = pipeline([on("c", ...transforms)])
        .fit(allForTraining(made))
        .apply(made);
      for (const column of ready.columns) {
        if (column.kind === "number") expect(column.values.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it("a missing value that no step fills is named", () => {
    const made = new Table([number("c", 1, Number.NaN)]);
    const fitted = pipeline([on("c", standardScale())]).fit(allForTraining(made));
    expect(() => fitted.features(made)).toThrow('column "c", row 1 is missing');
  });
});

describe("applying", () => {
  const fitted = everything().fit(allForTraining(table([1, 2, 3, 4, 5, 6, 7, 8, 9])));

  it("names a column that is not there, and needs none that was dropped", () => {
    expect(() => fitted.apply(table([1]).drop(["word"]))).toThrow('must have the column "word" (text)');
    expect(fitted.apply(table([1, 2]).drop(["id"])).table.length).toBe(2);
  });

  it("takes columns that read as another kind, and counts what cannot be read", () => {
    const other = table([1, 2])
      .with(text("a", "1.5", "many"))
      .with(number("word", 1, Number.NaN));
    const { counts } = fitted.apply(other);
    expect(counts).toContainEqual({ column: "a", what: "unreadable", count: 1 });
    expect(counts).toContainEqual({ column: "a", what: "missing", count: 1 });
    expect(counts).toContainEqual({ column: "word", what: "unknown", count: 1 });
    expect(counts).toContainEqual({ column: "word", what: "missing", count: 1 });
  });

  it("from its JSON does the same to the last bit", () => {
    const again = Fitted.from(JSON.parse(JSON.stringify(fitted)));
    const rows = table([10, 0, -7, 3, 555]);
    expect(new Uint8Array(again.features(rows).x.data.buffer)).toEqual(
      new Uint8Array(fitted.features(rows).x.data.buffer),
    );
  });

  it("a damaged state is an error", () => {
    const { state } = fitted;
    expect(() => Fitted.from(null)).toThrow(DataError);
    expect(() => Fitted.from({ ...state, version: 2 })).toThrow("version");
    const wrong = (step: object) => ({ ...state, program: [{ ...state.program[0], ...step }] });
    expect(() => Fitted.from(wrong({ operation: "standardscale" }))).toThrow('Did you mean "standardScale"?');
    expect(() => Fitted.from(wrong({ operation: "standardScale", state: { centre: 0, scale: 0 } }))).toThrow(
      DataError,
    );
    expect(() => Fitted.from(wrong({ operation: "hashed", state: { buckets: 1e9 } }))).toThrow(DataError);
    expect(() => Fitted.from(wrong({ operation: "bins", state: { edges: [2, 1] } }))).toThrow(
      "edges must increase",
    );
  });

  it("by hand: logarithm, clipping, a given order, words in few columns", () => {
    const made = new Table([
      number("n", -1, 0, Math.E - 1, 100),
      text("size", "small", "large", null, "huge"),
    ]);
    const results = (columns: string, ...transforms: Parameters<typeof on>[1][]) => {
      const fit = pipeline([on(columns, ...transforms)]).fit(allForTraining(made));
      const column = fit.apply(made).table.column(columns);
      return column.kind === "number" ? [...column.values] : [];
    };
    expect(results("n", logTransform())).toEqual([-Math.log(2), 0, Math.log1p(Math.E - 1), Math.log1p(100)]);
    expect(results("n", clipOutliers({ quantiles: [1 / 3, 2 / 3] }))).toEqual([0, 0, Math.E - 1, Math.E - 1]);
    expect(results("n", clipOutliers({ fences: 0 }))[0]).toBeCloseTo(-0.25, 12);
    expect(results("size", ordinal({ order: ["small", "large"], unknown: 9 }))).toEqual([
      0,
      1,
      Number.NaN,
      9,
    ]);
    const { x } = pipeline([on("n", drop()), on("size", hashed({ buckets: 3 }))])
      .fit(allForTraining(made))
      .features(made);
    expect([0, 3, 6, 9].map((row) => [0, 1, 2].reduce((sum, i) => sum + Number(x.data[row + i]), 0))).toEqual(
      [1, 1, 0, 1],
    );
  });

  it("dates are points on circles", () => {
    const made = new Table([date("d", "2026-01-31T06:00:00Z", "2025-12-01T18:00:00Z")]);
    const { table: parts } = pipeline([on("d", dateParts({ parts: ["year", "month", "hour"] }))])
      .fit(allForTraining(made))
      .apply(made);
    const at = (name: string) => [...(parts.column(name) as { values: Float64Array }).values];
    expect(at("d:year")).toEqual([2026, 2025]);
    expect(at("d:month.cos")[0]).toBe(1);
    expect(at("d:month.sin")[1]).toBeCloseTo(-0.5, 12);
    expect(at("d:hour.sin")).toEqual([1, -1]);
  });
});
