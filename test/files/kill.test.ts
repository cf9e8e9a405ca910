/** A process that is killed while it writes leaves a whole file. */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeUnfinished, writeFileAtomic } from "../../src/files/index.ts";
import { startWriter } from "./child.ts";
import { emptyFolder, removeFolder } from "./folders.ts";
import { contentOf, isWhole } from "./writers/whole.ts";

let dir = "";
let path = "";
beforeEach(async () => {
  dir = await emptyFolder();
  path = join(dir, "a");
});
afterEach(() => removeFolder(dir));

/** Starts a writer, waits until it says so, and kills it after some milliseconds. */
async function killed(args: readonly string[], after: number): Promise<void> {
  const writer = startWriter("write-on.ts", args);
  const ended = once(writer, "exit");
  if (writer.stdout === null) throw new Error("the writer has no output");
  await Promise.race([
    once(writer.stdout, "data"),
    ended.then(([code]) => {
      throw new Error(`the writer ended with ${code}`);
    }),
  ]);
  await setTimeout(after);
  writer.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
}

describe("a writer that is killed", () => {
  it("at any moment leaves the old file or the new one", async () => {
    for (const after of [0, 1, 2, 3, 5, 8, 13, 21]) {
      await killed([path], after);
      expect(isWhole(await readFile(path)), `killed after ${after} ms`).toBe(true);
    }
    await removeUnfinished(dir);
    expect(await readdir(dir)).toEqual(["a"]);
  }, 120_000);

  it("in the middle of a file leaves the old one, and a temporary file that can be told and removed", async () => {
    await writeFileAtomic(path, "old");
    await killed([path, "half"], 0);
    expect(await readFile(path, "utf8")).toBe("old");
    const unfinished = (await readdir(dir)).filter((name) => name !== "a");
    expect(unfinished).toHaveLength(1);
    expect(isWhole(await readFile(join(dir, unfinished[0] ?? "")))).toBe(false);
    await removeUnfinished(dir);
    expect(await readdir(dir)).toEqual(["a"]);
  }, 60_000);

  it("is seen by a check that knows halves from wholes", () => {
    const content = contentOf(3);
    expect(isWhole(content)).toBe(true);
    expect(isWhole(content.subarray(0, content.length - 1))).toBe(false);
    content[999_999] = 4;
    expect(isWhole(content)).toBe(false);
  });
});
