/** Columns out of cells that come one by one: the kind is inferred on the fly, and no cell is kept twice. */
import { isBooleanWord, parseDate, parseNumber } from "./cells.ts";
import type { Column } from "./table.ts";

export type ColumnKind = Column["kind"];

/** A column of strings has categories where no more than these are different, and each comes twice on average. */
const mostCategories = 1000;

/** Cells kept as they were written at first, so that a column that turns out to be strings needs no second reading. */
const sampleSize = 1000;

type State = ColumnKind | "unknown" | "strings" | "lost";

export interface BuilderOptions {
  readonly missing: ReadonlySet<string>;
  /** Named by the caller: a cell that does not fit is refused. Otherwise inferred. */
  readonly kind?: ColumnKind | undefined;
  /** Not a number and not a date, as an earlier reading has found. */
  readonly strings?: boolean;
  /** Cells kept as written; default 1,000. */
  readonly sample?: number;
}

export class ColumnBuilder {
  readonly name: string;
  readonly #missing: ReadonlySet<string>;
  readonly #numericMarkers: boolean;
  readonly #named: boolean;
  readonly #sampleSize: number;
  #state: State;
  #fixed: boolean;
  #length = 0;
  #numbers = new Float64Array(64);
  #codes = new Int32Array(64);
  #codeOf = new Map<string, number>();
  #categories: string[] = [];
  #texts: (string | null)[] = [];
  #sample: string[] = [];

  constructor(name: string, options: BuilderOptions) {
    this.name = name;
    this.#missing = options.missing;
    this.#numericMarkers = [...options.missing].some((marker) => !Number.isNaN(parseNumber(marker, true)));
    this.#named = options.kind !== undefined;
    this.#fixed = this.#named;
    this.#sampleSize = options.sample ?? sampleSize;
    this.#state = options.kind ?? (options.strings ? "strings" : "unknown");
    for (const marker of options.missing) this.#codeOf.set(marker, -1);
  }

  get length(): number {
    return this.#length;
  }

  /** Whether numbers or dates were followed by something else after the sample: a second reading takes it for strings. */
  get lost(): boolean {
    return this.#state === "lost";
  }

  /** What a cell must be. */
  get kind(): ColumnKind {
    if (this.#state === "strings" || this.#state === "lost") return "text";
    return this.#state === "unknown" ? "number" : this.#state;
  }

  /** False where the cell does not fit the kind, which then must not change any more; the column is as before. */
  add(cell: string): boolean {
    switch (this.#state) {
      case "number":
        return this.#addNumber(cell);
      case "category":
      case "strings":
        return this.#addCode(cell);
      case "text":
        this.#texts[this.#length++] = this.#missing.has(cell) ? null : cell;
        return true;
      case "date":
        return this.#addParsed(cell, parseDate(cell));
      case "unknown":
        return this.#decide(cell);
      case "lost":
        this.#length++;
        return true;
      default:
        return this.#state satisfies never;
    }
  }

  /** A missing value, whatever the markers are. */
  addMissing(): void {
    if (this.#state === "text") this.#texts[this.#length++] = null;
    else if (this.#state === "category" || this.#state === "strings") this.#pushCode(-1);
    else this.#pushNumber(Number.NaN, "");
  }

  /** A number, or milliseconds of a date, that is one already. False where the kind is another. */
  addValue(value: number, kind: "number" | "date"): boolean {
    if (this.#state === "unknown") this.#state = kind;
    if (this.#state !== kind) return false;
    this.#pushNumber(value, "");
    return true;
  }

  /** Takes back the cell added last. */
  removeLast(): void {
    this.#length--;
    if (this.#texts.length > this.#length) this.#texts.length = this.#length;
    if (this.#sample.length > this.#length) this.#sample.length = this.#length;
  }

  /** The column of the cells added since the last time. From then on the kind is what it is now; categories keep their places. */
  finish(): Column {
    const state = this.#settle();
    const { name } = this;
    const length = this.#length;
    this.#length = 0;
    this.#sample = [];
    if (state === "text") {
      const values = this.#texts;
      this.#texts = [];
      return { kind: "text", name, values };
    }
    if (state === "category") {
      return {
        kind: "category",
        name,
        codes: this.#codes.slice(0, length),
        categories: [...this.#categories],
      };
    }
    return { kind: state, name, values: this.#numbers.slice(0, length) };
  }

  #settle(): ColumnKind {
    if (this.#state === "unknown") this.#state = "number";
    if (this.#state === "strings") {
      const count = this.#categories.length;
      let present = 0;
      for (let i = 0; i < this.#length; i++) if ((this.#codes[i] as number) >= 0) present++;
      const repeated = 2 * count <= present || this.#categories.every(isBooleanWord);
      if (repeated) this.#state = "category";
      else this.#toText();
    }
    this.#fixed = true;
    return this.kind;
  }

  #decide(cell: string): boolean {
    if (this.#missing.has(cell)) {
      this.#pushNumber(Number.NaN, cell);
      return true;
    }
    if (!Number.isNaN(parseNumber(cell))) this.#state = "number";
    else if (!Number.isNaN(parseDate(cell))) this.#state = "date";
    else return this.#toStrings(cell);
    return this.add(cell);
  }

  #addNumber(cell: string): boolean {
    const value = parseNumber(cell, this.#named);
    if (Number.isNaN(value) || this.#numericMarkers) return this.#addParsed(cell, value);
    this.#pushNumber(value, cell);
    return true;
  }

  #addParsed(cell: string, value: number): boolean {
    if (this.#missing.has(cell)) this.#pushNumber(Number.NaN, cell);
    else if (!Number.isNaN(value)) this.#pushNumber(value, cell);
    else return !this.#fixed && this.#toStrings(cell);
    return true;
  }

  #pushNumber(value: number, cell: string): void {
    if (this.#length === this.#numbers.length) {
      const grown = new Float64Array(2 * this.#length);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    if (!this.#fixed && this.#length < this.#sampleSize) this.#sample.push(cell);
    this.#numbers[this.#length++] = value;
  }

  #addCode(cell: string): boolean {
    const known = this.#codeOf.get(cell);
    if (known !== undefined) {
      this.#pushCode(known);
      return true;
    }
    if (this.#state === "strings" && this.#categories.length === mostCategories) {
      this.#toText();
      this.#texts[this.#length++] = cell;
      return true;
    }
    this.#codeOf.set(cell, this.#categories.length);
    this.#pushCode(this.#categories.length);
    this.#categories.push(cell);
    return true;
  }

  #pushCode(code: number): void {
    if (this.#length === this.#codes.length) {
      const grown = new Int32Array(2 * this.#length);
      grown.set(this.#codes);
      this.#codes = grown;
    }
    this.#codes[this.#length++] = code;
  }

  /** From numbers, dates or nothing to strings: out of the sample, where it holds all cells so far. */
  #toStrings(cell: string): boolean {
    const sample = this.#sample;
    const count = this.#length;
    if (sample.length < count) {
      this.#state = "lost";
      this.#length++;
      return true;
    }
    this.#state = "strings";
    this.#length = 0;
    this.#sample = [];
    // The empty cells of a sample are missing ones, whatever the markers are.
    for (const old of sample) this.#missing.has(old) ? this.#pushCode(-1) : this.#addCode(old);
    return this.#addCode(cell);
  }

  #toText(): void {
    this.#state = "text";
    this.#texts = Array.from(this.#codes.subarray(0, this.#length), (code) => this.#categories[code] ?? null);
    this.#codeOf.clear();
    this.#categories = [];
  }
}
