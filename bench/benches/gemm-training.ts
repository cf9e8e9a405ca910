/** The matrix products of small training steps, each against the fastest library there is, at its best of one and two threads. */
import type { Suite } from "../job.ts";
import { fromC, fromPython, type Product, productBench } from "../product.ts";
import { bestOfEach, type Report } from "../report.ts";
import { formatRate } from "../stats.ts";
import { circumstances, formatRatio, geometricMean, markdownTable } from "../summary.ts";

const products: readonly Product[] = [
  [32, 128, 784], // forward, first layer, batch 32
  [784, 128, 32, "A"], // its weights' gradient
  [784, 128, 128, "A"], // the same at batch 128
  [128, 128, 784], // forward, first layer, batch 128
  [128, 784, 128, "B"], // an input's gradient
  [32, 10, 128], // forward, head
  [128, 10, 32, "A"], // the head's weights' gradient, batch 32
  [128, 10, 128, "A"], // the same at batch 128
  [32, 128, 10, "B"], // the head's input's gradient
  [64, 64, 1024],
  [1, 1024, 1024], // matrix times vector
];

const fromPythonNames = new Set(fromPython().map(({ name }) => name));

/** nabla's rate over the best of the others. */
function times(report: Report, rival: (peer: string) => boolean): { rival: string; ratio: number } {
  const best = bestOfEach(report.results, false);
  const own = best.find(({ peer }) => peer === "nabla")?.measured.median ?? Number.NaN;
  const other = best.find(({ peer }) => peer !== "nabla" && rival(peer));
  return { rival: other?.peer ?? "", ratio: own / (other?.measured.median ?? Number.NaN) };
}

function summary(reports: readonly Report[]): string {
  const all = reports.map((report) => times(report, () => true));
  const python = reports.map((report) => times(report, (peer) => fromPythonNames.has(peer)));
  const rows = reports.map((report, i) => {
    const own = bestOfEach(report.results, false).find(({ peer }) => peer === "nabla");
    const label = report.title.split("= ").at(-1) ?? "";
    const rate = own === undefined ? "" : `${formatRate(own.measured.median)} (${own.threads})`;
    return [label, rate, all[i]?.rival ?? "", formatRatio(all[i]?.ratio), formatRatio(python[i]?.ratio)];
  });
  const line = (name: string, of: (ratios: number[]) => number): string[] => [
    name,
    "",
    "",
    ...[all, python].map((column) => formatRatio(of(column.map(({ ratio }) => ratio)))),
  ];
  return [
    "**Products of training, f32**",
    markdownTable(
      [
        "M x N x K",
        "nabla, GFLOP/s (threads)",
        "fastest other",
        "nabla is",
        "nabla is, of what Python users get",
      ],
      [...rows, line("geometric mean", geometricMean), line("least", (ratios) => Math.min(...ratios))],
    ),
    `The libraries are called from a C loop, as nabla's plans call its kernels, and from Python with \`out=\`, where each call costs them a microsecond or two more. ${circumstances(reports)}`,
  ].join("\n\n");
}

export const suite: Suite = {
  name: "gemm-training",
  benches: () =>
    products.map((product) => productBench("gemm-training", product, () => [...fromPython(), ...fromC()])),
  summary,
};
