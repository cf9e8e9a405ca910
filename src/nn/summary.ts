/** summary: a model's layers and how many numbers each holds. */
import { sizeOf } from "../util/index.ts";
import { type Module, visitModule } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface SummaryRow {
  /** As in `layers/0`; `(model)` for the root's own. */
  readonly path: string;
  readonly kind: string;
  /** Own parameters, as in `weight [784,128], bias [128]`. */
  readonly shapes: string;
  /** Numbers in them, trained or not. */
  readonly count: number;
}

export interface Summary {
  /** Modules that own parameters, or have no children. */
  readonly rows: readonly SummaryRow[];
  readonly trainable: number;
  readonly frozen: number;
  /** The table as text. */
  toString(): string;
}

/**
 * Counts the parameters of a model, tied ones once. It need not be initialised.
 * @example console.log(String(summary(model)));
 */
export function summary(model: Module<never, unknown>): Summary {
  const owned = new Map<string, { module: Module<never, unknown>; own: Parameter[]; leaf: boolean }>();
  const paths: string[] = [];
  let trainable = 0;
  let frozen = 0;
  const ownerOf = (path: string) => paths.filter((at) => at === "" || path.startsWith(`${at}/`)).at(-1) ?? "";
  visitModule(model, (child, path) => {
    const owner = owned.get(ownerOf(path));
    if (child instanceof Parameter) {
      owner?.own.push(child);
      child.path = path;
      if (child.trainable) trainable += sizeOf(child.shape);
      else frozen += sizeOf(child.shape);
    } else {
      if (owner) owner.leaf = false;
      paths.push(path);
      owned.set(path, { module: child, own: [], leaf: true });
    }
  });
  const rows: SummaryRow[] = [];
  for (const [path, { module, own, leaf }] of owned) {
    if (own.length === 0 && !leaf) continue;
    rows.push({
      path: path || "(model)",
      kind: module.constructor.name,
      shapes: own.map((p) => `${p.path.slice(path === "" ? 0 : path.length + 1)} [${p.shape}]`).join(", "),
      count: own.reduce((sum, p) => sum + sizeOf(p.shape), 0),
    });
  }
  return { rows, trainable, frozen, toString: () => table(rows, trainable, frozen) };
}

function table(rows: readonly SummaryRow[], trainable: number, frozen: number): string {
  const number = (value: number) => value.toLocaleString("en-US");
  const cells = rows.map((row) => [row.path, row.kind, row.shapes, number(row.count)]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...cells.map((row) => (row[column] ?? "").length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        column === 3 ? cell.padStart(widths[3] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  "),
  );
  const total = `${number(trainable)} trainable parameters${frozen > 0 ? `, ${number(frozen)} not trained` : ""}`;
  return [...lines, total].join("\n");
}
