/** Everything that training from a table needs and nobody said: task, parts, steps, network, optimizer; each with its reason. */
import {
  type Table,
  type TabularData,
  tabularData,
  trainValidationTestSplit,
  withTarget,
} from "../../data/index.ts";
import { Linear, relu, Sequential } from "../../nn/index.ts";
import { DataError } from "../../util/index.ts";
import { type ColumnChoice, chooseColumns, stepOf } from "./columns.ts";
import { inferTask, type TabularTask } from "./task.ts";

export interface Decisions {
  readonly target: string;
  readonly task: TabularTask;
  readonly columns: ColumnChoice;
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Steps of the whole schedule. */
  readonly steps: number;
  readonly data: TabularData;
  /** What was decided and why, in a line each. */
  readonly lines: readonly string[];
}

export interface DecideOptions {
  readonly target: string;
  readonly task?: TabularTask | "auto";
  readonly seed?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
}

/**
 * Decides from the table, and fits on its training part.
 * Throws ConfigError for a target that is not there (naming the nearest), DataError for too few rows, or nothing to learn.
 */
export function decide(table: Table, options: DecideOptions): Decisions {
  const { target, seed = 0 } = options;
  const known = withTarget(table, target);
  const lost = table.length - known.length;
  const { task, why } = inferTask(table.column(target), options.task ?? "auto");
  if (known.length < 10) {
    throw new DataError(
      `train: there must be at least 10 rows with a target, to train on and to measure; got ${known.length}.`,
    );
  }
  const parts = trainValidationTestSplit(known, { seed, stratify: target });
  const rows = parts.train.data.length;
  const columns = chooseColumns(parts.train.data, target, task);
  if (columns.recipes.every(({ why: reason }) => reason === "left out")) {
    throw new DataError("train: there must be a column to learn from; all were left out.");
  }
  const data = tabularData(parts, { target, task: taskKind(task), steps: columns.recipes.map(stepOf) });
  const inputs = data.train.x.shape[1] as number;
  const { target: coding } = data.preparation;
  const outputs = coding.kind === "classes" ? coding.classes.length : 1;
  const hidden = rows < 2000 ? 64 : rows < 20_000 ? 128 : 256;
  const batchSize = options.batchSize ?? Math.min(256, Math.max(16, 2 ** Math.floor(Math.log2(rows / 16))));
  const epochs = options.epochs ?? Math.max(30, Math.min(200, Math.ceil(2_000_000 / rows)));
  const learningRate = options.learningRate ?? 2e-3;
  const lines = [
    `task: ${task}, since ${why}`,
    ...(lost > 0 ? [`left out: ${lost} rows without "${target}"`] : []),
    ...columns.dropped.map(({ column, why: reason }) => `left out: "${column}", since ${reason}`),
    ...columns.recipes
      .filter(({ why: reason }) => reason !== "left out")
      .map(({ columns: names, transforms, why: reason }) => {
        const shown =
          names.length > 8
            ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`
            : names.join(", ");
        return `${reason}: ${shown} -> ${transforms.map(({ code }) => code).join(", ")}`;
      }),
    `parts: ${rows} rows to train, ${parts.validation.length} to stop in time, ${parts.test.length} to test, each with the same mix of "${target}"`,
    `network: ${inputs}-${hidden}-${hidden}-${outputs}, for ${rows} rows of ${inputs} numbers`,
  ];
  const steps = epochs * Math.ceil(rows / batchSize);
  return {
    target,
    task,
    columns,
    inputs,
    hidden,
    outputs,
    batchSize,
    epochs,
    learningRate,
    seed,
    steps,
    data,
    lines,
  };
}

export const taskKind = (task: TabularTask): "regression" | "classification" =>
  task === "regression" ? task : "classification";

/** The network of those decisions. */
export const networkOf = (inputs: number, hidden: number, outputs: number): Sequential =>
  new Sequential(
    new Linear(inputs, hidden),
    relu,
    new Linear(hidden, hidden),
    relu,
    new Linear(hidden, outputs),
  );
