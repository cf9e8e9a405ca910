/** scope: a block whose tensors are freed at its end, all but those it returns. */
import { ConfigError, flattenTree } from "../../util/index.ts";
import { type Storage, storageOf, withScope } from "../runtime/index.ts";
import { Tensor } from "./tensor.ts";

/**
 * Runs `body` and frees the memory of every tensor realised inside, except those in the tree it returns.
 * Ordinary code needs no scope: intermediates have no memory of their own and the rest is collected; a scope frees at once.
 * @throws ConfigError when `body` is async: what runs between its awaits is not its own.
 * @example const loss = scope(() => step(batch).loss);
 */
export function scope<R>(body: () => R): R {
  return withScope(body, (result) => {
    if (result instanceof Promise)
      throw new ConfigError("scope: the body must not be async. Await outside of it.");
    const kept: Storage[] = [];
    for (const leaf of flattenTree(result).leaves) {
      const storage = leaf instanceof Tensor ? storageOf(leaf.node) : null;
      if (storage !== null) kept.push(storage);
    }
    return kept;
  });
}
