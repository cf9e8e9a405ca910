/** Folders: made with their parents, shown to be writable and to have room. */
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ensureFolder,
  ensureRoom,
  ensureWritable,
  newFolder,
  writeFileAtomic,
} from "../../src/files/index.ts";
import { emptyFolder, removeFolder } from "./folders.ts";

let dir = "";
beforeEach(async () => {
  dir = await emptyFolder();
});
afterEach(() => removeFolder(dir));

describe("ensureWritable", () => {
  it("creates the folder and its parents, and leaves it empty", async () => {
    await ensureWritable(join(dir, "a", "b"));
    expect(await readdir(join(dir, "a", "b"))).toEqual([]);
  });

  it("says why it cannot", async () => {
    const path = join(dir, "file");
    await writeFile(path, "");
    await expect(ensureWritable(join(path, "b"))).rejects.toThrow(
      `${join(path, "b")}: cannot create the folder: a part of the path is a file, not a folder. Choose another path.`,
    );
    await expect(ensureWritable(path)).rejects.toThrow(
      "cannot create the folder: a part of the path is a file",
    );
  });

  it("notices a folder without permission (which root has everywhere)", async () => {
    await chmod(dir, 0o500);
    const attempt = ensureWritable(dir);
    if (process.getuid?.() === 0) await attempt;
    else
      await expect(attempt).rejects.toThrow(
        "permission denied. Change its permissions, or choose another path.",
      );
    await chmod(dir, 0o700);
  });
});

describe("ensureFolder", () => {
  it("ends where the system takes no folder, and says so", async () => {
    const nowhere = process.platform === "linux" ? "/proc/nabla/run" : join(dir, "file.txt", "x");
    if (process.platform !== "linux") await writeFileAtomic(join(dir, "file.txt"), "x");
    await expect(ensureFolder(nowhere)).rejects.toThrow(
      /cannot create the folder: .*(does not exist|is a file)/,
    );
    await writeFileAtomic(join(dir, "plain"), "x");
    await expect(ensureFolder(join(dir, "plain"))).rejects.toThrow(/a part of the path is a file/);
  });
});

describe("ensureRoom", () => {
  it("says what is needed and what is free", async () => {
    await ensureRoom(dir, 1000, "a file");
    await expect(ensureRoom(dir, 1e18, "a file")).rejects.toThrow(
      /: the disk must have room for a file of 1000000000000\.0 MB; [\d.]+ MB are free\. Free some space, or choose another folder\.$/,
    );
    await expect(ensureRoom(join(dir, "none"), 1, "a file")).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("newFolder", () => {
  it("is new: one that is there is told by its code", async () => {
    await newFolder(join(dir, "a"));
    expect(await readdir(dir)).toEqual(["a"]);
    await expect(newFolder(join(dir, "a"))).rejects.toMatchObject({ name: "FileError", code: "EEXIST" });
    await expect(newFolder(join(dir, "b", "c"))).rejects.toMatchObject({ name: "FileError", code: "ENOENT" });
  });
});
