/** Runs of the command line that are stopped, killed, locked out or let down by a callback. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());
beforeAll(() => {
  space.write(
    "long.ts",
    experiment({
      epochs: "4000",
      data: "() => ({ train: rows(4000), validation: rows(32) })",
      batchSize: "7",
    }),
  );
});

/** Once stderr has said it. */
const said = (child: ChildProcess, text: RegExp): Promise<void> =>
  new Promise((resolve) => {
    child.stderr?.on("data", (chunk) => {
      if (text.test(String(chunk))) resolve();
    });
  });

/** Once the run's second epoch is there. */
const underWay = (child: ChildProcess): Promise<void> => said(child, /epoch +2\//);

/** A state of a megabyte, which a thread of its own writes. */
const wide = (change: Record<string, string> = {}): string =>
  experiment({
    epochs: "40000",
    data: "() => ({ train: rows(400), validation: rows(32) })",
    model: "() => new Sequential(new Linear(4, 10_000), relu, new Linear(10_000, 3))",
    ...change,
  });

/** What the manifest in force of a run says. */
const inForce = (run: string) =>
  JSON.parse(readFileSync(space.path(run, "checkpoint", "manifest.json"), "utf8"));

it("SIGTERM saves and exits 143; meanwhile a second process is told which has the folder", async () => {
  const child = space.start(["train", "long.ts", "--out", "one"]);
  const end = ended(child);
  await underWay(child);
  const second = await space.run(["train", "--resume", "one"]);
  expect(second.code).not.toBe(0);
  expect(second.stderr).toContain(`is in use by process ${child.pid} on `);
  child.kill("SIGTERM");
  const { code, stderr } = await end;
  expect(code).toBe(143);
  expect(stderr).toContain("Go on with: nabla train --resume one");
  expect(existsSync(space.path("one", "lock.json"))).toBe(false);
  expect((await space.run(["evaluate", "one", "--quiet"])).code).toBe(0);
});

it("a killed run leaves a lock that is taken over, and a damaged checkpoint is passed over with a word", async () => {
  space.write("short.ts", experiment({ epochs: "3" }));
  expect((await space.run(["train", "short.ts", "--out", "two", "--quiet"])).code).toBe(0);
  expect((await space.run(["train", "--resume", "two", "--epochs", "4", "--quiet"])).code).toBe(0);
  const dir = space.path("two", "checkpoint");
  const { file } = JSON.parse(readFileSync(`${dir}/manifest.json`, "utf8"));
  truncateSync(`${dir}/${file}`, 100);
  expect(readdirSync(dir).filter((name) => name.endsWith(".safetensors"))).toHaveLength(2);
  space.write("two/lock.json", JSON.stringify({ pid: 2 ** 30, host: "x", started: null }));
  const locked = await space.run(["train", "--resume", "two", "--epochs", "5", "--quiet"]);
  expect(locked.stderr).toContain("the run is in use by process 1073741824 on x.");
  const { hostname } = await import("node:os");
  space.write("two/lock.json", JSON.stringify({ pid: 2 ** 30, host: hostname(), started: null }));
  const { code, stderr } = await space.run(["train", "--resume", "two", "--epochs", "5", "--quiet"]);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^nabla: warning: .*got 100 \(truncated\)\. .*manifest-\d+\.json of before it is whole/,
  );
});

it("an exception in a callback is named with its place, and what was reached is saved", async () => {
  const callback = `{ name: "mine", epochEnd: ({ record }) => { if (record.epoch === 2) throw new RangeError("too far"); } }`;
  space.write("throws.ts", experiment({ callbacks: `[${callback}]` }));
  const { code, stderr } = await space.run(["train", "throws.ts", "--out", "three", "--quiet"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^nabla: throws\.ts: mine at epochEnd: RangeError: too far What was saved before is whole: nabla train --resume three \(\S*throws\.ts:\d+\)\n$/,
  );
  expect(inForce("three").data.position.epoch).toBe(2);
});

it("a second Ctrl-C ends at once with 130 and leaves the checkpoint of before whole", async () => {
  // A callback that takes its time at the end keeps the last save from being made.
  const callback = `{ stop: () => process.env.SLOW && new Promise((done) => setTimeout(done, 600_000)) }`;
  space.write("slow.ts", wide({ callbacks: `[${callback}]` }));
  expect((await space.run(["train", "slow.ts", "--out", "four", "--epochs", "1", "--quiet"])).code).toBe(0);
  const before = inForce("four");
  const more = ["train", "--resume", "four", "--epochs", "40000"];
  const child = space.start(more, { env: { SLOW: "1" } });
  const end = ended(child);
  await underWay(child);
  const heard = said(child, /once more to end at once/);
  child.kill("SIGINT");
  await heard;
  await setTimeout(600); // a second within half of one is the same key press, passed on
  child.kill("SIGINT");
  expect((await end).code).toBe(130);
  expect(inForce("four").data.position.step).toBeGreaterThanOrEqual(before.data.position.step);
  expect(await space.run(["evaluate", "four", "--quiet"])).toMatchObject({ code: 0, stderr: "" });
});

it.runIf(process.platform === "linux")(
  "a disk that is full for a while: training goes on, the checkpoint of before stays, and the last save is whole",
  async () => {
    space.write("wide.ts", wide());
    expect((await space.run(["train", "wide.ts", "--out", "five", "--epochs", "1", "--quiet"])).code).toBe(0);
    const before = inForce("five");
    const child = space.start(["train", "--resume", "five", "--epochs", "40000"]);
    const end = ended(child);
    await underWay(child);
    // The kernel itself refuses what a state takes, as a full disk would.
    const limit = (bytes: string) =>
      execFileSync("prlimit", ["--pid", String(child.pid), `--fsize=${bytes}:`]);
    const warned = said(child, /checkpoint\/state-.*larger than the system allows.* \(training goes on\)/);
    limit("500000");
    await warned;
    expect(inForce("five")).toEqual(before);
    expect(readdirSync(space.path("five", "checkpoint")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    limit("unlimited");
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain("Go on with: nabla train --resume five");
    expect(inForce("five").data.position.epoch).toBeGreaterThan(before.data.position.epoch);
    expect((await space.run(["evaluate", "five", "--quiet"])).code).toBe(0);
  },
);
