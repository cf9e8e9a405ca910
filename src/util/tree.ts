/** Trees: nested arrays and plain objects whose leaves are anything else (tensors, numbers, null). */

export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** What counts as an inner node of a tree besides arrays; instances of classes are leaves. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Visits every leaf in a fixed order (array index; object keys sorted) with its path, as in `layers/0/weight`. */
export function visitLeaves(tree: unknown, visit: (leaf: unknown, path: string) => void, path = ""): void {
  const join = (key: string | number) => (path === "" ? String(key) : `${path}/${key}`);
  if (Array.isArray(tree)) {
    tree.forEach((child, index) => {
      visitLeaves(child, visit, join(index));
    });
  } else if (isPlainObject(tree)) {
    for (const key of Object.keys(tree).sort()) visitLeaves(tree[key], visit, join(key));
  } else {
    visit(tree, path);
  }
}

/** A tree of the same structure with each leaf replaced. Leaves are met in `visitLeaves` order. */
export function mapTree<R = unknown>(
  tree: unknown,
  map: (leaf: unknown, path: string) => unknown,
  path = "",
): R {
  const join = (key: string | number) => (path === "" ? String(key) : `${path}/${key}`);
  if (Array.isArray(tree)) return tree.map((child, index) => mapTree(child, map, join(index))) as R;
  if (isPlainObject(tree)) {
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(tree).sort()) out[key] = mapTree(tree[key], map, join(key));
    return out as R;
  }
  return map(tree, path) as R;
}

/** The leaves in `visitLeaves` order, and a text that is equal for trees of equal structure. */
export function flattenTree(tree: unknown): { leaves: unknown[]; paths: string[]; structure: string } {
  const leaves: unknown[] = [];
  const paths: string[] = [];
  const describe = (node: unknown, path: string): string => {
    const join = (key: string | number) => (path === "" ? String(key) : `${path}/${key}`);
    if (Array.isArray(node)) return `[${node.map((child, index) => describe(child, join(index))).join(",")}]`;
    if (isPlainObject(node)) {
      const keys = Object.keys(node).sort();
      return `{${keys.map((key) => `${JSON.stringify(key)}:${describe(node[key], join(key))}`).join(",")}}`;
    }
    leaves.push(node);
    paths.push(path);
    return "*";
  };
  return { structure: describe(tree, ""), leaves, paths };
}
