/** nabla doctor: an experiment, a run, and what --fix writes. */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { Workspace } from "./run.ts";

const work = new Workspace();
afterAll(() => work.remove());

const source = (change: string, name = "twice") => `
import { dataset } from "nabla/data";
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

  it("watches a run, tells each finding once, and agrees with itself afterwards, resumed or damaged", async () => {
    const file = work.write("run.ts", source("", "run"));
    const line = /^severe {2}probabilities-into-loss: /gm;
    const trained = await work.run(["train", file, "--out", "watched"]);
    expect(trained.code, trained.stderr).toBe(0);
    expect(trained.stderr.match(line)).toHaveLength(1);
    expect(trained.stderr).not.toMatch(/^info /m);
    const resumed = await work.run(["train", "--resume", "watched", "--epochs", "5"]);
    expect([resumed.code, resumed.stderr.match(line)]).toEqual([0, null]);
    const written = JSON.parse(readFileSync(work.path("watched", "findings.json"), "utf8"));
    const judged = async () => JSON.parse((await work.run(["doctor", "watched", "--json"])).stdout);
    const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);
    const told = await judged();
    expect(ids(told.findings)).toEqual(ids(written.findings));
    expect(ids(told.findings)).toContain("probabilities-into-loss");
    // 19 steps an epoch, of which the first measures itself, and the 50th.
    expect([told.telemetry, told.epochs]).toEqual([2, 5]);
    const report = readFileSync(work.path("watched", "report.html"), "utf8");
    for (const part of [
      "bceWithLogits is given",
      "Try: take out layers/3",
      "Measured: ",
      "Gradient norms by layer",
    ])
      expect(report).toContain(part);
    appendFileSync(work.path("watched", "telemetry.jsonl"), '{"step":');
    const damaged = await work.run(["doctor", "watched"]);
    expect([damaged.code, damaged.stderr]).toEqual([
      0,
      expect.stringContaining("telemetry.jsonl: 1 lines are damaged and left out"),
    ]);
    for (const name of ["telemetry.jsonl", "findings.json"]) rmSync(work.path("watched", name));
    const old = await judged();
    expect([old.telemetry, old.findings[0].id]).toEqual([0, "probabilities-into-loss"]);
  });

  it("names the operation that lost a number, without debug mode", async () => {
    const layers = "model: () => new Sequential(new Linear(3, 8), relu, (x) => x.log(), new Linear(8, 1)),";
    const file = work.write("lost.ts", source(layers, "lost"));
    const ended = await work.run(["train", file, "--out", "lost"]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^severe {2}operation-not-finite: .*is of log/m);
    const told = JSON.parse((await work.run(["doctor", "lost", "--json"])).stdout);
    expect(told.findings[0].id).toBe("operation-not-finite");
    expect(readFileSync(work.path("lost", "report.html"), "utf8")).toContain("is of log");
  });

  it("is silent and leaves nothing where it is not wanted", async () => {
    const file = work.write("alone.ts", source("", "alone"));
    const ended = await work.run(["train", file, "--out", "alone", "--no-doctor"]);
    expect([ended.code, ended.stderr]).toEqual([0, expect.not.stringContaining("severe")]);
    const quiet = await work.run(["train", file, "--out", "quiet", "--no-telemetry", "--quiet"]);
    expect([quiet.code, quiet.stderr]).toEqual([0, expect.not.stringContaining("severe")]);
    const has = (...parts: string[]) => existsSync(work.path(...parts));
    expect([has("alone", "findings.json"), has("alone", "telemetry.jsonl")]).toEqual([false, false]);
    expect([has("quiet", "findings.json"), has("quiet", "telemetry.jsonl")]).toEqual([true, false]);
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
