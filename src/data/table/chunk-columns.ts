/** Columns of a file that comes in parts: their kinds are settled by the first, their categories go on. */
import { ConfigError, suggestion } from "../../util/index.ts";
import { namesOf } from "./columns.ts";
import { type ColumnKind, columnOf, inferColumn } from "./infer.ts";
import { type Column, Table } from "./table.ts";

export class ChunkColumns {
  readonly #names: readonly string[];
  readonly #kinds = new Map<string, ColumnKind>();
  readonly #missing: ReadonlySet<string>;
  readonly #categories = new Categories();

  /** Throws DataError for a name given twice, ConfigError for a kind of no column. */
  constructor(
    op: string,
    header: readonly string[] | null,
    count: number,
    kinds: Readonly<Record<string, ColumnKind>>,
    missing: ReadonlySet<string>,
  ) {
    this.#names = namesOf(op, header, count);
    this.#missing = missing;
    for (const [name, kind] of Object.entries(kinds)) {
      if (!this.#names.includes(name)) {
        throw new ConfigError(`${op}: there is no column "${name}".${suggestion(name, this.#names)}`);
      }
      this.#kinds.set(name, kind);
    }
  }

  /** Throws DataError for a cell that is not of its column's kind. */
  table(rows: readonly (readonly string[])[], where: (row: number) => string): Table {
    return new Table(
      this.#names.map((name, index) => {
        const cells = rows.map((row) => row[index] as string);
        const kind = this.#kinds.get(name);
        const column = { name, cells, missing: this.#missing, where };
        const made = kind === undefined ? inferColumn(column) : columnOf(kind, column);
        this.#kinds.set(name, made.kind);
        return this.#categories.goOn(made);
      }),
    );
  }
}

/** Numbers categories in the order in which they come, so that a number means the same in every part. */
export class Categories {
  /** By column, the place of each category so far. */
  readonly #places = new Map<string, Map<string, number>>();

  goOn(column: Column): Column {
    if (column.kind !== "category") return column;
    const places = this.#places.get(column.name) ?? new Map<string, number>();
    this.#places.set(column.name, places);
    const codes = column.codes.map((code) => {
      if (code < 0) return -1;
      const category = column.categories[code] as string;
      const place = places.get(category) ?? places.size;
      places.set(category, place);
      return place;
    });
    return { ...column, codes, categories: [...places.keys()] };
  }
}
