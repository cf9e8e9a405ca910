/** Rows of cells as columns. */
import { ConfigError, DataError, suggestion } from "../../util/index.ts";
import { type ColumnKind, columnOf, inferColumn } from "./infer.ts";
import type { Column } from "./table.ts";

export interface RowsAre {
  /** What errors begin with: the file's name. */
  readonly op: string;
  /** The first row, which names the columns; null where there is none. */
  readonly header: readonly string[] | null | undefined;
  readonly kinds: Readonly<Record<string, ColumnKind>>;
  readonly missing: ReadonlySet<string>;
  /** Where a row is, counted below the header. */
  readonly where: (row: number) => string;
}

/** Throws DataError for two columns of one name and cells that are not of their column's kind; ConfigError for kinds of no column. */
export function columnsOf(rows: readonly (readonly string[])[], are: RowsAre): Column[] {
  const names = namesOf(are.op, are.header ?? null, rows[0]?.length ?? 0);
  for (const name of Object.keys(are.kinds)) {
    if (!names.includes(name)) {
      throw new ConfigError(`${are.op}: there is no column "${name}".${suggestion(name, names)}`);
    }
  }
  const first = are.header ? 1 : 0;
  return names.map((name, index) => {
    const cells = new Array<string>(rows.length - first);
    for (let row = first; row < rows.length; row++) {
      cells[row - first] = (rows[row] as readonly string[])[index] as string;
    }
    const column = { name, cells, missing: are.missing, where: are.where };
    const kind = Object.hasOwn(are.kinds, name) ? are.kinds[name] : undefined;
    return kind === undefined ? inferColumn(column) : columnOf(kind, column);
  });
}

/** A column without a name is called by its place. Throws DataError for a name given twice. */
export function namesOf(op: string, header: readonly string[] | null, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => header?.[i]?.trim() || `column${i + 1}`);
  const seen = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const before = seen.get(name);
    if (before !== undefined) {
      throw new DataError(
        `${op}: columns must have different names; columns ${before + 1} and ${index + 1} are both "${name}". Rename one of them.`,
      );
    }
    seen.set(name, index);
  }
  return names;
}
