/** A folder for the files of a test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const emptyFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "nabla-files-"));

export const removeFolder = (path: string): Promise<void> => rm(path, { recursive: true, force: true });
