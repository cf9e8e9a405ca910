import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ensureFolder,
  ensureRoom,
  ensureWritable,
  FileError,
  fileError,
  readBytes,
  writeFileAtomic,
} from "../../src/io/files.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "nabla-files-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("writeFileAtomic", () => {
  it("writes text and bytes in parts, replaces, and leaves nothing else behind", async () => {
    const path = join(dir, "a");
    await writeFileAtomic(path, "one");
    await writeFileAtomic(path, [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)]);
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
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

  it("keeps the old file when the system refuses the new one's bytes", async () => {
    const path = join(dir, "a");
    await writeFileAtomic(path, "old");
    // A real refusal by the kernel, in a process whose files may have at most 8 blocks.
    const url = pathToFileURL("src/io/files.ts").href;
    const script = `import(${JSON.stringify(url)}).then((io) => io.writeFileAtomic(process.argv[1], new Uint8Array(1e6))).catch((error) => console.log(error.name, error.message))`;
    const run = spawnSync(
      "sh",
      ["-c", 'ulimit -f 8; exec "$@"', "sh", process.execPath, "--import", "tsx", "-e", script, path],
      {
        encoding: "utf8",
        env: { ...process.env, TSX_DISABLE_CACHE: "1" },
      },
    );
    expect(run.stdout).toBe(
      `FileError ${path}: cannot write: the file would be larger than the system allows. Raise the limit (ulimit -f), or choose another folder.\n`,
    );
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(dir)).toEqual(["a"]);
  });
});

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
    else await expect(attempt).rejects.toThrow("permission denied. Choose a folder you may write to.");
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

describe("fileError", () => {
  it("tells each cause with its cure", () => {
    const text = (code: string) =>
      (fileError("write", "/p", Object.assign(new Error(), { code })) as Error).message;
    expect(text("ENOSPC")).toBe(
      "/p: cannot write: the disk is full. Free some space, or choose another folder.",
    );
    expect(text("EROFS")).toBe("/p: cannot write: the file system is read-only. Choose another folder.");
    expect(text("EWHAT")).toBe("/p: cannot write: the system reports EWHAT.");
  });

  it("passes other errors unchanged", async () => {
    const bug = new TypeError("bug");
    expect(fileError("write", "/p", bug)).toBe(bug);
    await expect(readBytes(join(dir, "none"))).rejects.toMatchObject({ name: "FileError", code: "ENOENT" });
  });
});
