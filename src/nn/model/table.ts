/** The text of a summary. */
import { formatShape } from "../../util/index.ts";
import type { Summary, SummaryRow } from "./summary.ts";

const number = (value: number): string => value.toLocaleString("en-US");

/** 1.23 M, with three digits. */
function short(value: number): string {
  const steps = [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  const [size, letter] = steps.find(([least]) => value >= least) ?? [1, ""];
  return `${Number((value / size).toPrecision(3))} ${letter}`.trimEnd();
}

interface Column {
  readonly head: string;
  readonly right: boolean;
  readonly cell: (row: SummaryRow) => string;
}

const plain: readonly Column[] = [
  { head: "layer", right: false, cell: ({ path }) => path },
  { head: "type", right: false, cell: ({ kind }) => kind },
  { head: "own parameters", right: false, cell: ({ shapes }) => shapes },
  { head: "count", right: true, cell: ({ count }) => number(count) },
];

const measured: readonly Column[] = [
  {
    head: "output",
    right: false,
    cell: ({ output }) => (output === undefined ? "not run" : formatShape(output)),
  },
  { head: "flops", right: true, cell: ({ work }) => (work === undefined ? "" : short(work.flops)) },
  { head: "output bytes", right: true, cell: ({ bytes }) => (bytes === undefined ? "" : number(bytes)) },
];

/** A line a row, then the totals; with a head where an input was given. */
export function table({ rows, trainable, frozen, work, bytes }: Omit<Summary, "toString">): string {
  const columns = work === undefined ? plain : [...plain, ...measured];
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const lines = work === undefined ? cells : [columns.map(({ head }) => head), ...cells];
  const widths = columns.map((_, at) => Math.max(0, ...lines.map((line) => (line[at] ?? "").length)));
  const text = lines.map((line) =>
    line
      .map((cell, at) => (columns[at]?.right ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const total = `${number(trainable)} trainable parameters${frozen > 0 ? `, ${number(frozen)} not trained` : ""}`;
  if (work === undefined || bytes === undefined) return [...text, total].join("\n");
  const cost = `${short(work.flops)} flops (${short(work.macs)} multiply-adds), ${short(bytes)} bytes of outputs`;
  return [...text, total, cost].join("\n");
}
