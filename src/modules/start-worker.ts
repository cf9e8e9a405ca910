/** Starts a worker thread whose program is a module of this package, from source or built. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

const fromSource = import.meta.url.endsWith(".ts");

/** `path` from src, without its ending; it is an entry of scripts/bundle.mjs. */
export function startWorker(path: string, options: WorkerOptions): Worker {
  const program = new URL(`../${path}.${fromSource ? "ts" : "js"}`, import.meta.url);
  if (!fromSource) return new Worker(program, options);
  // tsx has to be there before the program is read. `require` finds its CommonJS file; the one beside it works from another thread.
  const found = pathToFileURL(createRequire(import.meta.url).resolve("tsx/esm/api"));
  const tsx = new URL("index.mjs", found).href;
  const code = `import(${JSON.stringify(tsx)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(program.href)});
  });`;
  return new Worker(code, { ...options, eval: true });
}
