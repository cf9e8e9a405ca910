/** A fitted pipeline: plain JSON that says what to do with which column, and how to do it. */
import { z } from "zod";
import { ConfigError, DataError, suggestion } from "../../util/index.ts";
import type { HostArray } from "../host.ts";
import { type Column, Table } from "../table/table.ts";
import { asKind } from "./convert.ts";
import type { Apply, Note } from "./operation.ts";
import { operationByName } from "./operations.ts";

const schema = z.strictObject({
  format: z.literal("nabla-pipeline"),
  version: z.literal(1),
  /** The columns a table must have; others are ignored. */
  inputs: z.array(z.strictObject({ name: z.string(), kind: z.enum(["number", "date", "category", "text"]) })),
  /** In this order, each operation puts its results in the place of its column. */
  program: z.array(z.strictObject({ column: z.string(), operation: z.string(), state: z.unknown() })),
  /** The names of the columns that come out. */
  outputs: z.array(z.string()),
});

/** Everything that was fitted, as JSON; operations and their states are named in docs/tabular.md. */
export type PipelineState = z.infer<typeof schema>;
export type ProgramStep = PipelineState["program"][number];

/** Values of a column that could not be taken as they were. */
export interface Count {
  readonly column: string;
  /** Not there; a category not seen in training; not to be read as what the column is. */
  readonly what: "missing" | "unknown" | "unreadable";
  readonly count: number;
}

/** Made by `pipeline(...).fit(train)`, or from its JSON by `Fitted.from`. */
export class Fitted {
  readonly state: PipelineState;
  readonly #program: readonly { readonly column: string; readonly apply: Apply }[];

  private constructor(state: PipelineState) {
    this.state = state;
    this.#program = state.program.map((step) => ({
      column: step.column,
      apply: operationByName(step.operation).read(step.state),
    }));
  }

  /**
   * From its state as JSON gives it, every number checked.
   *
   * @throws DataError where it is not one, of another version, or damaged.
   * @example const again = Fitted.from(JSON.parse(JSON.stringify(fitted)));
   */
  static from(state: unknown): Fitted {
    const parsed = schema.safeParse(state);
    if (parsed.success) return new Fitted(parsed.data);
    const issue = parsed.error.issues[0];
    throw new DataError(
      `preparation: the state is not right at ${issue?.path.join("/") || "its top"} (${issue?.message}). It is damaged, or saved by a newer nabla.`,
    );
  }

  toJSON(): PipelineState {
    return this.state;
  }

  /**
   * The table as the training part was made, and what had to be filled in or left out on the way.
   *
   * @throws DataError where a column is missing, naming the nearest.
   */
  apply(table: Table): { readonly table: Table; readonly counts: readonly Count[] } {
    const counts: Count[] = [];
    const noteOf =
      (column: string): Note =>
      (what, count) => {
        if (count > 0) counts.push({ column, what, count });
      };
    let columns: Column[] = this.state.inputs.map(({ name, kind }) => {
      const column = table.columns.find((one) => one.name === name);
      if (column) return asKind(column, kind, noteOf(name));
      throw new DataError(
        `preparation: the table must have the column "${name}" (${kind}).${suggestion(name, table.names)}`,
      );
    });
    for (const { column: name, apply } of this.#program) {
      columns = columns.flatMap((column) => (column.name === name ? apply(column, noteOf(name)) : [column]));
    }
    return { table: new Table(columns), counts };
  }

  /**
   * The prepared table as numbers, f32 [rows, outputs].
   *
   * @throws ConfigError where a column is not of numbers, DataError where one is missing, naming column and row, or has no room in f32.
   */
  features(table: Table): { readonly x: HostArray; readonly counts: readonly Count[] } {
    const { table: prepared, counts } = this.apply(table);
    const width = prepared.columns.length;
    const data = new Float32Array(table.length * width);
    prepared.columns.forEach((column, place) => {
      if (column.kind !== "number") {
        throw new ConfigError(
          `features: all columns must be numbers; "${column.name}" is ${column.kind}. Encode it or drop it.`,
        );
      }
      column.values.forEach((value, row) => {
        if (!Number.isFinite(Math.fround(value))) {
          throw new DataError(
            `features: values must be finite; column "${column.name}", row ${row} is ${Number.isNaN(value) ? "missing" : value}. Use impute(), or clipOutliers().`,
          );
        }
        data[row * width + place] = value;
      });
    });
    return { x: { dtype: "f32", shape: [table.length, width], data }, counts };
  }
}
