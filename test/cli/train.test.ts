/** The command line end to end: what it prints, what it keeps, and that equal seeds give equal bytes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";
import { ended, experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());
beforeAll(() => {
  space.write("experiment.ts", experiment());
});

/** What a run leaves that must be the same for the same seed. */
function traces(run: string): Record<string, string> {
  const dir = space.path(run, "checkpoint");
  const manifest = readFileSync(join(dir, "manifest.json"), "utf8");
  return {
    state: readFileSync(join(dir, JSON.parse(manifest).file)).toString("base64"),
    manifest,
    history: readFileSync(space.path(run, "history.jsonl"), "utf8"),
  };
}

describe("nabla train", () => {
  it("prints progress to stderr, one JSON object as the last line of stdout, and keeps the run", async () => {
    const { code, stdout, stderr } = await space.run(["train", "experiment.ts", "--json"]);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    const summary = JSON.parse(lines.at(-1) as string);
    expect(Object.keys(summary)).toEqual([
      "run",
      "device",
      "seconds",
      "samplesPerSecond",
      "epochs",
      "parameters",
      "train",
      "validation",
    ]);
    expect(summary).toMatchObject({ epochs: 3, parameters: 4 * 8 + 8 + 8 * 3 + 3 });
    expect(summary.run).toMatch(/^runs\/small-\d{8}-\d{6}$/);
    expect(summary.train).toEqual({ loss: expect.any(Number), accuracy: expect.any(Number) });
    expect(summary.validation).toEqual({ loss: expect.any(Number), accuracy: expect.any(Number) });
    expect(summary.samplesPerSecond).toBeGreaterThan(0);
    expect(stderr).toMatch(/^67 parameters, 96 rows, batch 20, on /);
    for (const epoch of [1, 2, 3]) {
      expect(stderr).toMatch(
        new RegExp(
          `^epoch ${epoch}/3  loss \\d\\.\\d{4}, accuracy \\d\\.\\d{4}  validation loss .* samples/s$`,
          "m",
        ),
      );
    }
    expect(stderr).toContain("train loss");
    expect(stderr).toContain(`saved in ${summary.run}`);

    expect(readdirSync(space.path(summary.run)).sort()).toEqual([
      "checkpoint",
      "config.json",
      "environment.json",
      "evaluation.json",
      "findings.json",
      "history.jsonl",
      "plan.txt",
      "report.html",
      "status.json",
      "steps.jsonl",
      "summary.json",
      "telemetry.jsonl",
    ]);
    expect(JSON.parse(readFileSync(space.path(summary.run, "summary.json"), "utf8"))).toEqual(summary);
    const history = readFileSync(space.path(summary.run, "history.jsonl"), "utf8").trimEnd().split("\n");
    expect(history.map((line) => JSON.parse(line).epoch)).toEqual([1, 2, 3]);
    expect(JSON.parse(history[2] as string)).toMatchObject({
      step: 15,
      train: summary.train,
      validation: summary.validation,
    });

    const evaluated = await space.run(["evaluate", summary.run, "--json"]);
    expect(evaluated.code).toBe(0);
    expect(JSON.parse(evaluated.stdout.trimEnd().split("\n").at(-1) as string).validation).toEqual(
      summary.validation,
    );
  });

  it("prints its table to stdout without --json, and nothing at all when quiet", async () => {
    const loud = await space.run(["train", "experiment.ts", "--out", "loud"]);
    expect(loud.stdout).toContain("validation accuracy");
    expect(loud.stdout).toContain("training loss");
    expect(loud.stdout).toContain("saved in loud");
    const quiet = await space.run(["train", "experiment.ts", "--out", "quiet", "--quiet"]);
    expect([quiet.stdout, quiet.stderr, quiet.code]).toEqual(["", "", 0]);
  });

  it("gives the same bytes twice, for any number of threads, and others for another seed", async () => {
    const runs = [["a", "--threads", "1"], ["b", "--threads", "2"], ["c"], ["d", "--seed", "1"]] as const;
    for (const [out, ...args] of runs) {
      const { code, stderr } = await space.run(["train", "experiment.ts", "--quiet", "--out", out, ...args]);
      expect([stderr, code]).toEqual(["", 0]);
    }
    expect(traces("b")).toEqual(traces("a"));
    expect(traces("c")).toEqual(traces("a"));
    expect(traces("d").state).not.toBe(traces("a").state);
  });

  it("grows the batch as the experiment says, to the same bytes for any number of threads, and goes on", async () => {
    const growing = experiment(
      {
        batchSize: "noiseScale({ min: 4, max: 32, every: 2, smoothing: 0.5 })",
        learningRateScaling: '"linear"',
      },
      'import { noiseScale } from "nabla/train";',
    );
    space.write("growing.ts", growing);
    const [one, , fixed] = await Promise.all([
      space.run(["train", "growing.ts", "--out", "one", "--threads", "1"]),
      space.run(["train", "growing.ts", "--out", "two", "--threads", "2", "--epochs", "1"]),
      space.run(["train", "growing.ts", "--out", "fixed", "--batch-size", "16"]),
    ]);
    expect(one.stderr).toMatch(/^batch 8 from step \d+ on, learning rate x 2\.0000, noise scale \d+$/m);
    expect(fixed.stderr).toMatch(/^67 parameters, 96 rows, batch 16, on /);
    expect(fixed.stderr).not.toMatch(/^batch \d+ from/m);
    const { batchSize } = JSON.parse(readFileSync(space.path("two", "config.json"), "utf8"));
    expect(batchSize).toBe(null);
    await space.run(["train", "--resume", "two", "--epochs", "3", "--threads", "2"]);
    expect(traces("two")).toEqual(traces("one"));
  });

  it.skipIf(!cpuAvailable().ok)(
    "gives the same bytes with AVX2 and AVX-512, where the machine has them",
    async () => {
      for (const isa of ["avx2", "avx512"]) {
        const args = ["train", "experiment.ts", "--quiet", "--out", isa];
        const { code, stderr } = await space.run(args, { env: { NABLA_ISA: isa } });
        if (stderr.includes("NABLA_ISA: must be one of")) continue;
        expect([stderr, code]).toEqual(["", 0]);
        expect(traces(isa).state).toEqual(traces("a").state);
      }
    },
  );

  it("takes options in place of the experiment's fields", async () => {
    const { stdout } = await space.run([
      "train",
      "experiment.ts",
      "--quiet",
      "--json",
      "--out",
      "options",
      "--epochs",
      "1",
      "--batch-size",
      "96",
      "--optimizer",
      "sgd",
      "--lr",
      "0.5",
    ]);
    expect(JSON.parse(stdout).epochs).toBe(1);
    expect(JSON.parse(readFileSync(space.path("options", "config.json"), "utf8"))).toMatchObject({
      epochs: 1,
      batchSize: 96,
      optimizer: "sgd",
      learningRate: 0.5,
    });
    const manifest = JSON.parse(traces("options").manifest as string);
    expect(manifest.data.position).toEqual({ epoch: 1, batch: 0, row: 0, step: 1 });
    // Another rate, another result: --lr reaches the optimizer, whether it is named or the experiment's own.
    for (const [out, ...args] of [
      ["slow", "--optimizer", "sgd", "--lr", "0.1"],
      ["own", "--lr", "0.02"],
      ["given"],
    ] as const) {
      await space.run([
        "train",
        "experiment.ts",
        "--quiet",
        "--out",
        out,
        "--epochs",
        "1",
        "--batch-size",
        "96",
        ...args,
      ]);
    }
    const states = ["options", "slow", "own", "given"].map((run) => traces(run).state);
    expect(new Set(states).size).toBe(4);
  });

  it("on Ctrl-C finishes the step, saves, says how to go on, exits 130, and goes on to the same bytes", async () => {
    space.write(
      "long.ts",
      experiment({
        epochs: "40",
        data: "() => ({ train: rows(4000), validation: rows(32) })",
        batchSize: "7",
      }),
    );
    const child = space.start(["train", "long.ts", "--out", "stopped"]);
    const end = ended(child);
    await new Promise<void>((resolve) => {
      child.stderr?.on("data", (chunk) => {
        if (String(chunk).includes("epoch  2/40")) resolve();
      });
    });
    child.kill("SIGINT");
    child.kill("SIGTERM"); // as npm and timeout do, which pass a signal on that came already
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain("Go on with: nabla train --resume stopped");
    const { epoch } = JSON.parse(traces("stopped").manifest as string).data.position;
    expect(epoch).toBeLessThan(40);
    expect((await space.run(["train", "--resume", "stopped", "--quiet"])).code).toBe(0);
    const done = await space.run(["train", "--resume", "stopped", "--quiet"]);
    expect(done.stderr).toBe(
      "nabla: long.ts: stopped: all 40 epochs are done. To go on give more: --epochs 80\n",
    );
    expect((await space.run(["train", "long.ts", "--out", "whole", "--quiet"])).code).toBe(0);
    expect(traces("stopped")).toEqual(traces("whole"));
  });

  it("runs JavaScript, and TypeScript wherever it lies", async () => {
    space.write("plain.mjs", experiment({ epochs: "1" }).replace("(n: number)", "(n)"));
    expect((await space.run(["train", "plain.mjs", "--quiet", "--out", "plain"])).code).toBe(0);
    expect(existsSync(space.path("plain", "summary.json"))).toBe(true);
  });
});

describe("nabla info", () => {
  it("shows version, node, devices, threads and memory", async () => {
    const { code, stdout } = await space.run(["info"]);
    expect(code).toBe(0);
    for (const word of [
      "nabla",
      "node",
      "processor",
      "threads",
      "memory",
      "addon",
      "device cpu",
      "device reference",
    ]) {
      expect(stdout).toMatch(new RegExp(`^${word} `, "m"));
    }
    const { stdout: text } = await space.run(["info", "--json"]);
    expect(JSON.parse(text)).toMatchObject({
      node: process.version,
      devices: [{ name: "cpu" }, { name: "reference", available: true }],
    });
  });
});
