/** The system's errors as FileErrors: what was being done, why not, what to do. */
import { describe, expect, it } from "vitest";
import { fileError, readBytes, withFile } from "../../src/files/index.ts";
import { DataError, FileError } from "../../src/util/index.ts";

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

  it("passes other errors unchanged: bugs, and errors of nabla's own", async () => {
    const wrongArgument = Object.assign(new TypeError(), { code: "ERR_INVALID_ARG_TYPE" });
    for (const error of [new TypeError("bug"), wrongArgument, new DataError("a: b."), "text", null]) {
      expect(fileError("write", "/p", error)).toBe(error);
      await expect(withFile("write", "/p", () => Promise.reject(error))).rejects.toBe(error);
    }
  });

  it("takes paths that no file can have", async () => {
    await expect(readBytes("a\0b")).rejects.toThrow(
      new FileError("a\0b: cannot read: a path must hold no null byte.", "ERR_INVALID_ARG_VALUE"),
    );
    await expect(readBytes("x".repeat(5000))).rejects.toThrow("its name is too long. Choose a shorter one.");
  });
});
