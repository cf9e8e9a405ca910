/** A folder that one process at a time may write to: a file in it says which. */
import { randomUUID } from "node:crypto";
import { link, rename, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../util/index.ts";
import { withFile } from "./error.ts";
import { isMissing } from "./look.ts";
import { readBytes } from "./read.ts";
import { writeFileAtomic } from "./write.ts";

/** A process, told from later ones that get its number. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** What the system says of its start, boot included; null where it does not say. Only ever compared for equality. */
  readonly started: string | null;
}

export interface Lock {
  /** Lets others have the folder; does nothing a second time. */
  release(): Promise<void>;
}

const lockName = "lock.json";

/**
 * Takes a folder for this process. The lock of a process that is gone is taken over: one whose number no process of this host has, or one
 * that started at another time.
 *
 * @throws ConfigError naming the process that has it; FileError where the lock cannot be written
 * @example const lock = await lockFolder("runs/a", "this run");
 */
export async function lockFolder(folder: string, what: string): Promise<Lock> {
  const path = join(folder, lockName);
  const me: Owner = { pid: process.pid, host: hostname(), started: await startOf(process.pid) };
  const text = `${JSON.stringify({ ...me, key: randomUUID() })}\n`;
  for (;;) {
    if (await create(folder, path, text)) break;
    const found = await contentOf(path);
    if (found === null) continue; // let go meanwhile
    const owner = ownerIn(found);
    if (owner !== null && (await lives(owner))) {
      throw new ConfigError(
        `${folder}: ${what} is in use by process ${owner.pid} on ${owner.host}. Wait for it or stop it; if it is gone, delete ${path}.`,
      );
    }
    await takeAway(path, found);
  }
  return {
    async release() {
      if ((await contentOf(path)) === text) await unlink(path).catch(() => undefined);
    },
  };
}

/** Whole or not at all, and only where there is none: a link, unlike a rename, replaces nothing. */
async function create(folder: string, path: string, text: string): Promise<boolean> {
  const own = join(folder, `.lock-${randomUUID()}`);
  await writeFileAtomic(own, text);
  try {
    await withFile("lock the folder", path, () => link(own, path));
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await unlink(own).catch(() => undefined);
  }
}

/** Removes a lock that nobody has. Another process may have done so and put its own there: that one goes back. */
async function takeAway(path: string, found: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await withFile("take over the lock", path, () => rename(path, aside));
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  if ((await contentOf(aside)) !== found) await link(aside, path).catch(() => undefined);
  await unlink(aside).catch(() => undefined);
}

async function contentOf(path: string): Promise<string | null> {
  try {
    return new TextDecoder().decode(await readBytes(path, { most: 4096 }));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Null for what is no lock of ours. */
function ownerIn(text: string): Owner | null {
  try {
    const { pid, host, started } = JSON.parse(text);
    const right = Number.isSafeInteger(pid) && pid > 0 && typeof host === "string";
    return right && (started === null || typeof started === "string") ? { pid, host, started } : null;
  } catch {
    return null;
  }
}

/** Of another host it cannot be told. */
async function lives({ pid, host, started }: Owner): Promise<boolean> {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false; // EPERM: it is another user's
  }
  const now = await startOf(pid);
  return started === null || now === null || now === started;
}

/** Linux tells the boot, and the tick of it at which a process started: the clock plays no part. */
async function startOf(pid: number): Promise<string | null> {
  const read = async (path: string) => new TextDecoder().decode(await readBytes(path, { most: 65_536 }));
  try {
    const [boot, stat] = [await read("/proc/sys/kernel/random/boot_id"), await read(`/proc/${pid}/stat`)];
    // The second field is a name in parentheses, which may hold anything; the start is the 22nd.
    const tick = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return tick === undefined ? null : `${boot.trim()} ${tick}`;
  } catch {
    return null;
  }
}
