/** Logs of JSON lines: written soon without being asked to, and begun again where a run goes on. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LineLog, readLines, startLines } from "../../src/files/index.ts";
import { FileError } from "../../src/util/index.ts";
import { emptyFolder, removeFolder } from "./folders.ts";

let dir = "";
beforeEach(async () => {
  dir = await emptyFolder();
});
afterEach(() => removeFolder(dir));

const fail = (error: unknown): void => {
  throw error;
};

it("a line that no other follows is written all the same", async () => {
  const path = join(dir, "alone.jsonl");
  const log = new LineLog(path, fail);
  log.add({ step: 1 });
  await vi.waitFor(() => expect(readFileSync(path, "utf8")).toBe('{"step":1}\n'), { timeout: 30_000 });
  log.add({ step: 2 });
  await log.flush();
  expect(readFileSync(path, "utf8")).toBe('{"step":1}\n{"step":2}\n');
});

it("begins at a step: later lines and damaged ones are left out, and a file that holds neither stays as it is", async () => {
  const path = join(dir, "again.jsonl");
  writeFileSync(path, '{"step":1}\n{"step":2}\n{"step":3}\n');
  const { ino } = statSync(path);
  expect(await startLines(path, 3)).toHaveLength(3);
  expect(statSync(path).ino).toBe(ino);
  expect(await startLines(path, 2)).toEqual([{ step: 1 }, { step: 2 }]);
  expect(readFileSync(path, "utf8")).toBe('{"step":1}\n{"step":2}\n');
  writeFileSync(path, '{"step":1}\n{"ste');
  await startLines(path, 2);
  expect(await readLines(path)).toEqual({ lines: [{ step: 1 }], damaged: 0 });
});

it("says at once where it cannot be written", async () => {
  await expect(startLines(join(dir, "nowhere", "log.jsonl"), 0)).rejects.toThrow(FileError);
});
