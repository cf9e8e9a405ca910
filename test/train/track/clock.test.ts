/** A wall clock that is set back and forward while a run is under way: nothing of the run goes by it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Callback, checkpoint, track, writeReport } from "nabla/train";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import { lockFolder } from "../../../src/files/index.ts";
import { Chunks } from "../../../src/train/chunks.ts";
import { make, rows, stateOf } from "../trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-clock-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-06-01T12:00:00Z") });
  vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const times = ["1999-12-31T23:59:59Z", "2099-01-01T00:00:00Z", "1970-01-01T00:00:00Z"];
/** Sets the clock before each step. */
const jumping = (): Callback => {
  let count = 0;
  return { batch: () => void vi.setSystemTime(new Date(times[count++ % times.length] as string)) };
};
const options = { epochs: 2, batchSize: 8, validation: rows(20, 0.3) };

/** All numbers under a name of time, anywhere in a value. */
function durations(value: unknown): number[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, own]) =>
    typeof own === "number" ? (/seconds|time|elapsed/i.test(name) ? [own] : []) : durations(own),
  );
}

it("saves as often, to the same bits, by steps and by seconds", async () => {
  const saved: string[] = [];
  for (const jumps of [false, true]) {
    const folder = join(dir, `steps-${jumps}`);
    const callbacks = [
      ...(jumps ? [jumping()] : []),
      checkpoint(folder, { every: { steps: 3 }, keep: { last: 99 } }),
    ];
    await make({ callbacks }).fit(rows(40), options);
    saved.push(
      readdirSync(folder)
        .filter((name) => name.startsWith("manifest-"))
        .join(),
    );
  }
  expect(saved[1]).toBe(saved[0]);
  const seldom = join(dir, "seldom");
  const hour = checkpoint(seldom, { every: { seconds: 3600 }, keep: { last: 99 } });
  await make({ callbacks: [jumping(), hour] }).fit(rows(40), options);
  // A hundred years on, no hour has passed: only the end is saved.
  expect(readdirSync(seldom).filter((name) => name.startsWith("manifest-"))).toHaveLength(1);
  expect(stateOf(seldom).length).toBeGreaterThan(0);
});

it("keeps what is told of the run in order: no time below 0, no end before the beginning", async () => {
  const folder = join(dir, "tracked");
  const trainer = make({ callbacks: [jumping(), track(folder)] });
  await trainer.fit(rows(40), options);
  await writeReport(folder);
  const { status, started, ended } = JSON.parse(readFileSync(join(folder, "status.json"), "utf8"));
  expect(status).toBe("done");
  expect(Date.parse(ended)).toBeGreaterThanOrEqual(Date.parse(started));
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"));
  const told = durations(lines.map((line) => JSON.parse(line)));
  expect(told.length).toBeGreaterThan(0);
  expect(told.every((seconds) => seconds >= 0)).toBe(true);
  expect(readFileSync(join(folder, "report.html"), "utf8")).not.toMatch(/-\d+(?:\.\d+)? ?(?:s|ms|min|h)\b/);
});

it("does not let a lock go, nor keep one of a process that is gone", async () => {
  const folder = mkdtempSync(join(dir, "lock-"));
  const lock = await lockFolder(folder, "the run");
  vi.setSystemTime(new Date("2099-01-01T00:00:00Z"));
  await expect(lockFolder(folder, "the run")).rejects.toThrow("is in use by process");
  vi.setSystemTime(new Date("1970-01-01T00:00:00Z"));
  await expect(lockFolder(folder, "the run")).rejects.toThrow("is in use by process");
  await lock.release();
  await (await lockFolder(folder, "the run")).release();
});
