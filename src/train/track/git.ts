/** The state of the sources a run was started from, where git knows it. */
import { execFile } from "node:child_process";

export interface GitState {
  readonly revision: string;
  /** Null where no branch is checked out. */
  readonly branch: string | null;
  /** Whether a tracked file differs from the revision. */
  readonly dirty: boolean;
}

/** Null where there is no git, no repository, no commit yet, or no answer in five seconds: a run never fails for it. */
export async function gitState(cwd: string): Promise<GitState | null> {
  const revision = await git(cwd, "rev-parse", "--verify", "HEAD");
  if (revision === null) return null;
  const [branch, changes] = await Promise.all([
    git(cwd, "symbolic-ref", "--quiet", "--short", "HEAD"),
    git(cwd, "status", "--porcelain", "--untracked-files=no"),
  ]);
  return { revision, branch, dirty: changes !== "" };
}

/** Without optional locks: another git at work in the same folder is not disturbed. */
function git(cwd: string, ...args: string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const options = {
      cwd,
      timeout: 5000,
      maxBuffer: 1 << 26,
      env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" },
    };
    execFile("git", args, options, (error, stdout) => resolve(error ? null : stdout.trim()));
  });
}
