/** Files read whole within a bound, in parts, and at any place. */
import { spawnSync } from "node:child_process";
import { readdir, readFile, readlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFile, readBytes, readParts, readSource } from "../../src/files/index.ts";
import { FileError } from "../../src/util/index.ts";
import { emptyFolder, removeFolder } from "./folders.ts";

let dir = "";
let path = "";
const content = Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 7) % 251);
beforeEach(async () => {
  dir = await emptyFolder();
  path = join(dir, "file");
  await writeFile(path, content);
});
afterEach(() => removeFolder(dir));

const same = (got: Uint8Array, wanted: Uint8Array) => expect(Buffer.compare(got, wanted)).toBe(0);

describe("readBytes", () => {
  it("gives all bytes, in memory that is no one else's", async () => {
    const bytes = await readBytes(path);
    same(bytes, content);
    expect(bytes.buffer.byteLength).toBe(content.length);
    same(await readBytes(pathToFileURL(path)), content);
    await truncate(path, 0);
    expect((await readBytes(path)).length).toBe(0);
  });

  it("stops at the bound, and before it allocates", async () => {
    same(await readBytes(path, { most: content.length }), content);
    await expect(readBytes(path, { most: content.length - 1 })).rejects.toThrow(
      new FileError(
        `${path}: the file must have at most 3000000 bytes to be read at once; it has 3000001. Read it by parts, or divide it.`,
        "EFBIG",
      ),
    );
    // A file with a hole takes no room on the disk; this one would not fit in any memory.
    await truncate(path, 2 ** 42);
    await expect(readBytes(path)).rejects.toThrow(`it has ${2 ** 42}`);
  });

  it.runIf(process.platform === "linux")(
    "reads what does not say its size, and no more than the bound",
    async () => {
      expect(new TextDecoder().decode(await readBytes("/proc/version"))).toBe(
        await readFile("/proc/version", "utf8"),
      );
      await expect(readBytes("/dev/zero", { most: 100_000 })).rejects.toThrow(
        "/dev/zero: the file must have at most 100000 bytes to be read at once; it has more.",
      );
      const url = pathToFileURL("src/files/index.ts").href;
      const script = `import(${JSON.stringify(url)}).then((files) => files.readBytes("/dev/stdin")).then((bytes) => console.log(bytes.length))`;
      const run = spawnSync(
        "sh",
        ["-c", 'cat "$0" | "$@"', path, process.execPath, "--import", "tsx", "-e", script],
        {
          encoding: "utf8",
        },
      );
      expect(run.stdout).toBe("3000001\n");
    },
  );

  it("says why it cannot", async () => {
    await expect(readBytes(join(dir, "none"))).rejects.toMatchObject({ name: "FileError", code: "ENOENT" });
    await expect(readBytes(dir)).rejects.toThrow(
      "cannot read: it is a folder, not a file. Name a file in it.",
    );
  });
});

describe("readSource", () => {
  it("names what it read", async () => {
    const { name, bytes } = await readSource(path, "the data");
    expect(name).toBe(path);
    same(bytes, content);
    const given = await readSource(content, "the data");
    expect(given.name).toBe("the data");
    expect(given.bytes).toBe(content);
  });
});

describe("readParts", () => {
  it("gives the file in order, and an error that names it", async () => {
    const parts: Uint8Array[] = [];
    for await (const part of readParts(path)) parts.push(part);
    expect(parts.length).toBeGreaterThan(2);
    same(Buffer.concat(parts), content);
    await expect(readParts(join(dir, "none")).next()).rejects.toThrow("none: cannot read: it does not exist");
  });

  it.runIf(process.platform === "linux")("closes the file when the loop is left", async () => {
    const before = await openFiles();
    for await (const part of readParts(path)) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    expect(await openFiles()).toBe(before);
  });
});

describe("openFile", () => {
  it("reads at any place, and fewer bytes at the end", async () => {
    const file = await openFile(path);
    expect(file.size).toBe(content.length);
    const into = new Uint8Array(10);
    expect(await file.read(into, 1_234_567)).toBe(10);
    same(into, content.subarray(1_234_567, 1_234_577));
    expect(await file.read(into, content.length - 3)).toBe(3);
    expect(await file.read(into, content.length + 5)).toBe(0);
    await file.close();
    await expect(openFile(join(dir, "none"))).rejects.toMatchObject({ name: "FileError", code: "ENOENT" });
    const folder = await openFile(dir);
    await expect(folder.read(into, 0)).rejects.toMatchObject({ name: "FileError", code: "EISDIR" });
    await folder.close();
  });
});

/** How many descriptors of the file this process holds. */
async function openFiles(): Promise<number> {
  const links = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return links.filter((link) => link === path).length;
}
