/** What an experiment says of its batches reaches the run: augment, sampler and workers, to the same bytes for any threads and workers. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";
import { experiment, Workspace } from "./run.ts";

// Each test is several processes.
vi.setConfig({ testTimeout: 240_000 });

const space = new Workspace();
afterAll(() => space.remove());

/** What a run has come to, byte by byte. */
function traces(run: string): Record<string, string> {
  const dir = space.path(run, "checkpoint");
  const manifest = readFileSync(`${dir}/manifest.json`, "utf8");
  return {
    state: readFileSync(`${dir}/${JSON.parse(manifest).file}`).toString("base64"),
    manifest,
    history: readFileSync(space.path(run, "history.jsonl"), "utf8"),
  };
}
const positionOf = (run: string) => JSON.parse(traces(run).manifest as string).data.position;

/** Trains into the folder `out`, without a word. */
async function train(out: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const { code, stderr } = await space.run(["train", ...args, "--quiet"], { env });
  expect([stderr, code], out).toEqual(["", 0]);
}

/** Ends a run at the step that STOP says. */
const stopping =
  "[{ stepEnd: ({ position }, run) => { if (process.env.STOP && position.step >= Number(process.env.STOP)) run.stop('test'); } }]";

describe.runIf(cpuAvailable().ok)("augment", () => {
  const augmented = (change: Record<string, string> = {}) =>
    experiment(
      {
        batchSize: "8",
        callbacks: stopping,
        augment:
          "augment([horizontalFlip(), brightness(0.3), erase(), mixup({ classes: 3 })], { shape: [2, 2, 1] })",
        ...change,
      },
      `import { augment, brightness, erase, horizontalFlip, mixup } from "nabla/data";
import { sharpnessAware } from "nabla/optim";
import { noiseScale } from "nabla/train";`,
    );
  const kinds = {
    plain: augmented(),
    growing: augmented({ batchSize: "noiseScale({ min: 4, max: 16, every: 2, smoothing: 0.5 })" }),
    sharp: augmented({ optimizer: "sharpnessAware(sgd(0.1, { momentum: 0.9 }), { rho: 0.1 })" }),
  };
  // The first call takes one step and the second eight at most; where sizes change, two.
  const stops: Record<string, string> = { plain: "2", growing: "14", sharp: "2" };
  beforeAll(() => {
    for (const [name, text] of Object.entries(kinds)) space.write(`${name}.ts`, text);
    space.write("without.ts", augmented({ augment: "undefined" }));
  });

  it.each(Object.keys(kinds))(
    "%s: the same bytes for 1 and 2 threads, and stopped within an epoch",
    async (name) => {
      const file = `${name}.ts`;
      await train(name, [file, "--out", `${name}-1`, "--threads", "1"]);
      await train(name, [file, "--out", `${name}-2`, "--threads", "2"], { STOP: stops[name] ?? "" });
      const { batch, row } = positionOf(`${name}-2`);
      expect(batch).toBeGreaterThan(0);
      expect(row).toBeLessThan(96);
      await train(name, ["--resume", `${name}-2`, "--threads", "2"]);
      expect(traces(`${name}-2`)).toEqual(traces(`${name}-1`));
    },
  );

  it("changes what is trained on", async () => {
    await train("without", ["without.ts", "--out", "without"]);
    expect(traces("without").state).not.toBe(traces("plain-1").state);
  });
});

describe.runIf(cpuAvailable().ok)("sampler and workers", () => {
  const parts = (change: Record<string, string>) =>
    experiment(
      { data: "() => ({ train: source, validation: rows(32) })", batchSize: "4", epochs: "2", ...change },
      `import { rowSource, stream, weighted } from "nabla/data";
const source = rowSource({ module: new URL("./made.ts", import.meta.url), length: 60 });
const weights = Array.from({ length: 60 }, (_, row) => (row < 40 ? 0 : 1 + (row % 3)));`,
    );
  beforeAll(() => {
    // Labels say which rows came; of the first forty there is none when their weight is 0.
    space.write(
      "made.ts",
      `import { type RowFunction, toHostArray } from "nabla/data";
export default (): RowFunction => async (row, at) => {
  if (row % 7 === 0) await new Promise((done) => setTimeout(done, 2));
  if (process.env.NEVER && row < Number(process.env.NEVER)) throw new Error("row " + row + " was asked for");
  if (process.env.LATE && at.epoch === 1) throw new Error("no picture");
  return { x: toHostArray([Math.sin(row), Math.cos(2 * row), at.random(), row % 3], "x", false), y: row % 3 };
};`,
    );
    const sampler = "weighted(weights, { count: 56 })";
    space.write("all.ts", parts({}));
    space.write("none.ts", parts({ sampler }));
    space.write("two.ts", parts({ sampler, workers: "2", callbacks: stopping }));
    space.write("memory.ts", parts({ data: "() => ({ train: rows(60) })", workers: "2" }));
    space.write("wrong.ts", parts({ sampler: "[1, 2, 3]" }));
    space.write("stream.ts", parts({ data: "() => ({ train: stream(() => [], { batchSize: 4 }) })" }));
    space.write("half.ts", parts({ workers: "0.5" }));
    space.write("short.ts", parts({ sampler: "weighted([1, 2])" }));
  });

  it("rows are those the sampler draws, with the same bytes for 0 and 2 workers, resumed too", async () => {
    await train("none", ["none.ts", "--out", "none"], { NEVER: "40" });
    await train("two", ["two.ts", "--out", "two"], { NEVER: "40" });
    expect(traces("two")).toEqual(traces("none"));
    expect(positionOf("two").step).toBe(2 * (56 / 4));
    await train("broken", ["two.ts", "--out", "broken"], { STOP: "2" });
    expect(positionOf("broken").batch).toBeGreaterThan(0);
    expect(positionOf("broken").row).toBeLessThan(56);
    await train("broken", ["--resume", "broken"]);
    expect(traces("broken")).toEqual(traces("none"));
  });

  it("a worker's error names the row, and wrong options the file and the field", async () => {
    const failed = async (file: string, env = {}) => {
      const { code, stderr } = await space.run(["train", file, "--quiet", "--out", "failed"], { env });
      expect(code).not.toBe(0);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      return stderr;
    };
    expect(await failed("all.ts", { NEVER: "1" })).toContain("row 0 was asked for");
    expect(await failed("two.ts", { LATE: "1" })).toMatch(/two\.ts: loader: row \d+: no picture/);
    expect(await failed("memory.ts")).toContain("data in memory needs none");
    expect(await failed("wrong.ts")).toContain("wrong.ts: experiment: sampler must be a sampler such as");
    expect(await failed("stream.ts")).toContain("stream.ts: fit: a stream must say how many rows");
    expect(await failed("half.ts")).toContain("workers must be a whole number of at least 0; got 0.5");
    expect(await failed("short.ts")).toContain("weights must be one a row; got 2 for 60 rows");
  });
});
