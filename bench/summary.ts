/** Several reports in one table. */
import { bestOfEach, type Report } from "./report.ts";

/** A contestant's median at a thread count, in its best variant; undefined where it took no part. */
export function medianAt(report: Report, peer: string, threads: number): number | undefined {
  const own = report.results.filter((result) => result.peer === peer && result.threads === threads);
  return bestOfEach(own, report.lowerIsBetter)[0]?.measured.median;
}

/** The best contestant whose name is not nabla's, each at its best thread count. */
export const bestPeer = (report: Report) =>
  bestOfEach(report.results, report.lowerIsBetter).find(({ peer }) => peer !== "nabla");

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

export const formatRatio = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? "" : `${value.toFixed(2)}x`;

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** When, where and how quietly, for under a table. */
export function circumstances([report]: readonly Report[]): string {
  if (report === undefined) return "";
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const busy = report.noise === undefined ? [] : [`**measured on a busy machine: ${report.noise}**`];
  return `${[report.date, report.machine, versions.join(", "), ...busy].join("; ")}.`;
}
