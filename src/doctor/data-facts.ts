/** Facts of an experiment's data that tell what would spoil its training. Rows are sampled where there are many. */
import { associationWith, type Dataset } from "../data/index.ts";

export interface ColumnFacts {
  readonly mean: number;
  readonly deviation: number;
}

export interface DataFacts {
  readonly rows: number;
  /** Of f32 inputs; null for numbers of words and the like. */
  readonly inputs: InputFacts | null;
  readonly targets: TargetFacts;
  /** Of the validation rows, which share is among the training rows; null without validation. */
  readonly shared: number | null;
  /** How far validation columns' means are off, in training deviations: root mean square over columns. */
  readonly shift: number | null;
}

export interface InputFacts {
  readonly columns: readonly ColumnFacts[];
  /** Root mean square of all numbers. */
  readonly scale: number;
  /** The first that is NaN or infinite. */
  readonly notFinite: { readonly row: number; readonly column: number; readonly rows: number } | null;
  readonly constant: readonly number[];
  /** Pairs of which the second repeats the first. */
  readonly duplicates: readonly (readonly [number, number])[];
  /** Columns that give the target away, with how that shows. */
  readonly leaks: readonly { readonly column: number; readonly how: string }[];
}

export interface TargetFacts {
  /** Rows by label; null where targets are no class numbers. */
  readonly counts: ReadonlyMap<number, number> | null;
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  readonly deviation: number;
  readonly notFinite: number;
  /** How often neighbouring rows differ in label, against how often they would in random order; null without labels. */
  readonly changes: number | null;
}

/** Numbers looked at, at most. */
const MOST_NUMBERS = 4e6;
const MOST_COLUMNS_COMPARED = 256;

const widthOf = (shape: readonly number[]): number =>
  shape.slice(1).reduce((product, dim) => product * dim, 1);

/** Row numbers, evenly picked. */
function pick(rows: number, most: number): number[] {
  const count = Math.max(1, Math.min(rows, most));
  return Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count));
}

/** Looks at the training data, and at how the validation data differs. */
export function dataFacts(train: Dataset, validation?: Dataset): DataFacts {
  const inputs = train.x.dtype === "f32" ? inputFacts(train) : null;
  return {
    rows: train.length,
    inputs,
    targets: targetFacts(train),
    shared: validation ? sharedRows(train, validation) : null,
    shift: validation && inputs && validation.x.dtype === "f32" ? shiftOf(inputs, validation) : null,
  };
}

function columnsOf({ x }: Dataset, rows: readonly number[]): ColumnFacts[] {
  const width = widthOf(x.shape);
  const [sums, squares, counts] = [0, 1, 2].map(() => new Float64Array(width)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const shift = new Float64Array(width); // of the first row: no digits lost to a large mean
  for (const row of rows) {
    for (let j = 0; j < width; j++) {
      const value = x.data[row * width + j] as number;
      if (!Number.isFinite(value)) continue;
      if (counts[j] === 0) shift[j] = value;
      const rest = value - (shift[j] as number);
      sums[j] = (sums[j] as number) + rest;
      squares[j] = (squares[j] as number) + rest * rest;
      counts[j] = (counts[j] as number) + 1;
    }
  }
  return Array.from({ length: width }, (_, j) => {
    const n = Math.max(1, counts[j] as number);
    const rest = (sums[j] as number) / n;
    return {
      mean: (shift[j] as number) + rest,
      deviation: Math.sqrt(Math.max(0, (squares[j] as number) / n - rest * rest)),
    };
  });
}

function inputFacts(train: Dataset): InputFacts {
  const { x } = train;
  const width = widthOf(x.shape);
  const rows = pick(train.length, Math.ceil(MOST_NUMBERS / width));
  const columns = columnsOf(train, rows);
  const scale = Math.sqrt(
    columns.reduce((sum, { mean, deviation }) => sum + mean ** 2 + deviation ** 2, 0) / Math.max(1, width),
  );
  const constant = columns.flatMap(({ deviation }, j) => (deviation === 0 ? [j] : []));
  const compared = x.shape.length === 2 && width <= MOST_COLUMNS_COMPARED;
  return {
    columns,
    scale,
    notFinite: firstNotFinite(train),
    constant,
    duplicates: compared ? duplicates(train, rows, new Set(constant)) : [],
    leaks: compared && width > 1 ? leaks(train, rows, new Set(constant)) : [],
  };
}

function firstNotFinite({ x, length }: Dataset): InputFacts["notFinite"] {
  const width = widthOf(x.shape);
  let first: { row: number; column: number } | null = null;
  let rows = 0;
  for (let row = 0; row < length; row++) {
    for (let column = 0; column < width; column++) {
      if (Number.isFinite(x.data[row * width + column])) continue;
      first ??= { row, column };
      rows++;
      break;
    }
  }
  return first && { ...first, rows };
}

function duplicates(
  { x }: Dataset,
  rows: readonly number[],
  constant: ReadonlySet<number>,
): [number, number][] {
  const width = widthOf(x.shape);
  const seen = new Map<string, number>();
  const found: [number, number][] = [];
  for (let j = 0; j < width; j++) {
    if (constant.has(j)) continue;
    // Two sums that equal columns share; what they agree on is looked at in full.
    let [sum, weighted] = [0, 0];
    rows.forEach((row, i) => {
      const value = x.data[row * width + j] as number;
      sum += value;
      weighted += value * ((i % 97) + 1);
    });
    const key = `${sum} ${weighted}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, j);
    else if (rows.every((row) => x.data[row * width + first] === x.data[row * width + j]))
      found.push([first, j]);
  }
  return found;
}

function leaks(
  { x, y }: Dataset,
  rows: readonly number[],
  constant: ReadonlySet<number>,
): InputFacts["leaks"] {
  if (widthOf(y.shape) !== 1 || rows.length < 20) return [];
  const width = widthOf(x.shape);
  const column = (name: string, at: (row: number) => number) =>
    ({ kind: "number", name, values: Float64Array.from(rows, at) }) as const;
  const target = column("target", (row) => y.data[row] as number);
  return Array.from({ length: width }, (_, j) => j).flatMap((j) => {
    if (constant.has(j)) return [];
    const how = associationWith(
      target,
      column("column", (row) => x.data[row * width + j] as number),
    );
    return how === null ? [] : [{ column: j, how }];
  });
}

function targetFacts({ y, length }: Dataset): TargetFacts {
  const { data } = y;
  const labels = y.dtype === "i32";
  let [least, most, sum, squares, finite, changes] = [Infinity, -Infinity, 0, 0, 0, 0];
  const counts = new Map<number, number>();
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!Number.isFinite(value)) continue;
    finite++;
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
    squares += value * value;
    if (!labels) continue;
    counts.set(value, (counts.get(value) ?? 0) + 1);
    if (i > 0 && data[i - 1] !== value) changes++;
  }
  const mean = sum / Math.max(1, finite);
  let same = 0;
  for (const count of counts.values()) same += (count / data.length) ** 2;
  const expected = (data.length - 1) * (1 - same);
  return {
    counts: labels ? counts : null,
    least,
    most,
    mean,
    deviation: Math.sqrt(Math.max(0, squares / Math.max(1, finite) - mean * mean)),
    notFinite: data.length - finite,
    changes: labels && data.length === length && expected > 0 ? changes / expected : null,
  };
}

/** A number for a row's content. */
function hashRow(data: ArrayLike<number>, from: number, width: number): string {
  let [a, b] = [0x811c9dc5, 7];
  for (let i = from; i < from + width; i++) {
    const value = Math.fround(data[i] as number);
    a = Math.imul(a ^ (value * 1e4), 0x01000193);
    b = (Math.imul(b, 31) + value * 7919) | 0;
  }
  return `${a} ${b}`;
}

/** Null where training rows repeat themselves: then shared ones say nothing. */
function sharedRows(train: Dataset, validation: Dataset): number | null {
  const width = widthOf(train.x.shape);
  if (widthOf(validation.x.shape) !== width || width < 2) return null;
  const most = Math.ceil(MOST_NUMBERS / width);
  if (train.length > most) return null;
  const known = new Set<string>();
  for (let row = 0; row < train.length; row++) known.add(hashRow(train.x.data, row * width, width));
  if (known.size < 0.95 * train.length) return null;
  const rows = pick(validation.length, most);
  const shared = rows.filter((row) => known.has(hashRow(validation.x.data, row * width, width)));
  return shared.length / rows.length;
}

function shiftOf({ columns }: InputFacts, validation: Dataset): number | null {
  const width = widthOf(validation.x.shape);
  if (width !== columns.length || validation.length < 20) return null;
  const others = columnsOf(validation, pick(validation.length, Math.ceil(MOST_NUMBERS / width)));
  const spread = columns.flatMap(({ mean, deviation }, j) =>
    deviation === 0 ? [] : [(((others[j]?.mean ?? mean) - mean) / deviation) ** 2],
  );
  return spread.length === 0
    ? null
    : Math.sqrt(spread.reduce((sum, value) => sum + value, 0) / spread.length);
}
