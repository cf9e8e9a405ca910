import { describe, expect, test } from "vitest";
import { type Ceilings, compilerOf } from "../../bench/ceilings.ts";
import { floorOf } from "../../bench/floor.ts";
import { mlpFlops } from "../../bench/mlp.ts";
import { formatRate, spreadPercent, summarise } from "../../bench/stats.ts";
import { inUnit } from "../../bench/units.ts";

const ceilings: Ceilings = { fma: [200, 400], triad: [40, 90], triadStreaming: [60, 80], cache: [100, 300] };

describe("floorOf", () => {
  test("is the slower of arithmetic and bandwidth at the threads used", () => {
    const rate = { unit: "steps/s", floor: { flops: 2e9, bytes: 6e9, note: "" } };
    expect(floorOf(rate, ceilings, 1)).toBeCloseTo(10); // bytes over the faster triad, 60 GB/s
    expect(floorOf(rate, ceilings, 2)).toBeCloseTo(15); // 90 GB/s
    expect(floorOf({ ...rate, floor: { flops: 2e9, note: "" } }, ceilings, 8)).toBeCloseTo(200);
  });

  test("reads the bytes from where it is said", () => {
    const floor = { bytes: 4e5, from: "cache", note: "" } as const;
    expect(floorOf({ unit: "µs", lowerIsBetter: true, floor }, ceilings, 1)).toBeCloseTo(4);
    expect(floorOf({ unit: "calls/s", floor: { ...floor, from: "triad" } }, ceilings, 1)).toBeCloseTo(1e5);
  });

  test("is the peak itself where the unit is", () => {
    const floor = { flops: 1e9, note: "" };
    expect(floorOf({ unit: "GFLOP/s", floor }, ceilings, 2)).toBeCloseTo(400);
  });

  test("is undefined where nothing is stated", () => {
    expect(floorOf({ unit: "MB" }, ceilings, 1)).toBeUndefined();
    expect(floorOf({ unit: "MB", floor: { note: "" } }, ceilings, 1)).toBeUndefined();
  });
});

test("inUnit gives rates, or the time of one", () => {
  expect(inUnit({ unit: "samples/s" }, 100, 4)).toBe(25);
  expect(inUnit({ unit: "ms", lowerIsBetter: true }, 100, 4)).toBeCloseTo(40);
  expect(inUnit({ unit: "µs", lowerIsBetter: true }, 4, 1e-6)).toBeCloseTo(0.25);
  expect(() => inUnit({ unit: "MB", lowerIsBetter: true }, 1, 1)).toThrow("a time must be in");
});

test("summarise orders the samples: median, extremes, half the range", () => {
  const summary = summarise([30, 10, 20, 40]);
  expect(summary).toMatchObject({ median: 25, low: 10, high: 40 });
  expect(spreadPercent(summary)).toBeCloseTo(60);
});

test("formatRate keeps three significant digits", () => {
  expect([46_664.3, 1.2345, 0.01239].map(formatRate)).toEqual(["46,700", "1.23", "0.012"]);
});

test("mlpFlops counts two products a layer backwards, but one in the first", () => {
  expect(mlpFlops([13, 1])).toBe(4 * 13);
  expect(mlpFlops([784, 128, 10])).toBe(4 * 784 * 128 + 6 * 128 * 10);
});

test("compilerOf finds the compiler in the build's log", () => {
  expect(compilerOf("$ g++ -O3 -c a.cpp\n$ other -O3\n")).toEqual(["g++"]);
  expect(compilerOf("warning: x\n$ ccache c++ -O3 -c a.cpp\n")).toEqual(["ccache", "c++"]);
  expect(compilerOf("nothing")).toEqual([]);
});
