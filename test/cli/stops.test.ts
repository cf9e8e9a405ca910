/** Runs of the command line that are stopped, killed, locked out or let down by a callback. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, truncateSync } from "node:fs";
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

/** Once the run's second epoch is there. */
const underWay = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.stderr?.on("data", (chunk) => {
      if (String(chunk).includes("epoch    2/")) resolve();
    });
  });

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
  const { data } = JSON.parse(readFileSync(space.path("three", "checkpoint", "manifest.json"), "utf8"));
  expect(data.position.epoch).toBe(2);
});
