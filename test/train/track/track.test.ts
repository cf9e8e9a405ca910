/** A run's folder: every file says what happened, also of runs that go on, fail, or lose their disk. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordRun, track } from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { gitState } from "../../../src/train/track/git.ts";
import { readStatus } from "../../../src/train/track/status.ts";
import { make, rows } from "../trainer-parts.ts";

const root = mkdtempSync(join(tmpdir(), "nabla-track-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const read = (...path: string[]): string => readFileSync(join(root, ...path), "utf8");
const lines = (...path: string[]) =>
  read(...path)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("track", () => {
  it("keeps config, environment, plan, history, steps, status and summary", async () => {
    const trainer = make({ callbacks: [track(join(root, "whole"), { every: 2, config: { width: 8 } })] });
    await trainer.fit(rows(96), { epochs: 3, batchSize: 20, validation: rows(32, 5) });
    expect(JSON.parse(read("whole", "config.json"))).toMatchObject({
      name: "whole",
      epochs: 3,
      batchSize: 20,
      rows: 96,
      parameters: 67,
      width: 8,
    });
    const environment = JSON.parse(read("whole", "environment.json"));
    const version = (path: string) =>
      JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")).version;
    expect(environment).toMatchObject({ nabla: version("package.json"), node: process.version });
    expect(environment.dependencies.zod).toBe(version("node_modules/zod/package.json"));
    expect(lines("whole", "history.jsonl")).toEqual(trainer.history);
    expect(JSON.parse(read("whole", "summary.json"))).toMatchObject({
      epochs: 3,
      train: trainer.history[2]?.train,
      validation: trainer.history[2]?.validation,
    });
    const plan = read("whole", "plan.txt");
    expect(plan).toMatch(/^67 parameters/);
    expect(plan).toMatch(/gemm/);
    expect(JSON.parse(read("whole", "status.json"))).toMatchObject({ status: "done", reason: null });
  });

  it("of the steps gives means over all of them: weighted by rows they are the epoch's", async () => {
    const dir = join(root, "steps");
    const trainer = make({ callbacks: [recordRun(dir, { every: 1 })] });
    await trainer.fit(rows(96), { epochs: 1, batchSize: 20 });
    const steps = lines("steps", "steps.jsonl");
    expect(steps.at(-1)).toMatchObject({ step: 5, epoch: 1, hyperparameters: { learningRate: 0.01 } });
    let done = 0;
    let sum = 0;
    for (const { step, train } of steps) {
      const upTo = Math.min(96, 20 * step);
      sum += train.loss * (upTo - done);
      done = upTo;
    }
    expect(done).toBe(96);
    expect(sum / 96).toBeCloseTo(trainer.history[0]?.train.loss as number, 5);
    expect(steps.every(({ seconds }, i) => i === 0 || seconds >= steps[i - 1].seconds)).toBe(true);
  });

  it("goes on after a resume, without the lines of steps that come again", async () => {
    const dir = join(root, "resumed");
    const first = make({ callbacks: [track(dir, { every: 1 })] });
    await first.fit(rows(96), { epochs: 2, batchSize: 20 });
    await first.save(join(root, "saved"));
    await first.fit(rows(96), { epochs: 1, batchSize: 20 });
    expect(lines("resumed", "steps.jsonl").at(-1).step).toBe(15);
    writeFileSync(join(dir, "steps.jsonl"), `${read("resumed", "steps.jsonl")}{"step": 16, "tr`);
    const second = make({ callbacks: [track(dir, { every: 1 })] });
    await second.resume(join(root, "saved"));
    await second.fit(rows(96), { epochs: 4, batchSize: 20 });
    const steps = lines("resumed", "steps.jsonl").map(({ step }) => step);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(20);
    expect(lines("resumed", "history.jsonl").map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
  });

  it("computes the same with and without", async () => {
    const histories = [];
    for (const callbacks of [[], [track(join(root, "same"), { every: 1 })]]) {
      const trainer = make({ callbacks });
      await trainer.fit(rows(96), { epochs: 2, batchSize: 20, validation: rows(32) });
      histories.push(trainer.history);
    }
    expect(histories[1]).toEqual(histories[0]);
  });

  it("says that and why a run failed or was interrupted", async () => {
    const failing = make({
      callbacks: [
        track(join(root, "failed")),
        {
          epochEnd: () => {
            throw new Error("no more");
          },
        },
      ],
    });
    await expect(failing.fit(rows(96), { epochs: 2 })).rejects.toThrow("no more");
    expect(JSON.parse(read("failed", "status.json"))).toMatchObject({
      status: "failed",
      reason: expect.stringContaining("no more"),
    });
    const controller = new AbortController();
    const stopped = make({
      callbacks: [track(join(root, "stopped")), { epochEnd: () => controller.abort() }],
    });
    await stopped.fit(rows(96), { epochs: 9, signal: controller.signal });
    expect(JSON.parse(read("stopped", "status.json"))).toMatchObject({ status: "interrupted" });
    expect(lines("stopped", "steps.jsonl").at(-1).step).toBe(3);
  });

  it("trains on when the folder is lost on the way, and says so", async () => {
    const dir = join(root, "lost");
    const told: string[] = [];
    const trainer = make({
      callbacks: [
        recordRun(dir, { every: 1, onFailure: (error) => told.push((error as Error).message) }),
        { epochStart: ({ epoch }) => void (epoch === 2 && rmSync(dir, { recursive: true })) },
      ],
    });
    await trainer.fit(rows(96), { epochs: 3, batchSize: 20 });
    expect(trainer.history).toHaveLength(3);
    expect(told.length).toBeGreaterThan(0);
    expect(told.every((text) => text.includes(dir))).toBe(true);
  });

  it("refuses a folder that is a file, and options that do not exist", async () => {
    writeFileSync(join(root, "file"), "");
    const trainer = make({ callbacks: [track(join(root, "file"))] });
    await expect(trainer.fit(rows(96), { epochs: 1 })).rejects.toThrow(/file: cannot create the folder/);
    expect(() => track("x", { every: 1, ...{ evry: 1 } })).toThrow('track: there is no option "evry". Did');
    expect(() => track("x", { every: 0 })).toThrow("track: every must");
  });
});

describe("the status", () => {
  const record = (process_: object) =>
    JSON.stringify({
      status: "running",
      reason: null,
      started: "2026-01-01T00:00:00Z",
      ended: null,
      process: process_,
    });

  it("of a run whose process is gone is interrupted", async () => {
    const path = join(root, "status.json");
    const own = JSON.parse(read("whole", "status.json")).process;
    writeFileSync(path, record(own));
    expect((await readStatus(path))?.status).toBe("running");
    const gone = spawnSync(process.execPath, ["-e", ""]).pid;
    writeFileSync(path, record({ ...own, pid: gone }));
    expect((await readStatus(path))?.status).toBe("interrupted");
  });

  // Elsewhere no process tells when it began.
  it.runIf(process.platform === "linux")("so is one whose number has another process now", async () => {
    const path = join(root, "status.json");
    const own = JSON.parse(read("whole", "status.json")).process;
    writeFileSync(path, record({ ...own, birth: "1" }));
    expect((await readStatus(path))?.status).toBe("interrupted");
  });

  it("is null where there is none", async () => {
    expect(await readStatus(join(root, "none.json"))).toBeNull();
  });
});

describe("the git state", () => {
  const git = (...args: string[]) =>
    spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.c", ...args], { cwd: join(root, "repo") });
  const there = spawnSync("git", ["--version"]).status === 0;

  it.skipIf(!there)("is the revision, the branch, and whether a file was changed", async () => {
    mkdirSync(join(root, "repo"));
    expect(await gitState(join(root, "repo"))).toBeNull();
    git("init", "-q", "-b", "trunk");
    writeFileSync(join(root, "repo", "a"), "1");
    expect(await gitState(join(root, "repo"))).toBeNull();
    git("add", "a");
    git("commit", "-q", "-m", "a");
    const clean = await gitState(join(root, "repo"));
    expect(clean).toEqual({
      revision: expect.stringMatching(/^[0-9a-f]{40}$/),
      branch: "trunk",
      dirty: false,
    });
    writeFileSync(join(root, "repo", "a"), "2");
    expect(await gitState(join(root, "repo"))).toEqual({ ...clean, dirty: true });
    git("checkout", "-q", "--detach");
    expect(await gitState(join(root, "repo"))).toEqual({ ...clean, branch: null, dirty: true });
  });

  it("is null in a folder that does not exist", async () => {
    expect(existsSync(join(root, "nowhere"))).toBe(false);
    expect(await gitState(join(root, "nowhere"))).toBeNull();
  });
});
