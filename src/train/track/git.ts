/** The state of the sources a run was started from, where git knows it. */
import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";

export interface GitState {
  readonly revision: string;
  /** Null where no branch is checked out. */
  readonly branch: string | null;
  /** Whether a tracked file differs from the revision. */
  readonly dirty: boolean;
}

/** Null where there is no git, no repository, no commit yet, or no answer in five seconds: a run never fails for it. */
export async function gitState(cwd: string): Promise<GitState | null> {
  const text = await gitStatus(cwd);
  const head = (name: string) => new RegExp(`^# branch\\.${name} (.*)$`, "m").exec(text ?? "")?.[1];
  const [revision, branch = "(detached)"] = [head("oid"), head("head")];
  if (text === null || revision === undefined || revision === "(initial)") return null;
  const dirty = text.split("\n").some((line) => line !== "" && !line.startsWith("#"));
  return { revision, branch: branch === "(detached)" ? null : branch, dirty };
}

/** Has a process come after this one where both want a core. */
function makeWay(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It is over by now, or the system does not allow it: it is only slower then.
  }
}

/**
 * All of it from one process, since starting one from a process with much memory stops that for tens of milliseconds. Without
 * optional locks: another git at work in the same folder is not disturbed.
 */
function gitStatus(cwd: string): Promise<string | null> {
  const args = ["--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no"];
  return new Promise((resolve) => {
    const { pid } = execFile("git", args, { cwd, timeout: 5000, maxBuffer: 1 << 26 }, (error, stdout) =>
      resolve(error ? null : stdout),
    );
    // Steps that run on all cores would wait for the one that git has.
    if (pid !== undefined) makeWay(pid);
  });
}
