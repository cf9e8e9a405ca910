/** Code blocks of the documentation, as modules that can be imported. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The TypeScript blocks of a page, indentation and all. */
export function blocks(page: string): string[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] as string);
}

/** Imports a block. One that starts with `// some/path.ts` has its relative imports resolved from there. */
export function load(name: string, code: string): Promise<Record<string, unknown>> {
  const place = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1];
  const absolute = (path: string) => resolve(root, dirname(place ?? ""), path);
  const resolved = code.replaceAll(
    /from "(\.[^"]*)"/g,
    (_, path: string) => `from ${JSON.stringify(absolute(path))}`,
  );
  const folder = join(root, "build", "docs");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, resolved);
  return import(/* @vite-ignore */ pathToFileURL(file).href);
}
