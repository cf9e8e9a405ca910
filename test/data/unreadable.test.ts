/** Files and folders that cannot be read, or are the other of the two: an error that names them, of every reader. */
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import {
  csvChunks,
  fashionMnist,
  imageFiles,
  imageFolder,
  jsonLinesChunks,
  lines,
  loadTokenizer,
  mnist,
  openNpy,
  parquetChunks,
  readCsv,
  readIdx,
  readJsonLines,
  readNpy,
  readNpz,
  readParquet,
  readTable,
} from "nabla/data";
import { loadCheckpoint, loadSafetensors } from "nabla/io";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileError } from "../../src/io/index.ts";
import { DataError } from "../../src/util/index.ts";
import { Folder } from "./workspace.ts";

type Reader = (path: string) => Promise<unknown>;

const all = async (rows: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of rows);
};
const files: Record<string, Reader> = {
  readIdx,
  readNpy,
  readNpz,
  readCsv,
  readJsonLines,
  readParquet,
  readTable,
  loadTokenizer,
  loadSafetensors,
  "openNpy, x": (path) => openNpy({ x: path, y: path }),
  csvChunks: (path) => all(csvChunks(path)),
  jsonLinesChunks: (path) => all(jsonLinesChunks(path)),
  parquetChunks: (path) => all(parquetChunks(path)),
  lines: (path) => all(lines(path)),
  imageFiles: (path) => imageFiles([path], { size: 4 }),
};
const folders: Record<string, Reader> = {
  imageFolder: (path) => imageFolder(path, { size: 4 }),
  "imageFiles of a folder": (path) => imageFiles(path, { size: 4 }),
  mnist: (dir) => mnist({ dir }),
  fashionMnist: (dir) => fashionMnist({ dir }),
  loadCheckpoint,
};

const folder = new Folder();
afterAll(() => folder.remove());
const at = (...parts: string[]) => join(folder.path, ...parts);

/** What a reader throws, as someone whom permissions bind: root is not, and is someone else for as long as it takes. */
async function thrown(read: Reader, path: string): Promise<Error> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65534);
  try {
    await read(path);
  } catch (error) {
    if (error instanceof Error) return error;
  } finally {
    if (root) process.seteuid?.(0);
  }
  throw new Error(`${path} was read.`);
}

async function names(read: Reader, path: string, why: RegExp, named = path): Promise<void> {
  const error = await thrown(read, path);
  expect(error instanceof DataError || error instanceof FileError, String(error.stack)).toBe(true);
  expect(error.message).toContain(named);
  expect(error.message).toMatch(why);
}

beforeAll(async () => {
  chmodSync(folder.path, 0o755);
  const image = await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  folder.write("plain.csv", "no such file");
  folder.write("locked.csv", "a\n1\n");
  chmodSync(at("locked.csv"), 0o000);
  for (const name of ["shut", "folder.csv", "pictures", "pictures/cat", "pictures/dog", "shelf", "shelf/cat"])
    mkdirSync(at(name));
  folder.write("shut/inner.csv", "a\n1\n");
  for (const name of ["pictures/cat/a.png", "pictures/dog/b.png", "shelf/cat/a.png"])
    folder.write(name, image);
  symlinkSync("round.csv", at("round.csv"));
  symlinkSync("nowhere.csv", at("dangling.csv"));
  chmodSync(at("shut"), 0o000);
  // What readers load when they are first used is loaded by someone who may read it.
  for (const read of Object.values(files)) await read(at("plain.csv")).catch(() => undefined);
  for (const read of Object.values(folders)) await read(at("pictures")).catch(() => undefined);
});
afterAll(() => chmodSync(at("shut"), 0o755));

describe.each(Object.entries(files))("%s", (_, read) => {
  it("names a file that it may not read, or that is in such a folder", async () => {
    await names(read, at("locked.csv"), /permission denied|EACCES/);
    await names(read, at("shut", "inner.csv"), /permission denied|EACCES/);
  });

  it("does not take what it may read for such a file", async () => {
    const outcome = await thrown(async (path) => {
      await read(path);
      throw new DataError("was read");
    }, at("plain.csv"));
    expect(outcome.message).not.toMatch(/permission|EACCES/);
  });

  it("names a folder, and a path through a file", async () => {
    await names(read, at("folder.csv"), /folder|EISDIR|directory/);
    await names(read, at("plain.csv", "inner.csv"), /ENOTDIR|not a folder|is a file/);
  });

  it("names links that lead round, or nowhere", async () => {
    await names(read, at("round.csv"), /ELOOP|symbolic links lead to each other/);
    await names(read, at("dangling.csv"), /does not exist|ENOENT/);
  });
});

describe.each(Object.entries(folders))("%s", (_, read) => {
  it("names a folder that it may not read, and a file in its place", async () => {
    await names(read, at("shut"), /permission denied|EACCES/);
    await names(read, at("plain.csv"), /folder|ENOTDIR/);
    await names(read, at("round.csv"), /ELOOP|symbolic links lead to each other/);
    await names(read, at("missing"), /does not exist|ENOENT/);
  });
});

describe("a folder of images", () => {
  const read: Reader = (path) => imageFolder(path, { size: 4, validation: 0 });

  it("is read by someone else, too", async () => {
    const outcome = await thrown(async (path) => {
      const { train } = await imageFolder(path, { size: 4, validation: 0 });
      throw new DataError(`${train.length} rows`);
    }, at("pictures"));
    expect(outcome.message).toBe("2 rows");
  });

  it("names the image, the folder within or the link that cannot be read", async () => {
    chmodSync(at("pictures", "dog", "b.png"), 0o000);
    await names(read, at("pictures"), /permission denied/, at("pictures", "dog", "b.png"));
    mkdirSync(at("pictures", "dog", "more"), 0o000);
    await names(read, at("pictures"), /permission denied/, `${at("pictures", "dog", "more")}:`);
    chmodSync(at("pictures", "dog"), 0o000);
    await names(read, at("pictures"), /permission denied/, `${at("pictures", "dog")}:`);
    chmodSync(at("pictures", "dog"), 0o755);
    symlinkSync("nowhere", at("shelf", "dog"));
    await names(read, at("shelf"), /does not exist/, `${at("shelf", "dog")}:`);
  });

  it("names a folder that is called like an image", async () => {
    for (const name of ["odd", "odd/cat", "odd/cat/b.png"]) mkdirSync(at(name));
    await names(read, at("odd"), /folder/, at("odd", "cat", "b.png"));
  });
});
