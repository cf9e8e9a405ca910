/** The system's file errors in one line each: what was being done, why it failed, and the cure. */
import { FileError, NablaError } from "../util/index.ts";

const causes: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full. Free some space, or choose another folder",
  EDQUOT: "the disk quota is used up. Free some space, or choose another folder",
  EFBIG:
    "the file would be larger than the system allows. Raise the limit (ulimit -f), or choose another folder",
  EACCES: "permission denied. Change its permissions, or choose another path",
  EPERM: "the operation is not permitted. Change its permissions, or choose another path",
  EROFS: "the file system is read-only. Choose another folder",
  ENOTDIR: "a part of the path is a file, not a folder. Choose another path",
  EISDIR: "it is a folder, not a file. Name a file in it",
  ENOENT: "it does not exist. Check the path",
  EEXIST: "it exists already. Choose another path",
  ENAMETOOLONG: "its name is too long. Choose a shorter one",
  ELOOP: "its symbolic links lead to each other. Mend them, or choose another path",
  EMFILE: "too many files are open. Raise the limit (ulimit -n)",
  EIO: "the disk reports an error. Check it, or choose another folder",
};

/** An error of node:fs as a FileError that says what was being done, why it failed and what to do; others pass unchanged. */
export function fileError(doing: string, path: string, error: unknown): unknown {
  if (error instanceof NablaError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ERR_INVALID_ARG_VALUE")
    return new FileError(`${path}: cannot ${doing}: a path must hold no null byte.`, code);
  // Node's own mistakes have codes too, as ERR_INVALID_ARG_TYPE: bugs, not file trouble.
  if (code === undefined || code.startsWith("ERR_")) return error;
  return new FileError(`${path}: cannot ${doing}: ${causes[code] ?? `the system reports ${code}`}.`, code);
}

/** Runs `action`, translating its file-system errors. */
export async function withFile<T>(doing: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw fileError(doing, path, error);
  }
}
