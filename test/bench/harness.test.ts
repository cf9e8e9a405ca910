import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { absence, describeAbsent, hold } from "../../bench/harness.ts";
import type { Bench } from "../../bench/job.ts";
import { PeerError, type PeerSpec } from "../../bench/peer.ts";

const contestant = (mode: string, more: Partial<PeerSpec> = {}): PeerSpec => ({
  name: mode,
  threads: 1,
  command: process.execPath,
  args: [fileURLToPath(new URL("contestant.mjs", import.meta.url)), mode],
  env: {},
  ...more,
});
const bench: Bench = {
  name: "some",
  title: "Some work",
  unit: "samples/s",
  perUnit: 10,
  job: { first: 3 },
  contestants: () => [],
};
const run = (peers: PeerSpec[], of: Bench = bench) =>
  hold(of, { peers, repetitions: 3, slice: 0.5, log: () => {} });

describe("hold", () => {
  test("measures each contestant as often as asked, in the bench's unit", async () => {
    const { results, versions } = await run([contestant("steady"), contestant("partial")]);
    expect(results.map(({ peer }) => peer)).toEqual(["steady", "partial"]);
    // 100 units a second of 10 samples each; the other does half of its unit in the 5 slices it may take.
    expect(results[0]?.measured.samples).toEqual([1000, 1000, 1000]);
    expect(results[1]?.measured.median).toBeCloseTo((0.5 * 10) / 2.5);
    expect(versions).toEqual({ steady: "1.0", partial: "1.0" });
  });

  test("shows a time of one where lower is better", async () => {
    const { results } = await run([contestant("steady")], { ...bench, unit: "ms", lowerIsBetter: true });
    expect(results[0]?.measured.median).toBeCloseTo(1);
  });

  test("takes a value as it is", async () => {
    const { results } = await run([contestant("value")], { ...bench, unit: "MB", lowerIsBetter: true });
    expect(results[0]?.measured.samples).toEqual([7, 7, 7]);
  });

  test("refuses contestants that compute something else", async () => {
    await expect(run([contestant("steady"), contestant("wrong")])).rejects.toThrow(
      "all must compute the same numbers; steady (1) got 3,4,5,6,7, wrong (1) got 4,5,6,7,8",
    );
  });

  test("unless they say so, or the difference is within the tolerance", async () => {
    const other = contestant("wrong", { otherMaths: "counts from 4" });
    const { results } = await run([contestant("steady"), other]);
    expect(results[1]?.otherMaths).toBe("counts from 4");
    const lenient = { ...bench, tolerance: 0.5 };
    expect((await run([contestant("steady"), contestant("wrong")], lenient)).results).toHaveLength(2);
  });

  test("goes on without what cannot start", async () => {
    const missing = contestant("missing", { install: "npm i it" });
    const nowhere = contestant("nowhere", { command: "/nowhere/at/all" });
    const { results, absent } = await run([missing, contestant("steady"), nowhere]);
    expect(results.map(({ peer }) => peer)).toEqual(["steady"]);
    expect(absent).toEqual([
      { peer: "missing", reason: "Error: no such library", cure: "npm i it" },
      { peer: "nowhere", reason: "spawn /nowhere/at/all ENOENT", cure: undefined },
    ]);
  });

  test("asks the bench for a measurement of its own", async () => {
    const measure = async (spec: PeerSpec) => {
      if (spec.name === "broken") throw new PeerError("it broke");
      return spec.threads;
    };
    const peers = [contestant("a", { threads: 2 }), contestant("broken")];
    const { results, absent } = await run(peers, { ...bench, measure });
    expect(results.map(({ peer, measured }) => [peer, measured.samples])).toEqual([["a", [2, 2, 2]]]);
    expect(absent).toEqual([{ peer: "broken", reason: "it broke", cure: undefined }]);
  });
});

test("absence picks the telling line; describeAbsent names a reason once", () => {
  const trace = "ended with code 1: Traceback (most recent call last):\n  File x\nImportError: no torch\n";
  const missing = [contestant("PyTorch"), contestant("PyTorch, compiled"), contestant("PyTorch")].map(
    (spec) => absence({ ...spec, install: "pip install torch" }, new PeerError(trace)),
  );
  expect(describeAbsent(missing)).toEqual([
    "PyTorch; PyTorch, compiled: ImportError: no torch (pip install torch)",
  ]);
});
