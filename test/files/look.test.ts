/** What is at a path, and in a folder. */
import { mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exists, isMissing, listFolder, lookAt } from "../../src/files/index.ts";
import { emptyFolder, removeFolder } from "./folders.ts";

let dir = "";
beforeEach(async () => {
  dir = await emptyFolder();
  await mkdir(join(dir, "b"));
  await writeFile(join(dir, "b", "inner"), "12345");
  await writeFile(join(dir, "a"), "");
  await writeFile(join(dir, "C"), "");
});
afterEach(() => removeFolder(dir));

describe("lookAt", () => {
  it("tells kind, bytes and time", async () => {
    await utimes(join(dir, "b", "inner"), 1e9, 1e9);
    expect(await lookAt(join(dir, "b", "inner"))).toEqual({ kind: "file", bytes: 5, modified: 1e12 });
    expect((await lookAt(dir)).kind).toBe("folder");
    if (process.platform === "linux") expect((await lookAt("/dev/null")).kind).toBe("other");
    await expect(lookAt(join(dir, "none"))).rejects.toThrow("none: cannot read: it does not exist");
  });
});

describe("exists", () => {
  it("is false where nothing is, and an error where that cannot be told", async () => {
    expect(await exists(join(dir, "a"))).toBe(true);
    expect(await exists(dir)).toBe(true);
    expect(await exists(join(dir, "none"))).toBe(false);
    expect(await exists(join(dir, "a", "below a file"))).toBe(false);
    await symlink("loop", join(dir, "loop"));
    const error: unknown = await exists(join(dir, "loop")).catch((error: unknown) => error);
    expect(error).toMatchObject({ name: "FileError", code: "ELOOP" });
    expect(isMissing(error)).toBe(false);
  });
});

describe("listFolder", () => {
  it("gives names in the order of their code units, or paths of all below", async () => {
    expect(await listFolder(dir)).toEqual(["C", "a", "b"]);
    expect(await listFolder(dir, { deep: true })).toEqual(["C", "a", "b", "b/inner"]);
  });

  it("says why it cannot", async () => {
    await expect(listFolder(join(dir, "none"))).rejects.toThrow(
      "none: cannot list the folder: it does not exist. Check the path.",
    );
    await expect(listFolder(join(dir, "a"))).rejects.toMatchObject({ name: "FileError", code: "ENOTDIR" });
  });
});
