/** The thread that hashes and writes states: whole buffers come to it and go back, so that nothing is copied. */
import { parentPort } from "node:worker_threads";
import { FileError } from "../util/index.ts";
import { buffersOf, type StateFile, writeState } from "./write-state.ts";

export interface WriteRequest {
  readonly dir: string;
  readonly parts: readonly Uint8Array[];
}

export type WriteReply = { readonly parts: readonly Uint8Array[] } & (
  | { readonly written: StateFile }
  /** Classes do not outlive the way between threads; `code` is that of a FileError. */
  | { readonly written: null; readonly message: string; readonly code: string | null }
);

async function answer({ dir, parts }: WriteRequest): Promise<WriteReply> {
  try {
    return { parts, written: await writeState(dir, parts) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { parts, written: null, message, code: error instanceof FileError ? error.code : null };
  }
}

parentPort?.on("message", async (request: WriteRequest) => {
  const reply = await answer(request);
  parentPort?.postMessage(reply, buffersOf(reply.parts));
});
