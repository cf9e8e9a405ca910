/** nabla card, end to end: of a run on a table, with sections from a file, of a run that has not ended, and of damaged ones. */
import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());
const read = (...path: string[]) => readFileSync(space.path(...path), "utf8");

beforeAll(async () => {
  copyFileSync(
    fileURLToPath(new URL("../../examples/data/iris.csv", import.meta.url)),
    space.path("iris.csv"),
  );
  const trained = await space.run([
    "train",
    "iris.csv",
    "--target",
    "species",
    "--out",
    "iris",
    "--epochs",
    "20",
    "--quiet",
  ]);
  expect(trained.code).toBe(0);
});

it("prints what the folder holds, with the scores that it holds", async () => {
  const { code, stdout, stderr } = await space.run(["card", "iris"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^# iris\n/);
  expect(stdout).toContain("Inputs (4): sepal\\_length (number), sepal\\_width (number)");
  expect(stdout).toMatch(/Predicts: species, one of setosa, versicolor, virginica\./);
  const { seed, started } = JSON.parse(read("iris", "config.json"));
  const { parameters, train } = JSON.parse(read("iris", "summary.json"));
  expect(stdout).toContain(`| seed | ${seed} |`);
  expect(stdout).toContain(`| started | ${started} |`);
  expect(stdout).toContain(`| trained parameters | ${parameters} |`);
  expect(stdout).toContain(`| train | ${Number(train.loss.toPrecision(4))} |`);
  const { network } = JSON.parse(read("iris", "test.json"));
  expect(stdout).toContain(`| test | - | ${Number(network.accuracy.toPrecision(4))} |`);
  expect(stdout).toContain(
    "Nothing was said or measured of: intended use, limitations, by group, robustness",
  );
});

it("writes a file, with sections from another", async () => {
  const added = {
    intendedUse: "Teaching.",
    training: { kept: "best" },
    robustness: { rows: 23, clean: 0.9, attacks: [{ epsilon: 0.1, accuracy: 0.5 }], noise: [] },
    groups: {
      overall: { f1: null },
      groups: [{ group: "a", rows: 1, metrics: { f1: null } }],
      gaps: { f1: { difference: null, lowest: null, highest: null } },
    },
  };
  space.write("about.json", JSON.stringify(added));
  const { code, stdout } = await space.run(["card", "iris", "--with", "about.json", "--out", "card.md"]);
  expect([code, stdout]).toEqual([0, "model card of iris in card.md\n"]);
  const card = read("card.md");
  expect(card).toContain("## Intended use\n\nTeaching.");
  expect(card).toContain("| attacked, epsilon 0.1 | 0.5 |");
  expect(card).toContain("| a | 1 | - |");
  expect(card).toMatch(/\| seed \| 0 \|.*\| kept \| best \|/s);
  expect(card).toContain("of: limitations, calibration, importance of features.");
  const { stdout: json } = await space.run(["card", "iris", "--with", "about.json", "--json"]);
  expect(JSON.parse(json)).toEqual({ run: "iris", out: null, card });
});

it("a run that has not ended says so", async () => {
  cpSync(space.path("iris"), space.path("stopped"), { recursive: true });
  for (const name of ["summary.json", "test.json", "preparation.json"]) rmSync(space.path("stopped", name));
  const { code, stdout } = await space.run(["card", "stopped"]);
  expect(code).toBe(0);
  expect(stdout).toContain("| state | the run has not ended |");
  expect(stdout).toContain("intended use, limitations, data, scores");
});

it("what is wrong is one line", async () => {
  cpSync(space.path("iris"), space.path("bad"), { recursive: true });
  writeFileSync(space.path("bad", "summary.json"), '{"seconds": "long"}');
  space.write("wrong.json", '{"intendeduse": "x"}');
  space.write("list.json", "[]");
  space.write("broken.json", "{");
  space.write("kind.json", '{"robustness": {"rows": 1.5}}');
  const cases: [string[], number, string][] = [
    [["iris2"], 1, "nabla: iris2: must be the folder of a run; it has no config.json."],
    [["bad"], 1, "bad/summary.json: seconds is not right"],
    [["iris", "--with", "wrong.json"], 1, 'there is no section "intendeduse". Did you mean "intendedUse"?'],
    [["iris", "--with", "list.json"], 1, "list.json: must be an object of sections"],
    [["iris", "--with", "broken.json"], 1, "broken.json: must be JSON"],
    [["iris", "--with", "kind.json"], 1, "kind.json: robustness/rows is not right"],
    [["iris", "--with", "none.json"], 1, "none.json"],
    [["iris", "--out", "card.txt"], 2, "--out: must end in .md; got card.txt."],
  ];
  for (const [args, code, message] of cases) {
    const ended = await space.run(["card", ...args]);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(ended.code).toBe(code);
  }
});
