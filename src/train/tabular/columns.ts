/** What is done with each column of a table that nobody said anything about, and which are left out, with the reason. */
import {
  bagOfWords,
  type Column,
  columnLength,
  dateParts,
  drop,
  hashed,
  impute,
  on,
  oneHot,
  type PipelineStep,
  standardScale,
  type Table,
  type Transform,
  valueAt,
} from "../../data/index.ts";
import type { TabularTask } from "./task.ts";

/** A step with the source text that makes it. */
export interface Recipe {
  readonly columns: readonly string[];
  readonly transforms: readonly { readonly code: string; readonly transform: Transform }[];
  readonly why: string;
}

export const stepOf = ({ columns, transforms }: Recipe): PipelineStep =>
  on(columns, ...transforms.map(({ transform }) => transform));

const filled = { code: "impute({ indicator: true })", transform: impute({ indicator: true }) };
const scaled = { code: "standardScale()", transform: standardScale() };
const most = 50;

const recipes = {
  number: { transforms: [filled, scaled], why: "numbers" },
  date: {
    transforms: [
      { code: "dateParts()", transform: dateParts() },
      { code: "impute()", transform: impute() },
      scaled,
    ],
    why: "dates",
  },
  category: {
    transforms: [{ code: 'oneHot({ missing: "column" })', transform: oneHot({ missing: "column" }) }],
    why: "categories",
  },
  many: {
    transforms: [{ code: "hashed({ buckets: 64 })", transform: hashed({ buckets: 64 }) }],
    why: `more than ${most} categories`,
  },
  text: {
    transforms: [{ code: "bagOfWords({ buckets: 128 })", transform: bagOfWords({ buckets: 128 }) }],
    why: "text, as counted words",
  },
} as const satisfies Record<string, Omit<Recipe, "columns">>;

export interface ColumnChoice {
  readonly recipes: readonly Recipe[];
  readonly dropped: readonly { readonly column: string; readonly why: string }[];
}

/** Looks at training rows alone. */
export function chooseColumns(train: Table, target: string, task: TabularTask): ColumnChoice {
  const dropped: { column: string; why: string }[] = [];
  const groups = new Map<keyof typeof recipes, string[]>();
  const targetColumn = train.column(target);
  for (const column of train.columns) {
    if (column.name === target) continue;
    const why = reasonToDrop(column, targetColumn, task);
    if (why !== null) dropped.push({ column: column.name, why });
    else {
      const group = groupOf(column);
      groups.set(group, [...(groups.get(group) ?? []), column.name]);
    }
  }
  const chosen: Recipe[] = [...groups].map(([group, columns]) => ({ columns, ...recipes[group] }));
  if (dropped.length > 0) {
    chosen.unshift({
      columns: dropped.map(({ column }) => column),
      transforms: [{ code: "drop()", transform: drop() }],
      why: "left out",
    });
  }
  return { recipes: chosen, dropped };
}

const present = (column: Column): (number | string)[] =>
  Array.from({ length: columnLength(column) }, (_, row) => valueAt(column, row)).filter(
    (value) => value !== null,
  );

function groupOf(column: Column): keyof typeof recipes {
  if (column.kind === "number" || column.kind === "date") return column.kind;
  const values = present(column).map(String);
  if (column.kind === "text" && hasWords(values)) return "text";
  return new Set(values).size > most ? "many" : "category";
}

/** Two words in most of the values. */
const hasWords = (values: readonly string[]): boolean =>
  values.filter((value) => /\S\s+\S/.test(value.trim())).length > values.length / 2;

function reasonToDrop(column: Column, target: Column, task: TabularTask): string | null {
  const values = present(column);
  const distinct = new Set(values).size;
  if (distinct === 0) return "all its values are missing";
  if (distinct === 1) return "it is constant";
  if (tellsTarget(column, target, task)) return "it tells the target: most likely it was not known before it";
  if (values.length < 10 || distinct < values.length) return null;
  if (column.kind === "text" && !hasWords(values.map(String)))
    return "every row has its own value, as an id has";
  if (column.kind !== "number" || !column.values.every(Number.isInteger)) return null;
  const ordered = [...column.values].sort((a, b) => a - b);
  const isNamed = /(^|[_ ])(id|index|row|key|no|nr|number)$|[a-z]Id$/i.test(column.name);
  const isNumbered = ordered.every((value, i) => i === 0 || value === Number(ordered[i - 1]) + 1);
  const isSparseRun = Number(ordered.at(-1)) - Number(ordered[0]) < 2 * ordered.length && isNamed;
  return isNumbered || isSparseRun ? "it numbers the rows" : null;
}

/** Whether values say the target outright: another name for each class, or a straight line through all points. */
function tellsTarget(column: Column, target: Column, task: TabularTask): boolean {
  const rows = columnLength(column);
  if (rows < 10) return false;
  if (task !== "regression") {
    const names = new Map<number | string, number | string | null>();
    for (let row = 0; row < rows; row++) {
      const [value, wanted] = [valueAt(column, row), valueAt(target, row)];
      if (value === null) continue;
      if (names.has(value) && names.get(value) !== wanted) return false;
      names.set(value, wanted);
    }
    return names.size > 1 && names.size === new Set(present(target)).size;
  }
  if (column.kind !== "number" || target.kind !== "number") return false;
  return Math.abs(correlation(column.values, target.values)) > 0.99999;
}

function correlation(a: Float64Array, b: Float64Array): number {
  const both = Array.from(a.keys()).filter((row) => Number.isFinite(a[row]) && Number.isFinite(b[row]));
  if (both.length < 10) return 0;
  const mean = (v: Float64Array) => both.reduce((sum, row) => sum + Number(v[row]), 0) / both.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const row of both) {
    const [da, db] = [Number(a[row]) - meanA, Number(b[row]) - meanB];
    [ab, aa, bb] = [ab + da * db, aa + da * da, bb + db * db];
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}
