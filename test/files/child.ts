/** Writers in processes of their own, with less disk than this one has, or to be killed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const command = (script: string, args: readonly string[]): [string, ...string[]] => [
  process.execPath,
  "--import",
  "tsx",
  fileURLToPath(new URL(`writers/${script}`, import.meta.url)),
  ...args,
];

/** What a script prints, line by line as JSON; the first line alone where there is one. `shell` runs it by "$@". */
export function inChild(script: string, args: readonly string[], shell = 'exec "$@"'): unknown {
  const lines = run(["sh", "-c", shell, "sh", ...command(script, args)]);
  return lines[0];
}

const unshared =
  process.getuid?.() === 0 ? ["unshare", "--mount"] : ["unshare", "--mount", "--map-root-user"];

/** Whether this process may give a child a file system of its own. */
export const newFileSystems =
  spawnSync("unshare", [...unshared.slice(1), "mount", "-t", "tmpfs", "-o", "size=64k", "nabla", "/mnt"])
    .status === 0;

/** The same in a process that sees a new, empty file system of `size` at `path`; it is gone with the process. */
export const inNewFileSystem = (
  path: string,
  size: string,
  script: string,
  args: readonly string[],
): unknown[] =>
  run([
    ...unshared,
    "sh",
    "-c",
    `mount -t tmpfs -o size=${size} nabla "$0" && exec "$@"`,
    path,
    ...command(script, args),
  ]);

function run([program = "", ...args]: readonly string[]): unknown[] {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

/** A writer that goes on until it is killed. */
export const startWriter = (script: string, args: readonly string[]): ChildProcess => {
  const [program, ...rest] = command(script, args);
  return spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
};
