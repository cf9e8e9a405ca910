/** The bytes of a file, whole or piece by piece, with errors that name it. */
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { DataError } from "../../util/index.ts";

/** A path, or the bytes themselves. */
export type FileInput = string | Uint8Array;

/** What errors call it. */
export const inputName = (input: FileInput): string => (typeof input === "string" ? input : "the bytes");

const causes: Readonly<Record<string, string>> = {
  ENOENT: "the file does not exist. Check the path.",
  ENOTDIR: "a part of the path is a file, not a folder. Check the path.",
  EACCES: "there is no permission to read the file.",
  EISDIR: "must be a file; it is a folder.",
};

/** An error of the file system as a DataError; others pass unchanged. */
export function fileTrouble(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const code = "code" in error ? String(error.code) : error.message;
  return new DataError(`${path}: ${causes[code] ?? `the file cannot be read (${code}).`}`);
}

/** Its size in bytes. Throws DataError where it is no plain file: a folder has no bytes, and a device may never end. */
export async function fileSize(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
    throw new DataError(
      `${path}: ${found.isDirectory() ? causes.EISDIR : "must be a plain file; it is a device or a pipe."}`,
    );
  } catch (error) {
    throw fileTrouble(path, error);
  }
}

/** All bytes. Throws DataError naming the file. */
export async function readAll(input: FileInput): Promise<Uint8Array> {
  if (typeof input !== "string") return input;
  await fileSize(input);
  try {
    return await readFile(input);
  } catch (error) {
    throw fileTrouble(input, error);
  }
}

const pieceSize = 1 << 20;

/** The bytes in pieces of a megabyte. Throws as `readAll`. */
export async function* pieces(input: FileInput): AsyncGenerator<Uint8Array> {
  if (typeof input !== "string") {
    for (let at = 0; at < input.length; at += pieceSize) yield input.subarray(at, at + pieceSize);
    return;
  }
  await fileSize(input);
  try {
    for await (const piece of createReadStream(input, { highWaterMark: pieceSize })) yield piece as Buffer;
  } catch (error) {
    throw fileTrouble(input, error);
  }
}

/** The first bytes. Throws as `readAll`. */
export async function firstBytes(input: FileInput, count: number): Promise<Uint8Array> {
  if (typeof input !== "string") return input.subarray(0, count);
  await fileSize(input);
  try {
    const file = await open(input);
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileTrouble(input, error);
  }
}
