/** What a run ran on: the machine, Node, nabla and the versions of the packages it uses. */
import { availableParallelism, cpus, hostname, totalmem } from "node:os";
import { readBytes } from "../../files/index.ts";
import { packageFile } from "../../util/index.ts";
import { type GitState, gitState } from "./git.ts";

export interface Environment {
  readonly nabla: string;
  readonly node: string;
  readonly platform: string;
  readonly host: string;
  readonly cpu: string;
  /** Threads the system offers. */
  readonly threads: number;
  /** Bytes. */
  readonly memory: number;
  /** As in "cpu (avx512, 2 threads)". */
  readonly device: string;
  readonly git: GitState | null;
  /** Versions by package. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** The environment's variables that nabla reads. */
  readonly variables: Readonly<Record<string, string>>;
}

/** `cwd` is where git is asked. */
export async function environment(device: string, cwd: string): Promise<Environment> {
  const [manifest, git] = await Promise.all([readManifest(packageFile("package.json")), gitState(cwd)]);
  return {
    nabla: manifest?.version ?? "unknown",
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    host: hostname(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    memory: totalmem(),
    device,
    git,
    dependencies: await versions(Object.keys(manifest?.dependencies ?? {})),
    variables: Object.fromEntries(
      Object.entries(process.env)
        .filter(([name, value]) => name.startsWith("NABLA_") && value !== undefined && value !== "")
        .map(([name, value]) => [name, String(value)])
        .sort(),
    ),
  };
}

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Null where it is not there. */
async function readManifest(path: URL): Promise<Manifest | null> {
  try {
    return JSON.parse(new TextDecoder().decode(await readBytes(path))) as Manifest;
  } catch {
    return null; // a run is worth more than what is known of a package
  }
}

/** The version of nabla that runs; "unknown" where its package.json is not there. */
export const ownVersion = async (): Promise<string> =>
  (await readManifest(packageFile("package.json")))?.version ?? "unknown";

async function versions(names: readonly string[]): Promise<Record<string, string>> {
  const found = await Promise.all(names.map(async (name) => [name, await versionOf(name)] as const));
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Where Node finds it: in the package's own node_modules, or those of a folder around it. */
async function versionOf(name: string): Promise<string | null> {
  let folder = packageFile("./");
  while (true) {
    const manifest = await readManifest(new URL(`node_modules/${name}/package.json`, folder));
    if (manifest !== null) return manifest.version;
    const above = new URL("../", folder);
    if (above.href === folder.href) return null;
    folder = above;
  }
}
