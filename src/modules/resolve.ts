/**
 * Module resolution for users' files: `nabla` and `nabla/...` are this very package, so that their tensors and the command
 * line's are of one kind wherever the file lies, and a TypeScript file is an ES module whatever package.json is near it.
 */

/** Public subpaths, as in package.json. */
const subpaths = ["nn", "optim", "data", "metrics", "train", "trust", "doctor", "io", "testing"];

/** This package's own file for `nabla` or `nabla/nn`; null for anything else. */
export function ownModule(specifier: string): string | null {
  const [name, subpath, ...rest] = specifier.split("/");
  if (name !== "nabla" || rest.length > 0 || (subpath !== undefined && !subpaths.includes(subpath)))
    return null;
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"; // from source under tsx, or built
  return new URL(`../${subpath === undefined ? "" : `${subpath}/`}index.${extension}`, import.meta.url).href;
}

export interface Resolved {
  url: string;
  format?: string | null;
}

/** Files outside node_modules with these endings are ES modules. */
export function asModule<R extends Resolved>(resolved: R): R {
  const { pathname } = new URL(resolved.url, "file:///");
  const isOwn = resolved.url.startsWith("file:") && !pathname.includes("/node_modules/");
  return isOwn && /\.(ts|tsx|js|jsx)$/.test(pathname) ? { ...resolved, format: "module" } : resolved;
}

/** A hook within the thread. */
export type Resolve = (
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => Resolved,
) => Resolved & { shortCircuit?: boolean };

type Next = (specifier: string, context?: unknown) => Resolved | Promise<Resolved>;

/** The hook of `module.register`, where there are no hooks within the thread (Node 20). */
export async function resolve(
  specifier: string,
  context: unknown,
  next: Next,
): Promise<Resolved & { shortCircuit?: boolean }> {
  const url = ownModule(specifier);
  return url === null
    ? asModule(await next(specifier, context))
    : { url, format: "module", shortCircuit: true };
}
