/** Which parameters a link is about: by a function, or by patterns of paths that must match something. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, nearest, pathMatcher } from "../../util/index.ts";
import { mapTensors, type TensorTree } from "../optimizer.ts";

/** Which parameters take part, by path (as in `layers/0/weight`) and value. */
export type Mask = (path: string, parameter: Tensor) => boolean;

/**
 * A function, or patterns of which one must match: `*` stands within a part of a path, `**` for any number of parts, and what is below
 * is taken too. A pattern after `!` takes parameters out: `"!**\/bias"` is all but the biases.
 */
export type Which = Mask | string | readonly string[];

export interface Picker {
  readonly takes: Mask;
  /** Throws ConfigError, naming the nearest, for a pattern that matches none of the parameters. */
  check(params: TensorTree): void;
}

export const everything: Mask = () => true;

/** Throws ConfigError, naming `op`, for what is neither a function nor patterns. */
export function picker(op: string, which: Which = everything): Picker {
  if (typeof which === "function") return { takes: which, check: () => undefined };
  const patterns = typeof which === "string" ? [which] : which;
  if (!Array.isArray(patterns) || patterns.length === 0 || patterns.some((one) => typeof one !== "string")) {
    throw new ConfigError(`${op}: a mask must be a function, a pattern or patterns; got ${String(which)}.`);
  }
  const plain = (pattern: string) => pattern.replace(/^!/, "");
  const matchers = (out: boolean) =>
    patterns.filter((one) => one.startsWith("!") === out).map((one) => pathMatcher(plain(one)));
  const [inside, outside] = [matchers(false), matchers(true)];
  return {
    takes: (path) =>
      (inside.length === 0 || inside.some((takes) => takes(path))) && !outside.some((takes) => takes(path)),
    check(params) {
      for (const pattern of patterns) checkPattern(op, plain(pattern), flattenTree(params).paths);
    },
  };
}

/** Throws ConfigError, with the parameters there are and the nearest, for a pattern that matches none of the paths. */
export function checkPattern(op: string, pattern: string, paths: readonly string[]): void {
  if (paths.some(pathMatcher(pattern))) return;
  const words = pattern.replace(/^(\*\*\/)+|(\/\*\*)+$/g, "");
  const best = nearest(words, [...new Set(paths.flatMap(piecesOf))]);
  const hint = best === null ? "" : ` Did you mean "${pattern.replace(words, best)}"?`;
  throw new ConfigError(`${op}: "${pattern}" must match a parameter; there are ${listed(paths)}.${hint}`);
}

/** Every run of parts of a path: a/b/c, a/b, b/c, a, b, c. */
function piecesOf(path: string): string[] {
  const parts = path.split("/");
  return parts.flatMap((_, from) =>
    parts.slice(from).map((_, more) => parts.slice(from, from + more + 1).join("/")),
  );
}

const MOST_LISTED = 8;
/** Names in quotes, the first few of many. */
export function listed(names: readonly string[]): string {
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : "";
  return (
    names
      .slice(0, MOST_LISTED)
      .map((name) => `"${name}"`)
      .join(", ") + more
  );
}

/** Maps those leaves of `updates` whose parameters the mask takes; the others stay. */
export function mapTaken<P extends TensorTree>(
  op: string,
  takes: Mask,
  map: (update: Tensor, parameter: Tensor) => Tensor,
  updates: P,
  params: TensorTree,
): P {
  const { paths } = flattenTree(params);
  let at = 0;
  return mapTensors(
    op,
    (u, p) => (takes(paths[at++] as string, p as Tensor) ? map(u, p as Tensor) : u),
    updates,
    params,
  );
}
