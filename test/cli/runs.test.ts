/** nabla runs, runs diff and report: tables of what is there, JSON of the same, and damaged folders among them. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());

beforeAll(async () => {
  space.write("a.ts", experiment({ name: '"one"' }));
  space.write("b.ts", experiment({ name: '"two"', epochs: "5", optimizer: "sgd(1e-4)" }));
  for (const [file, out] of [
    ["a.ts", "runs/a"],
    ["b.ts", "runs/b"],
    ["a.ts", "runs/damaged"],
  ] as const) {
    const { code, stderr } = await space.run(["train", file, "--out", out, "--quiet"]);
    expect(code, stderr).toBe(0);
  }
  writeFileSync(space.path("runs/damaged/config.json"), '{"name": ');
  const status = JSON.parse(readFileSync(space.path("runs/b/status.json"), "utf8"));
  const killed = { ...status, status: "running", ended: null }; // its process is gone
  writeFileSync(space.path("runs/b/status.json"), JSON.stringify(killed));
}, 60_000);

const json = (stdout: string) => JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);

describe("nabla runs", () => {
  it("lists runs with their best score, and a damaged one as such", async () => {
    const { code, stdout } = await space.run(["runs"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/runs\/a .* one .* 3\/3 .* accuracy .* done/);
    expect(stdout).toMatch(/runs\/b .* two .* 5\/5 .* interrupted/);
    expect(stdout).toMatch(/runs\/damaged .* damaged/);
    expect(stdout).toMatch(/^runs\/damaged: config.json: must be JSON/m);
  });

  it("gives JSON, sorted as asked", async () => {
    const { runs } = json(
      (await space.run(["runs", "runs", "--json", "--quiet", "--sort", "epochs"])).stdout,
    );
    expect(runs.map(({ run, epochs }: { run: string; epochs: number }) => [run, epochs])[0]).toEqual([
      "runs/b",
      5,
    ]);
    const history = readFileSync(space.path("runs/a/history.jsonl"), "utf8").trimEnd().split("\n");
    const losses = history.map((line) => JSON.parse(line).validation.loss);
    const a = runs.find(({ run }: { run: string }) => run === "runs/a");
    expect(a).toMatchObject({
      name: "one",
      wanted: 3,
      loss: Math.min(...losses),
      status: "done",
      problems: [],
    });
    const byName = json((await space.run(["runs", "--json", "--sort", "name"])).stdout).runs;
    expect(byName.map(({ name }: { name: string }) => name)).toEqual(["damaged", "one", "two"]);
  });

  it("says when there are none, and when the folder is not there", async () => {
    expect((await space.run(["runs", "runs/a/checkpoint"])).stdout).toBe(
      "there are no runs in runs/a/checkpoint\n",
    );
    expect(await space.run(["runs", "nowhere"])).toMatchObject({
      code: 2,
      stderr: "nabla: runs: nowhere does not exist. Check the path.\n",
    });
    expect((await space.run(["runs", "--sort", "size"])).code).toBe(2);
  });
});

describe("nabla runs diff", () => {
  it("shows settings and scores that differ, and no others", async () => {
    const { code, stdout } = await space.run(["runs", "diff", "runs/a", "runs/b", "--json"]);
    expect(code).toBe(0);
    const { config, environment, scores } = json(stdout);
    const names = config.map(({ name }: { name: string }) => name);
    expect(names.sort()).toEqual(["epochs", "experiment", "name", "started"]);
    expect(environment).toEqual([]);
    expect(scores.find(({ name }: { name: string }) => name === "epochs")).toEqual({
      name: "epochs",
      a: 3,
      b: 5,
    });
    expect((await space.run(["runs", "diff", "runs/a", "runs/a"])).stdout).toBe(
      "config: the same\nenvironment: the same\nscores: the same\n",
    );
  });

  it("goes on with what a damaged run has, and refuses what is none", async () => {
    const damaged = await space.run(["runs", "diff", "runs/a", "runs/damaged"]);
    expect(damaged.code).toBe(0);
    expect(damaged.stderr).toMatch(/warning: .*damaged: config\.json: must be JSON/);
    expect((await space.run(["runs", "diff", "runs/a", "nowhere"])).code).not.toBe(0);
  });
});

describe("nabla report", () => {
  it("is drawn when a run ends, and again when asked", async () => {
    const path = space.path("runs/a/report.html");
    const first = readFileSync(path, "utf8");
    expect(first).toContain("Confusion matrix");
    rmSync(path);
    const { code, stdout } = await space.run(["report", "runs/a"]);
    expect([code, stdout]).toEqual([0, "report in runs/a/report.html\n"]);
    expect(readFileSync(path, "utf8")).toBe(first);
    await space.run(["report", "runs/a", "--out", "other.html"]);
    expect(existsSync(space.path("other.html"))).toBe(true);
    const none = await space.run(["report", "nowhere"]);
    expect(none.code).not.toBe(0);
    expect(none.stderr).toMatch(/^nabla: .*nowhere.*does not exist/);
  });
});
