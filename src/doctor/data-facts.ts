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

/** Evenly picked rows, as a copy: pixels that are bytes stay bytes in the data set itself. */
const sample = (data: Dataset): Dataset =>
  data.select(pick(data.length, Math.ceil(MOST_NUMBERS / widthOf(data.x.shape))));

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

function columnsOf({ x, length }: Dataset): ColumnFacts[] {
  const width = widthOf(x.shape);
  const [sums, squares, counts] = [0, 1, 2].map(() => new Float64Array(width)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const shift = new Float64Array(width); // of the first row: no digits lost to a large mean
  const { data } = x;
  for (let row = 0; row < length; row++) {
    for (let j = 0; j < width; j++) {
      const value = data[row * width + j] as number;
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
  const part = sample(train);
  const { x } = part;
  const width = widthOf(x.shape);
  const columns = columnsOf(part);
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
    duplicates: compared ? duplicates(part, new Set(constant)) : [],
    leaks: compared && width > 1 ? leaks(part, new Set(constant)) : [],
  };
}

function firstNotFinite({ x, length }: Dataset): InputFacts["notFinite"] {
  if ("bytes" in x && x.bytes !== null) return null; // each stands for a number
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

function duplicates({ x, length }: Dataset, constant: ReadonlySet<number>): [number, number][] {
  const width = widthOf(x.shape);
  const rows = Array.from({ length }, (_, row) => row);
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

function leaks({ x, y, length }: Dataset, constant: ReadonlySet<number>): InputFacts["leaks"] {
  if (widthOf(y.shape) !== 1 || length < 20) return [];
  const width = widthOf(x.shape);
  const column = (name: string, at: (row: number) => number) =>
    ({ kind: "number", name, values: Float64Array.from({ length }, (_, row) => at(row)) }) as const;
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

/** A key of a row's bits: two rounds of FNV-1a, from different beginnings. */
function hashRow(words: Int32Array, from: number, width: number): string {
  let [a, b] = [0x811c9dc5, 0x2545f491];
  for (let i = from; i < from + width; i++) {
    const word = words[i] as number;
    a = Math.imul(a ^ word ^ (word >>> 15), 0x01000193);
    b = Math.imul(b ^ (word + i - from), 0x01000193) ^ (b >>> 13);
  }
  return `${a} ${b}`;
}

/** Null where training rows repeat themselves: then shared ones say nothing. */
function sharedRows(train: Dataset, validation: Dataset): number | null {
  const width = widthOf(train.x.shape);
  if (widthOf(validation.x.shape) !== width || width < 2) return null;
  if (train.length * width > MOST_NUMBERS) return null;
  const keys = (part: Dataset): string[] => {
    const words = new Int32Array(Float32Array.from(sample(part).x.data).buffer);
    return Array.from({ length: words.length / width }, (_, row) => hashRow(words, row * width, width));
  };
  const known = new Set(keys(train));
  if (known.size < 0.95 * train.length) return null;
  const others = keys(validation);
  return others.filter((key) => known.has(key)).length / others.length;
}

function shiftOf({ columns }: InputFacts, validation: Dataset): number | null {
  if (widthOf(validation.x.shape) !== columns.length || validation.length < 20) return null;
  const others = columnsOf(sample(validation));
  const spread = columns.flatMap(({ mean, deviation }, j) =>
    deviation === 0 ? [] : [(((others[j]?.mean ?? mean) - mean) / deviation) ** 2],
  );
  return spread.length === 0
    ? null
    : Math.sqrt(spread.reduce((sum, value) => sum + value, 0) / spread.length);
}
