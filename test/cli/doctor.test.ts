/** nabla doctor: an experiment, a run, and what --fix writes. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { Workspace } from "./run.ts";

const work = new Workspace();
afterAll(() => work.remove());

const source = (change: string, name = "twice") => `
import { dataset } from "nabla/data";
import { telemetryRecorder } from "nabla/doctor";
import { bceWithLogits, Linear, relu, Sequential, sigmoid } from "nabla/nn";
import { adam } from "nabla/optim";
import { defineExperiment } from "nabla/train";

const rows = (n: number, shift: number) => {
  const x = Array.from({ length: n }, (_, i) => [Math.sin(i * 1.3 + shift), Math.cos(i * 2.1), Math.sin(i * i)]);
  return dataset({ x, y: x.map(([a, b]) => [a * b > 0 ? 1 : 0]) });
};

export default defineExperiment({
  name: "${name}",
  data: { train: rows(600, 0), validation: rows(200, 0.5) },
  model: () => new Sequential(new Linear(3, 32), relu, new Linear(32, 1), sigmoid),
  loss: bceWithLogits,
  optimizer: adam(1e-2),
  epochs: 3,
  ${change}
});
`;

describe("nabla doctor", () => {
  it("names what is wrong, fixes it, and the fixed experiment is sound and trains", async () => {
    const file = work.write("twice.ts", source(""));
    const ended = await work.run(["doctor", file, "--fix", "--json", "--steps", "200", "--seeds", "3"]);
    expect(ended.code, ended.stderr).toBe(0);
    const told = JSON.parse(ended.stdout);
    expect(told.findings[0].id).toBe("probabilities-into-loss");
    expect(told.fixed.kept.comparison.helps).toBe(true);
    expect(told.written).toContain("twice.fixed.ts");
    expect(ended.stderr).toContain(
      "severe  probabilities-into-loss: bceWithLogits is given what comes out of sigmoid",
    );
    expect(readFileSync(work.path("twice.fixed.ts"), "utf8")).toContain(
      'import experiment from "./twice.ts"',
    );
    const again = await work.run(["doctor", "twice.fixed.ts", "--json", "--quiet", "--steps", "200"]);
    const severe = JSON.parse(again.stdout).findings.filter(
      (one: { severity: string }) => one.severity === "severe",
    );
    expect(severe).toEqual([]);
    const trained = await work.run(["train", "twice.fixed.ts", "--quiet", "--json"]);
    expect(trained.code, trained.stderr).toBe(0);
  });

  it("judges a run by what it recorded", async () => {
    const file = work.write("run.ts", source('callbacks: [telemetryRecorder("recorded")],', "run"));
    await work.run(["train", file, "--out", "recorded", "--quiet"]);
    const ended = await work.run(["doctor", "recorded", "--json"]);
    expect(ended.code, ended.stderr).toBe(0);
    const told = JSON.parse(ended.stdout);
    expect(told.findings[0].id).toBe("probabilities-into-loss");
    expect([told.telemetry > 0, told.epochs]).toEqual([true, 3]);
  });

  it("says what it cannot do", async () => {
    work.write("mine.fixed.ts", "export const mine = 1;");
    const file = work.write("mine.ts", source("", "mine"));
    const ended = await work.run(["doctor", file, "--fix"]);
    expect([ended.code, ended.stderr]).toEqual([
      2,
      expect.stringContaining("mine.fixed.ts, which holds something else"),
    ]);
    expect(readFileSync(work.path("mine.fixed.ts"), "utf8")).toBe("export const mine = 1;");
    const missing = await work.run(["doctor", "nowhere.ts"]);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("does not exist")]);
    const empty = await work.run(["doctor", "."]);
    expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining("must be the folder of a run")]);
  });
});
