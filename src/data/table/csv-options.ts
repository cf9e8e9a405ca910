/** What a CSV file is like: options checked, and turned into those of csv-parse. */
import type { CsvError, Options as ParserOptions } from "csv-parse";
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { type ColumnKind, checkKind, defaultMissing } from "./infer.ts";

export interface CsvOptions {
  /** Default: the one of comma, semicolon, tab and bar that the first line has most of. */
  readonly delimiter?: string;
  /** Whether the first row names the columns; default true. Without, they are column1, column2 and so on. */
  readonly header?: boolean;
  /** Default: ". Inside a quoted cell it is written twice. */
  readonly quote?: string;
  /** Lines that begin with it are left out; default: none. */
  readonly comment?: string;
  /** Cells that stand for no value; default: an empty one, NA, N/A, NaN, null, None and ?. */
  readonly missing?: readonly string[];
  /** What columns are, by name, in place of what their cells look like. */
  readonly columns?: Readonly<Record<string, ColumnKind>>;
  /** A row of too few or many cells, or with a quote out of place, is an error, or is skipped and counted; default "error". */
  readonly onBadRow?: "error" | "skip";
  /** As TextDecoder knows them; default: by the mark of byte order, else UTF-8. */
  readonly encoding?: string;
  /** A row of more bytes is an error: a quote that is not closed would take the rest of the file for one cell. Default 1,000,000. */
  readonly maxRowBytes?: number;
}

export const csvOptionNames = optionNames<CsvOptions>({
  delimiter: true,
  header: true,
  quote: true,
  comment: true,
  missing: true,
  columns: true,
  onBadRow: true,
  encoding: true,
  maxRowBytes: true,
});

/** Throws ConfigError. */
export function checkCsvOptions(op: string, options: CsvOptions, more: readonly string[] = []): void {
  rejectUnknown(op, options, [...csvOptionNames, ...more]);
  const { delimiter, quote, onBadRow = "error", columns = {}, maxRowBytes = 1 } = options;
  if (delimiter === "" || quote === "" || (delimiter !== undefined && delimiter === quote)) {
    throw new ConfigError(`${op}: delimiter and quote must be two different characters.`);
  }
  if (onBadRow !== "error" && onBadRow !== "skip") {
    throw new ConfigError(`${op}: onBadRow must be "error" or "skip"; got "${String(onBadRow)}".`);
  }
  if (!Number.isSafeInteger(maxRowBytes) || maxRowBytes < 1) {
    throw new ConfigError(`${op}: maxRowBytes must be a whole number of at least 1; got ${maxRowBytes}.`);
  }
  for (const [name, kind] of Object.entries(columns)) checkKind(op, name, kind);
}

export const missingOf = ({ missing = defaultMissing }: CsvOptions): ReadonlySet<string> => new Set(missing);

/** Rows left out, with why and where for the first hundred. */
export class Skipped {
  count = 0;
  readonly problems: string[] = [];
  readonly #onSkip: ((problem: string) => void) | undefined;

  constructor(onSkip?: (problem: string) => void) {
    this.#onSkip = onSkip;
  }

  add(problem: string): void {
    this.count++;
    this.#onSkip?.(problem);
    if (this.problems.length < 100) this.problems.push(problem);
  }
}

export function parserOptions(
  { quote = '"', comment, onBadRow = "error", maxRowBytes = 1_000_000 }: CsvOptions,
  delimiter: string,
  name: string,
  skipped: Skipped,
): ParserOptions {
  return {
    delimiter,
    quote,
    escape: quote,
    ...(comment !== undefined && { comment, comment_no_infix: true }),
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
    max_record_size: maxRowBytes,
    skip_records_with_error: onBadRow === "skip",
    on_skip: (error) => {
      skipped.add(error === undefined ? `${name}: a row was left out.` : rowError(name, error, "").message);
      return undefined;
    },
  };
}

const candidates = [",", ";", "\t", "|"];

/** The one that the first line has most of outside quotes; a comma where it has none. */
export function sniffDelimiter(text: string, { quote = '"', comment }: CsvOptions): string {
  const counts = new Map(candidates.map((candidate) => [candidate, 0]));
  let quoted = false;
  let lineStart = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === quote) quoted = !quoted;
    else if ((character === "\n" || character === "\r") && !quoted) {
      const line = text.slice(lineStart, i);
      lineStart = i + 1;
      if (line.trim() !== "" && !(comment !== undefined && line.startsWith(comment))) break;
      for (const candidate of candidates) counts.set(candidate, 0);
    } else if (!quoted && counts.has(character)) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  return candidates.reduce((best, next) => ((counts.get(next) ?? 0) > (counts.get(best) ?? 0) ? next : best));
}

/** csv-parse's error in our words, with the line where it was found. `hint` says what can be done. */
export function rowError(name: string, error: CsvError, hint: string): DataError {
  const { code, lines, record, column } = error as CsvError & {
    readonly lines?: number;
    readonly record?: readonly unknown[];
    readonly column?: number | string;
  };
  const at = `${name}, line ${lines ?? "?"}`;
  const cell = typeof column === "number" ? `, column ${column + 1}` : "";
  switch (code) {
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
    case "CSV_RECORD_INCONSISTENT_COLUMNS":
      return new DataError(
        `${at}: a row must have as many cells as the first; got ${record?.length ?? "another number"}.${hint}`,
      );
    case "CSV_QUOTE_NOT_CLOSED":
      return new DataError(`${at}: a quote must be closed; the file ends within one.${hint}`);
    case "CSV_MAX_RECORD_SIZE":
      return new DataError(
        `${at}: a row must be shorter than maxRowBytes; got one that goes on. Is a quote not closed?${hint}`,
      );
    case "CSV_INVALID_CLOSING_QUOTE":
    case "CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE":
      return new DataError(
        `${at}${cell}: after a closing quote the cell must end. Inside a quoted cell a quote is written twice.${hint}`,
      );
    case "INVALID_OPENING_QUOTE":
      return new DataError(
        `${at}${cell}: a quote must open at the beginning of a cell. Quote the whole cell, and write the quote twice.${hint}`,
      );
    default:
      return new DataError(`${at}: the row cannot be read (${error.message}).${hint}`);
  }
}
