/** One process a folder: the second is told of the first, and who is gone has no lock. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lockFolder } from "../../src/files/index.ts";
import { ConfigError } from "../../src/util/index.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nabla-lock-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const lock = () => lockFolder(dir, "the run");
const put = (owner: object | string) =>
  writeFileSync(join(dir, "lock.json"), typeof owner === "string" ? owner : JSON.stringify(owner));
const own = () => JSON.parse(readFileSync(join(dir, "lock.json"), "utf8"));

it("names the process that has it, until that lets go", async () => {
  const first = await lock();
  await expect(lock()).rejects.toThrow(
    `${dir}: the run is in use by process ${process.pid} on ${hostname()}. Wait for it or stop it; if it is gone, delete ${dir}/lock.json.`,
  );
  await expect(lock()).rejects.toBeInstanceOf(ConfigError);
  await first.release();
  expect(readdirSync(dir)).toEqual([]);
  const second = await lock();
  await first.release(); // it is no longer its own
  expect(readdirSync(dir)).toEqual(["lock.json"]);
  await second.release();
});

it("takes over what a process left that is gone, or whose number another has now", async () => {
  put({ pid: 2 ** 30, host: hostname(), started: null });
  await lock();
  const { started, pid } = own();
  expect(pid).toBe(process.pid);
  if (started !== null) {
    put({ pid, host: hostname(), started: "another start" });
    await lock();
    expect(own().started).toBe(started);
  }
  expect(readdirSync(dir)).toEqual(["lock.json"]);
});

it("takes over what is no lock, and leaves another host's alone", async () => {
  for (const text of ["", "{", "null", '{"pid":-1,"host":"x","started":null}', "[]"]) {
    put(text);
    await (await lock()).release();
  }
  put({ pid: 1, host: "elsewhere.example", started: null });
  await expect(lock()).rejects.toThrow("in use by process 1 on elsewhere.example");
});

it("goes to one of many that ask at once, over a lock that is stale", async () => {
  put({ pid: 2 ** 30, host: hostname(), started: null });
  const results = await Promise.allSettled(Array.from({ length: 8 }, lock));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});
