/** Loads an experiment file, TypeScript or JavaScript, and says in one line what is wrong with it. */
import { spawnSync } from "node:child_process";
import { relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { exists, lookAt, readBytes } from "../files/index.ts";
import { registerModules } from "../modules/index.ts";
import { defineExperiment, type Experiment } from "../train/index.ts";
import { ConfigError, NablaError } from "../util/index.ts";

/** An experiment file that cannot be used. */
export class ExperimentError extends NablaError {
  override name = "ExperimentError";
}

/** What a path is called in messages: relative where that is shorter. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short !== "" && short.length < path.length ? short : path;
}

/**
 * The experiment a file default-exports.
 *
 * Throws ExperimentError for a missing file, a syntax error (with its line), an import that does not resolve, a missing or wrong
 * default export; an error thrown by the file's own code passes unchanged.
 */
export async function loadExperiment(file: string): Promise<Experiment> {
  const path = resolve(file);
  const name = shortPath(path);
  if (!(await exists(path))) throw new ExperimentError(`${name}: the file does not exist. Check the path.`);
  if ((await lookAt(path)).kind !== "file")
    throw new ExperimentError(`${name}: must be an experiment file; it is a folder.`);
  if (!/\.(ts|mts|js|mjs)$/.test(path)) {
    throw new ExperimentError(`${name}: an experiment must be a .ts, .mts, .js or .mjs file.`);
  }
  await registerModules();
  const exports = await import(pathToFileURL(path).href).catch(async (error: unknown) => {
    throw await translate(error, path, name);
  });
  if (exports.default === undefined) {
    throw new ExperimentError(
      `${name}: must default-export defineExperiment({ ... }); it has no default export.`,
    );
  }
  try {
    return defineExperiment(exports.default);
  } catch (error) {
    throw inFile(error, name);
  }
}

/** The same error, led by the file's name unless it is there already. */
export function inFile(error: unknown, name: string): unknown {
  if (error instanceof NablaError && !error.message.includes(name))
    error.message = `${name}: ${error.message}`;
  return error;
}

async function translate(error: unknown, path: string, name: string): Promise<unknown> {
  if (error instanceof ConfigError) return inFile(error, name);
  if (!(error instanceof Error)) return error;
  const transform = /\n(.+?):(\d+):(\d+): ERROR: (.*)/.exec(error.message); // esbuild's
  if (transform) {
    const [, file = path, line, column, what] = transform;
    return new ExperimentError(
      `${shortPath(resolve(file))}:${line}:${Number(column) + 1}: syntax error: ${what}.`,
    );
  }
  if (error instanceof SyntaxError) {
    const line = await syntaxErrorLine(error, path);
    return new ExperimentError(
      `${name}${line === null ? " (or a file it imports)" : `:${line}`}: syntax error: ${error.message}.`,
    );
  }
  if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") {
    const hint = /Cannot find package/.test(error.message)
      ? " Install it with npm, or check the name."
      : " Check the path.";
    return new ExperimentError(`${name}: ${error.message}.${hint}`);
  }
  return error;
}

/** Node keeps the line of a module's syntax error to itself, unless asked to check the text alone. */
async function syntaxErrorLine(error: SyntaxError, path: string): Promise<string | null> {
  const told = /^(?:file:\/\/)?\/.*?:(\d+)\n/.exec(error.stack ?? "")?.[1];
  if (told !== undefined) return told;
  const check = spawnSync(process.execPath, ["--check", "--input-type=module", "-"], {
    input: await readBytes(path),
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  return /\[stdin\]:(\d+)/.exec(check.stderr)?.[1] ?? null;
}
