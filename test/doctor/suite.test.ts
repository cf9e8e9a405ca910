/** The doctor against a part of the sabotage of bench/doctor, and against healthy runs: the right cause first, and no severe alarm. */
import { examine } from "nabla/doctor";
import { describe, expect, it, vi } from "vitest";
import { faults } from "../../bench/doctor/faults.ts";
import { healthyRuns } from "../../bench/doctor/healthy.ts";

// All of them take minutes with convolutions and MNIST: `npx tsx bench/doctor/run.ts`.
const slow = new Set(["pixels-to-255", "batches-of-one", "batches-of-six", "one-hidden-unit"]);
const sound = new Set(["blobs", "curve", "plane", "two-classes", "sequences", "characters", "autoencoder"]);

vi.spyOn(process, "emitWarning").mockImplementation(() => {}); // two of the faults are worth a warning

describe("names first", () => {
  for (const { name, expected, experiment } of faults.filter(({ name }) => !slow.has(name))) {
    it(`${expected.join(" or ")}: ${name}`, async () => {
      const { findings } = await examine(experiment);
      expect(expected).toContain(findings[0]?.id);
      for (const { text, evidence } of findings) {
        expect(text).not.toMatch(/undefined|NaN %|\[object/);
        expect(Object.keys(evidence).length).toBeGreaterThan(0);
      }
    });
  }
});

describe("finds nothing severe in", () => {
  for (const { name, experiment } of healthyRuns.filter(({ name }) => sound.has(name))) {
    it(name, async () => {
      const { findings } = await examine(experiment, { steps: 200 });
      expect(findings.filter(({ severity }) => severity === "severe")).toEqual([]);
    });
  }
});
