/** Square matrix products against the measured peak of the machine, at one thread and at two. */
import type { Suite } from "../job.ts";
import { fromPython, productBench } from "../product.ts";
import type { Report } from "../report.ts";
import { formatRate } from "../stats.ts";
import { circumstances, markdownTable, medianAt } from "../summary.ts";

const sizes = [128, 256, 512, 768, 1024, 2048];
const peers = ["nabla", "PyTorch (MKL)", "NumPy (OpenBLAS)"];

function row(report: Report): string[] {
  const cells = [0, 1].flatMap((at) => {
    const medians = peers.map((peer) => medianAt(report, peer, at + 1));
    const percent = (100 * (medians[0] ?? Number.NaN)) / (report.ceilings.fma[at] as number);
    return [
      ...medians.map((median) => (median === undefined ? "" : formatRate(median))),
      `${Math.round(percent)} %`,
    ];
  });
  return [report.title.match(/\d+$/)?.[0] ?? "", ...cells];
}

function summary(reports: readonly Report[]): string {
  const head = [1, 2].flatMap((threads) => [...peers, "of peak"].map((name) => `${name}, ${threads} T`));
  const peak = reports[0]?.ceilings.fma.map((value) => Math.round(value)).join(" and ");
  return [
    "**Square f32 products, GFLOP/s**",
    markdownTable(["N", ...head], reports.map(row)),
    `"Of peak" is nabla's share of the measured multiply-add peak, ${peak} GFLOP/s on one and two threads. ${circumstances(reports)}`,
  ].join("\n\n");
}

export const suite: Suite = {
  name: "gemm",
  benches: () => sizes.map((n) => productBench("gemm", [n, n, n], fromPython)),
  summary,
};
