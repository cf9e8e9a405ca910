import { describe, expect, test } from "vitest";
import type { Ceilings } from "../../bench/ceilings.ts";
import type { Result } from "../../bench/harness.ts";
import { bestOfEach, formatTable, type Report, ratio, replaceSection } from "../../bench/report.ts";
import { summarise } from "../../bench/stats.ts";

const ceilings: Ceilings = {
  fma: [250, 490],
  triad: [42, 85],
  triadStreaming: [60, 120],
  cache: [195, 360],
};
const result = (peer: string, threads: number, samples: number[], more: Partial<Result> = {}): Result => ({
  peer,
  threads,
  measured: summarise(samples),
  ...more,
});
const report: Report = {
  bench: "some",
  title: "Some work",
  unit: "steps/s",
  lowerIsBetter: false,
  date: "2026-01-01",
  machine: "A processor, 2 cores",
  quiet: { load: 0.1, cores: 2, others: [0.01, 0.02] },
  ceilings,
  floor: { value: 8000, threads: 2, note: "the products" },
  results: [
    result("nabla", 1, [1000]),
    result("nabla", 2, [2000]),
    result("PyTorch", 1, [500]),
    result("PyTorch", 2, [400, 600, 800], { variant: "passive waiting" }),
    result("brain.js", 1, [10], { otherMaths: "one sample at a time" }),
  ],
  versions: { nabla: "abc" },
  absent: [{ peer: "JAX", reason: "No module named 'jax'", cure: "pip install jax" }],
  others: [0.02],
};

describe("bestOfEach", () => {
  test("takes each contestant at its best thread count, the best first", () => {
    const best = bestOfEach(report.results, false);
    expect(best.map(({ peer, threads }) => [peer, threads])).toEqual([
      ["nabla", 2],
      ["PyTorch", 2],
      ["brain.js", 1],
    ]);
  });

  test("takes the least where lower is better", () => {
    const best = bestOfEach(report.results, true);
    expect(best.map(({ peer, threads }) => [peer, threads])).toEqual([
      ["brain.js", 1],
      ["PyTorch", 1],
      ["nabla", 1],
    ]);
  });
});

test("ratio says how many times better, whichever way is better", () => {
  const [own, other] = [result("nabla", 1, [10]), result("other", 1, [40])];
  expect(ratio(own, other, false)).toBe(0.25);
  expect(ratio(own, other, true)).toBe(4);
});

describe("formatTable", () => {
  const text = formatTable(report);

  test("has a row for each contestant with its ratio", () => {
    expect(text).toContain("| nabla | 2 | 2,000 | ±0 % | 1x |");
    expect(text).toContain("| PyTorch | 2, passive waiting | 600 | ±33 % | 3.33x |");
    expect(text).toContain("| brain.js | 1 | 10 | ±0 % | 200x |");
  });

  test("says where the floor is and how near nabla comes", () => {
    expect(text).toContain("Floor: 8,000 steps/s at 2 threads (the products); nabla is at 25 % of it.");
    const time = { ...report, lowerIsBetter: true, unit: "µs", floor: { value: 500, threads: 1, note: "n" } };
    expect(formatTable(time)).toContain("Floor: 500 µs at 1 thread (n); nabla is at 50 % of it.");
  });

  test("names other maths, the absent and both thread counts", () => {
    expect(text).toContain("nabla by threads: 1: 1,000, 2: 2,000.");
    expect(text).toContain("losses not compared: brain.js: one sample at a time.");
    expect(text).toContain("Absent: JAX: No module named 'jax' (pip install jax).");
  });

  test("says so when the machine was busy, and only then", () => {
    expect(text).not.toContain("busy");
    expect(formatTable({ ...report, noise: "others took 30 %" })).toContain(
      "**Measured on a busy machine: others took 30 %.**",
    );
  });
});

describe("replaceSection", () => {
  const page = "before\n<!-- a -->\nold\n<!-- /a -->\nafter\n<!-- ab -->\nkept\n<!-- /ab -->\n";

  test("replaces what is between the markers and nothing else", () => {
    expect(replaceSection(page, "a", "new")).toBe(page.replace("old", "new"));
    expect(replaceSection(page, "ab", "new")).toBe(page.replace("kept", "new"));
  });

  test("throws without the markers", () => {
    expect(() => replaceSection(page, "b", "new")).toThrow("must hold <!-- b -->");
  });
});
