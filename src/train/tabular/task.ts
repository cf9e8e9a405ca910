/** What there is to predict: a number, one of two classes or of several; told by the target column. */
import { type Column, classNames, columnLength } from "../../data/index.ts";
import { ConfigError, DataError } from "../../util/index.ts";

export const tabularTasks = ["regression", "binary", "multiclass"] as const;
export type TabularTask = (typeof tabularTasks)[number];

/** The task and, in a sentence, why. Throws DataError where there is nothing to tell apart, ConfigError where the wish does not fit. */
export function inferTask(column: Column, wish: TabularTask | "auto"): { task: TabularTask; why: string } {
  const { name, kind } = column;
  const names = classNames(column).filter((value) => value !== null);
  const distinct = new Set(names).size;
  if (names.length === 0) throw new DataError(`target: "${name}" must have values; all are missing.`);
  if (distinct === 1) {
    throw new DataError(
      `target: "${name}" must have different values; all are "${names[0]}". There is nothing to learn.`,
    );
  }
  if (wish !== "auto") {
    if (wish === "regression" && kind !== "number") {
      throw new ConfigError(`--task: regression needs a target of numbers; "${name}" is ${kind}.`);
    }
    if (wish === "binary" && distinct !== 2) {
      throw new ConfigError(`--task: binary needs two classes; "${name}" has ${distinct}.`);
    }
    return { task: wish, why: "as asked for" };
  }
  if (distinct === 2) return { task: "binary", why: `"${name}" has two values` };
  if (kind === "text" || kind === "date") {
    throw new DataError(
      `target: "${name}" must be numbers or a few classes; it is ${kind} with ${distinct} values in ${columnLength(column)} rows.`,
    );
  }
  if (kind === "category") return { task: "multiclass", why: `"${name}" has ${distinct} categories` };
  const isWhole =
    column.kind === "number" &&
    column.values.every((value) => Number.isNaN(value) || Number.isInteger(value));
  if (isWhole && distinct <= 10)
    return { task: "multiclass", why: `"${name}" has ${distinct} whole numbers` };
  return { task: "regression", why: `"${name}" has ${distinct} different numbers` };
}
