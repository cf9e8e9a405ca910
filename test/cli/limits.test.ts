/** Limits and the guard on the command line: how a run ends, what its folder says, and that a resumed one keeps to them. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());
beforeAll(() => {
  space.write("long.ts", experiment({ epochs: "4000" }));
  // A rate so high that the parameters soon are no numbers.
  space.write("diverges.ts", experiment({ loss: "mse", optimizer: "sgd(30)", epochs: "6" }, before));
});

const before = `import { mse as squares } from "nabla/nn";
import { oneHot } from "nabla";
const mse = (logits, labels) => squares(logits, oneHot(labels, 3));`;

const json = (...path: string[]) => JSON.parse(readFileSync(space.path(...path), "utf8"));

describe("nabla train", () => {
  it("--max-steps ends after exactly so many steps, and goes on with more of them", async () => {
    const { code, stderr } = await space.run(["train", "long.ts", "--out", "steps", "--max-steps", "123"]);
    expect(code).toBe(0);
    expect(stderr).toContain("the budget of 123 steps is spent");
    const { position } = json("steps", "checkpoint", "manifest.json").data;
    expect(position).toMatchObject({ epoch: 24, batch: 3, step: 123 });
    expect(json("steps", "status.json")).toMatchObject({
      status: "done",
      reason: "the budget of 123 steps is spent",
    });
    const rest = await space.run(["train", "--resume", "steps", "--max-steps", "130", "--quiet"]);
    expect([rest.code, rest.stderr]).toEqual([0, ""]);
    expect(json("steps", "checkpoint", "manifest.json").data.position.step).toBe(130);
    const whole = await space.run(["train", "long.ts", "--out", "whole", "--max-steps", "130", "--quiet"]);
    expect(whole.code).toBe(0);
    const digest = (run: string) => json(run, "checkpoint", "manifest.json").sha256;
    expect(digest("steps")).toBe(digest("whole"));
  });

  it("--time-budget ends a run that has more to do", async () => {
    const { code, stderr } = await space.run(["train", "long.ts", "--out", "time", "--time-budget", "0.3s"]);
    expect(code).toBe(0);
    expect(stderr).toContain("the time budget of 0.3 s is spent");
    expect(json("time", "checkpoint", "manifest.json").data.callbacks.timeBudget.seconds).toBeGreaterThan(
      0.3,
    );
  });

  it("--nan-guard goes back with a lower rate, which the folder shows, also of a resumed run", async () => {
    const plain = await space.run(["train", "diverges.ts", "--out", "plain", "--quiet"]);
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain("the loss must stay finite");
    const { code, stderr } = await space.run(["train", "diverges.ts", "--out", "guarded", "--nan-guard"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /back from step \d+ to step \d+: the loss is not finite at step \d+; learning rate x 0\.5000 from here/,
    );
    expect(json("guarded", "config.json").nanGuard).toBe("rollback");
    const history = readFileSync(space.path("guarded", "history.jsonl"), "utf8").trim().split("\n");
    const epochs = history.map((line) => JSON.parse(line).epoch);
    expect(epochs).toEqual(epochs.map((_, at) => at + 1));
    const stopped = await space.run([
      "train",
      "diverges.ts",
      "--out",
      "stopped",
      "--nan-guard",
      "stop",
      "--quiet",
    ]);
    expect(stopped.code).toBe(0);
    expect(json("stopped", "status.json").reason).toMatch(/; the last good state is kept$/);
    expect((await space.run(["evaluate", "stopped", "--quiet"])).code).toBe(0);
    // It was never said again.
    const again = await space.run(["train", "--resume", "stopped", "--quiet"]);
    expect(again.code).toBe(0);
    expect(json("stopped", "status.json").reason).toMatch(/; the last good state is kept$/);
  });

  it.each([
    [["--max-steps", "0"], "It must be a whole number of at least 1."],
    [["--time-budget", "soon"], "It must be a time such as 60s, 2m or 1h30m."],
    [["--nan-guard", "pray"], "Allowed choices are rollback, stop."],
    [["--nan-guard", "--folds", "3"], "--nan-guard: is for a single run. Leave it out, or --folds."],
  ])("refuses %j", async (args, text) => {
    const { code, stderr } = await space.run(["train", "long.ts", ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(text);
  });

  it("takes callbacks of an experiment, and finds the run's folder for them", async () => {
    space.write(
      "samples.ts",
      experiment(
        { callbacks: "[rates, samples({ data: rows(4) })]" },
        'import { learningRateMonitor, samples } from "nabla/train";\nconst rates = learningRateMonitor();',
      ),
    );
    const { code, stderr } = await space.run(["train", "samples.ts", "--out", "samples", "--quiet"]);
    expect([code, stderr]).toEqual([0, ""]);
    const lines = readFileSync(space.path("samples", "samples.jsonl"), "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).epoch)).toEqual([1, 2, 3]);
    expect(readFileSync(space.path("samples", "report.html"), "utf8")).toContain("<h2>Samples</h2>");
    space.write("wrong.ts", experiment({ callbacks: "[{ epochend() {} }]" }));
    const wrong = await space.run(["train", "wrong.ts"]);
    expect(wrong.stderr).toContain("callbacks/0 must be a list of objects with functions by event");
  });
});
