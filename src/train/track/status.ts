/** Whether a run is under way, done, interrupted or failed: what its process wrote, and whether that process still lives. */
import { hostname } from "node:os";
import { z } from "zod";
import { isMissing, readBytes, writeFileAtomic } from "../../files/index.ts";

export type RunStatus = "running" | "done" | "interrupted" | "failed";

const schema = z.object({
  status: z.enum(["running", "done", "interrupted", "failed"]),
  /** Why it ended early, or the error; null where all epochs are done. */
  reason: z.string().nullable(),
  started: z.string(),
  ended: z.string().nullable(),
  process: z.object({ pid: z.int(), host: z.string(), birth: z.string().nullable() }),
});

export type StatusRecord = z.infer<typeof schema>;

/** @throws FileError */
export async function writeStatus(
  path: string,
  status: RunStatus,
  reason: string | null,
  started: string,
): Promise<void> {
  // A clock that was set back meanwhile must not end a run before it began.
  const now = Math.max(Date.now(), Date.parse(started));
  const ended = status === "running" ? null : new Date(now).toISOString();
  const own = { pid: process.pid, host: hostname(), birth: await birthOf(process.pid) };
  await writeFileAtomic(
    path,
    `${JSON.stringify({ status, reason, started, ended, process: own }, null, 2)}\n`,
  );
}

/** Null where nothing says; throws SyntaxError, ZodError or FileError for a damaged file. */
export async function readStatus(path: string): Promise<StatusRecord | null> {
  let text: string;
  try {
    text = new TextDecoder().decode(await readBytes(path, { most: 1 << 20 }));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  const record = schema.parse(JSON.parse(text));
  if (record.status !== "running" || (await lives(record.process))) return record;
  return { ...record, status: "interrupted", reason: "its process ended without a word" };
}

/** Of another machine's process nothing is known: it is believed. A number may be used again: the time of birth tells them apart. */
async function lives({ pid, host, birth }: StatusRecord["process"]): Promise<boolean> {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return birth === (await birthOf(pid));
}

/** In clock ticks since the system started, as Linux tells (proc(5), field 22 of stat); null elsewhere. */
async function birthOf(pid: number): Promise<string | null> {
  if (process.platform !== "linux") return null;
  try {
    const text = new TextDecoder().decode(await readBytes(`/proc/${pid}/stat`));
    // The second field, a name in brackets, may have spaces.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
