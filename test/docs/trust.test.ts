/** What docs/trust.md shows is run, as the one program it is. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CalibrationCurve,
  type MetricsByGroup,
  modelCard,
  type Robustness,
  type TemperatureScaling,
} from "nabla/trust";
import sharp from "sharp";
import { afterAll, expect, test, vi } from "vitest";
import { readSections } from "../../src/cli/card-sections.ts";
import { blocks, load } from "./pages.ts";

const folder = mkdtempSync(join(tmpdir(), "nabla-docs-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
  vi.restoreAllMocks();
});

test("trust: explained, attacked, calibrated and compared by group", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const program = blocks("docs/trust.md")
    .join("\n")
    .replace('"why.png"', JSON.stringify(join(folder, "why.png")))
    .replace('"about.json"', JSON.stringify(join(folder, "about.json")))
    .replace("head(20000)", "head(6000)");
  const shown = await load("trust", program);
  expect(shown.gap).toBeLessThan(0.5);
  const { width, height } = await sharp(join(folder, "why.png")).metadata();
  expect([width, height]).toEqual([224, 224]);
  expect(log).toHaveBeenCalledTimes(16);
  const { clean, attacks, noise } = shown.report as Robustness;
  expect(clean).toBeGreaterThan(0.9);
  const accuracies = [clean, ...attacks.map(({ accuracy }) => accuracy)];
  expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a));
  expect(accuracies.at(-1)).toBeLessThan(0.6);
  expect(noise[0]?.accuracy).toBeGreaterThan(0.8);
  const { before, after } = shown.scaling as TemperatureScaling;
  expect(after.logLoss).toBeLessThanOrEqual(before.logLoss + 1e-6);
  expect((shown.curve as CalibrationCurve).expectedError).toBeLessThan(0.05);
  expect(shown.brier).toBeLessThan(0.15);
  const { groups, fairness } = shown.fair as MetricsByGroup;
  expect(groups.map(({ group }) => group)).toEqual(["thick", "thin"]);
  expect(shown.card).toContain("| attacked, epsilon 0.1 |");
  const about = await readSections(join(folder, "about.json"));
  expect(modelCard({ name: "digits", ...about })).toBe(shown.card);
  expect(fairness?.equalisedOddsDifference).toBeLessThan(1);
});
