/** The nearest right name to a mistyped one, for errors. */

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`: optimal string alignment distance. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(
        (previous[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (previous[j - 1] as number) + cost,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (before[j - 2] as number) + 1);
      }
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] as number;
}

/** The candidate nearest to `name`, ignoring case and hyphens; null when none is near. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  const plain = (text: string) => text.toLowerCase().replace(/[-_ ]/g, "");
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const [a, b] = [plain(name), plain(candidate)];
    // A name that begins or ends another is near however long the rest: lr, rate, batch.
    const partOf = a.length > 2 && (b.startsWith(a) || b.endsWith(a) || a.startsWith(b) || a.endsWith(b));
    const distance = partOf ? Math.min(editDistance(a, b), 2) : editDistance(a, b);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return bestDistance <= Math.max(1, Math.ceil(name.length / 3)) ? best : null;
}

/** ` Did you mean "epochs"?`, or the list of right names when none is near. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const best = nearest(name, candidates);
  return best === null ? ` It must be one of ${candidates.join(", ")}.` : ` Did you mean "${best}"?`;
}
