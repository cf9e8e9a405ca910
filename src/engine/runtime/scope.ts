/** Scopes: what is realised inside one is freed at its end, unless kept. */

export interface Freeable {
  free(): void;
}

const open: Set<Freeable>[] = [];

/** Called by each new storage. */
export function noteStorage(storage: Freeable): void {
  if (open.length > 0) (open.at(-1) as Set<Freeable>).add(storage);
}

/** Runs `body`; then frees each storage made meanwhile that `keep(result)` does not name. Kept ones pass to the outer scope. */
export function withScope<R>(body: () => R, keep: (result: R) => Iterable<Freeable>): R {
  const mine = new Set<Freeable>();
  open.push(mine);
  let result: R;
  try {
    result = body();
  } catch (error) {
    open.pop();
    for (const storage of mine) storage.free();
    throw error;
  }
  open.pop();
  for (const storage of keep(result)) {
    if (mine.delete(storage)) noteStorage(storage);
  }
  for (const storage of mine) storage.free();
  return result;
}
