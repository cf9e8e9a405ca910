/** Files that are whole or not there, whatever stops the writing. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appendToFile, removeFile, removeUnfinished, writeFileAtomic } from "../../src/files/index.ts";
import { FileError } from "../../src/util/index.ts";
import { inChild, inNewFileSystem, newFileSystems } from "./child.ts";
import { emptyFolder, removeFolder } from "./folders.ts";

let dir = "";
let path = "";
beforeEach(async () => {
  dir = await emptyFolder();
  path = join(dir, "a");
});
afterEach(() => removeFolder(dir));

describe("writeFileAtomic", () => {
  it("writes text and bytes in parts, replaces, and leaves nothing else behind", async () => {
    await writeFileAtomic(path, "one");
    await writeFileAtomic(path, [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)]);
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    await writeFileAtomic(
      path,
      (async function* () {
        yield "a ";
        yield new TextEncoder().encode("stream");
      })(),
    );
    expect(await readFile(path, "utf8")).toBe("a stream");
    expect(await readdir(dir)).toEqual(["a"]);
  });

  it("leaves one of many whole when several write at once", async () => {
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(await readdir(dir)).toEqual(["a"]);
  });

  it("names the path, the cause and a cure", async () => {
    const missing = join(dir, "none", "a");
    await expect(writeFileAtomic(missing, "x")).rejects.toThrow(
      new FileError(`${missing}: cannot write: it does not exist. Check the path.`, "ENOENT"),
    );
    await mkdir(join(dir, "folder"));
    await expect(writeFileAtomic(join(dir, "folder"), "x")).rejects.toThrow("it is a folder, not a file");
    expect(await readdir(dir)).toEqual(["folder"]);
  });

  it("keeps the old file when the parts end in an error, which passes unchanged", async () => {
    await writeFileAtomic(path, "old");
    const bug = new TypeError("bug");
    const parts = (function* () {
      yield "new";
      throw bug;
    })();
    await expect(writeFileAtomic(path, parts)).rejects.toBe(bug);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(dir)).toEqual(["a"]);
  });

  it("keeps the old file when the system refuses the new one's bytes", async () => {
    await writeFileAtomic(path, "old");
    // A real refusal by the kernel, in a process whose files may have at most 8 blocks.
    const told = inChild("write-once.ts", [path, "1000000"], 'ulimit -f 8; exec "$@"');
    expect(told).toMatchObject({
      name: "FileError",
      message: `${path}: cannot write: the file would be larger than the system allows. Raise the limit (ulimit -f), or choose another folder.`,
    });
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(dir)).toEqual(["a"]);
  });

  const onNewDisk: (name: string, test: () => void) => void = newFileSystems
    ? it
    : (name) => console.log(`left out, since this system lets nobody mount: ${name}`);
  onNewDisk("keeps the old file when the disk is full, and writes again when there is room", () => {
    // 128 KiB of disk: the old file of 64 KiB fits, a new one of 96 KiB beside it does not, one of 32 KiB does.
    const [old, tooLarge, small] = inNewFileSystem(dir, "128k", "write-once.ts", [
      path,
      "65536",
      "98304",
      "32768",
    ]);
    expect(old).toEqual({ length: 65536, names: ["a"] });
    expect(tooLarge).toEqual({
      name: "FileError",
      code: "ENOSPC",
      message: `${path}: cannot write: the disk is full. Free some space, or choose another folder.`,
      length: 65536,
      names: ["a"],
    });
    expect(small).toEqual({ length: 32768, names: ["a"] });
  });
});

describe("appendToFile", () => {
  it("makes the file, then adds to it", async () => {
    await appendToFile(path, "one\n");
    await appendToFile(path, Uint8Array.of(50, 10));
    expect(await readFile(path, "utf8")).toBe("one\n2\n");
    await expect(appendToFile(dir, "x")).rejects.toMatchObject({ name: "FileError", code: "EISDIR" });
  });

  it.runIf(process.platform === "linux")("says that a disk is full", async () => {
    await expect(appendToFile("/dev/full", "x")).rejects.toThrow(
      new FileError(
        "/dev/full: cannot write: the disk is full. Free some space, or choose another folder.",
        "ENOSPC",
      ),
    );
  });
});

describe("removeUnfinished", () => {
  it("removes temporary files alone", async () => {
    const kept = [".env.tmp", ".hidden", "a", "b.tmp"];
    for (const name of [...kept, ".01234567-89ab-cdef-0123-456789abcdef.tmp"])
      await writeFile(join(dir, name), "");
    await removeUnfinished(dir);
    expect((await readdir(dir)).sort()).toEqual(kept);
    await removeUnfinished(join(dir, "none"));
  });
});

describe("removeFile", () => {
  it("removes, or says why it cannot", async () => {
    await writeFile(path, "");
    await removeFile(path);
    expect(await readdir(dir)).toEqual([]);
    await expect(removeFile(path)).rejects.toThrow(
      `${path}: cannot remove: it does not exist. Check the path.`,
    );
  });
});
