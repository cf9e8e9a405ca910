/** Scopes: the part of a program that nodes are made for, so that what a plan's steps cost can be told by part. */

/** The path of a part, as in `layers/0`; of its derivative the path and a prime. Null where nobody said. */
export type Scope = string | null;

let current: Scope = null;

export const currentScope = (): Scope => current;

/** Runs `fn`, whose nodes are made for `scope`. `fn` must be synchronous. */
export function inScope<R>(scope: Scope, fn: () => R): R {
  const before = current;
  current = scope;
  try {
    return fn();
  } finally {
    current = before;
  }
}

const PRIME = "'";

/** That of the derivative of what is in `scope`. */
export const gradientScope = (scope: Scope): Scope => (scope === null ? null : scope + PRIME);

/** The part, and whether it is its derivative. */
export function partOf(scope: string): { readonly path: string; readonly backward: boolean } {
  const path = scope.replace(/'+$/, "");
  return { path, backward: path !== scope };
}
