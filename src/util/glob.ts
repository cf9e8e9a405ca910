/** Patterns of paths: `*` is within a part, `**` any parts, none included. */

/**
 * Whether a path, or one that leads to it, matches: "layers/0" and "layers/*" take all that is below.
 * @example pathMatcher("**\/bias")("layers/0/bias") // true
 */
export function pathMatcher(pattern: string): (path: string) => boolean {
  const parts = pattern.split("/").map((part) => (part === "**" ? "**" : within(part)));
  return (path) => matches(parts, path === "" ? [] : path.split("/"));
}

/** One part of a path: `*` for any letters, `?` for one. */
function within(part: string): RegExp {
  const text = part
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${text}$`);
}

function matches(pattern: readonly ("**" | RegExp)[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return true; // what is left lies below
  if (first === "**") {
    return path.some((_, at) => matches(rest, path.slice(at))) || rest.length === 0;
  }
  return path.length > 0 && first.test(path[0] as string) && matches(rest, path.slice(1));
}
