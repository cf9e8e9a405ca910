/** Pipelines: which transforms are fitted on which columns of the training part. */
import { ConfigError } from "../../util/index.ts";
import { TrainingPart } from "../split/part.ts";
import { type Column, Table } from "../table/table.ts";
import { Fitted, type PipelineState, type ProgramStep } from "./fitted.ts";
import type { Transform } from "./operation.ts";
import { isDrop } from "./operations.ts";
import { type Columns, selectColumns } from "./select.ts";

/** Columns, and what is done with each, one after the other. Made by `on`. */
export interface PipelineStep {
  readonly columns: Columns;
  readonly transforms: readonly Transform[];
}

/**
 * Transforms for the columns of a name, a pattern or a kind; the second works on what the first gives, and so on.
 *
 * @example on([{ kind: "number" }, /^n_/], impute({ by: "median" }), standardScale());
 */
export const on = (columns: Columns, ...transforms: readonly Transform[]): PipelineStep => ({
  columns,
  transforms,
});

export interface Pipeline {
  /**
   * Fits every transform on the training part, and on nothing else: no other type is taken.
   *
   * @throws ConfigError for what is no training part, a column that is not there, or a transform that does not take its kind.
   */
  fit(train: TrainingPart<Table>): Fitted;
}

/**
 * Steps in their order: a step sees the columns that the ones before it made, and those that no step took.
 *
 * @example
 * const { train, test } = trainTestSplit(table);
 * const fitted = pipeline([
 *   on({ kind: "number" }, impute(), standardScale()),
 *   on({ kind: "category" }, oneHot()),
 * ]).fit(train);
 * const { table: ready, counts } = fitted.apply(test);
 */
export function pipeline(steps: readonly PipelineStep[]): Pipeline {
  for (const step of steps) {
    const isStep =
      Array.isArray(step?.transforms) && step.transforms.every((one) => typeof one?.fit === "function");
    if (!isStep) throw new ConfigError("pipeline: steps must be made by on(columns, ...transforms).");
  }
  return {
    fit(train) {
      TrainingPart.check("pipeline.fit", train);
      return fitSteps(train.data, steps);
    },
  };
}

function fitSteps(table: Table, steps: readonly PipelineStep[]): Fitted {
  if (!(table instanceof Table)) throw new ConfigError("pipeline.fit: the training part must be of a Table.");
  const program: ProgramStep[] = [];
  const dropped = new Set<string>();
  let columns: readonly Column[] = table.columns;
  for (const { columns: wanted, transforms } of steps) {
    let names = new Set(selectColumns(columns, wanted).map(({ name }) => name));
    for (const transform of transforms) {
      const { operation } = transform;
      const made = new Set<string>();
      columns = columns.flatMap((column) => {
        if (!names.has(column.name)) return [column];
        if (!operation.kinds.includes(column.kind)) {
          throw new ConfigError(
            `${operation.name}: takes ${operation.kinds.join(" and ")} columns; "${column.name}" is ${column.kind}.`,
          );
        }
        const state = transform.fit(column);
        if (isDrop(operation) && table.names.includes(column.name)) dropped.add(column.name);
        program.push({ column: column.name, operation: operation.name, state });
        const results = operation.read(state)(column, () => undefined);
        for (const { name } of results) made.add(name);
        return results;
      });
      names = made;
    }
  }
  // A column that something was done to before it was dropped is needed, if only for that.
  const first = (name: string) => program.find(({ column }) => column === name)?.operation;
  const isInput = ({ name }: Column) => !(dropped.has(name) && first(name) === "drop");
  const state: PipelineState = {
    format: "nabla-pipeline",
    version: 1,
    inputs: table.columns.filter(isInput).map(({ name, kind }) => ({ name, kind })),
    program: program.filter(({ column, operation }) => operation !== "drop" || first(column) !== "drop"),
    outputs: new Table(columns).names.slice(),
  };
  return Fitted.from(JSON.parse(JSON.stringify(state)));
}
