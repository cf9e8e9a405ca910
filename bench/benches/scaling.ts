/** The time of a training step against the number of parameters and against the batch; `bench/scaling-picture.ts` draws it. */
import { nabla, torch } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";
import { type MlpJob, mlpFlops } from "../mlp.ts";
import type { PeerSpec } from "../peer.ts";
import { values } from "../peers/values.mjs";
import type { Report } from "../report.ts";
import { formatRate } from "../stats.ts";
import { bestPeer, circumstances, formatRatio, markdownTable, medianAt } from "../summary.ts";
import { writeArray } from "../weights.ts";

const features = 64;
const parameterCounts = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
const batches = [32, 128, 512, 2048, 4096];

/** Weights and biases of a network. */
const countOf = (sizes: readonly number[]): number =>
  sizes.slice(1).reduce((sum, outputs, i) => sum + outputs * ((sizes[i] as number) + 1), 0);

/** 64-w-w-1 with about so many parameters: w^2 + 67 w + 1. */
function networkOf(parameters: number): number[] {
  const width = Math.round((Math.sqrt(67 ** 2 + 4 * (parameters - 1)) - 67) / 2);
  return [features, width, width, 1];
}

/** Uniform in +-1/sqrt(in), biases too. */
function weightsOf(sizes: readonly number[]): Float32Array {
  const flat = new Float32Array(countOf(sizes));
  let offset = 0;
  for (const [layer, inputs] of sizes.slice(0, -1).entries()) {
    const count = (inputs + 1) * (sizes[layer + 1] as number);
    flat.set(values(count, layer + 1, -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs)), offset);
    offset += count;
  }
  return flat;
}

function makeJob(name: string, sizes: readonly number[], rows: number): Omit<MlpJob, "threads"> {
  return {
    sizes,
    loss: "bce",
    rows,
    inputs: writeArray(`${name}-inputs`, values(rows * features, 8, -1, 1)),
    labels: writeArray(
      `${name}-labels`,
      values(rows, 9).map((value) => Math.round(value)),
    ),
    weights: writeArray(`${name}-weights`, weightsOf(sizes)),
    batch: rows,
    // So small that wide networks stay comparable step by step.
    optimizer: "adam",
    learningRate: 1e-6,
  };
}

/** Two contestants only: at 10^8 parameters each process holds some gigabytes. */
const contestants = (): PeerSpec[] => [
  ...nabla("mlp"),
  ...torch("mlp", { name: "PyTorch, fused Adam", args: ["--fused"] }).filter(
    ({ variant }) => variant === undefined,
  ),
];

function scaling(name: string, title: string, sizes: readonly number[], rows: number): Bench {
  const parameters = countOf(sizes);
  // Parameters, gradients and moments of a large network do not stay in cache: Adam moves 28 bytes a parameter.
  const bytes = 16 * parameters > 100e6 ? 28 * parameters : 0;
  let job: object | undefined;
  return {
    name,
    title: `A step of ${sizes.join("-")} (${title}), Adam`,
    unit: "ms",
    lowerIsBetter: true,
    perUnit: 1,
    // Made when it is run: the largest network's weights are 400 MB.
    get job() {
      job ??= makeJob(name, sizes, rows);
      return job;
    },
    contestants,
    tolerance: 1e-3,
    floor: {
      flops: rows * mlpFlops(sizes),
      bytes,
      note: "products, and Adam's traffic from 10^7 parameters",
    },
  };
}

function summary(reports: readonly Report[]): string {
  const rows = reports.map((report) => {
    const own = [1, 2].map((threads) => medianAt(report, "nabla", threads));
    const other = bestPeer(report)?.measured.median;
    const best = Math.min(...own.map((median) => median ?? Number.POSITIVE_INFINITY));
    return [
      report.title,
      ...[...own, other].map((median) => (median === undefined ? "" : formatRate(median))),
      formatRatio(other === undefined ? undefined : other / best),
      report.floor === undefined ? "" : formatRatio(best / report.floor.value),
    ];
  });
  const head = [
    "",
    "nabla, 1 thread, ms",
    "2 threads, ms",
    "PyTorch, fused Adam, ms",
    "nabla is",
    "of the floor's time",
  ];
  return ["**The time of a training step**", markdownTable(head, rows), circumstances(reports)].join("\n\n");
}

export const suite: Suite = {
  name: "scaling",
  benches: () => [
    ...parameterCounts.map((count) =>
      scaling(
        `scaling-parameters-1e${Math.log10(count)}`,
        `10^${Math.log10(count)} parameters, batch 32`,
        networkOf(count),
        32,
      ),
    ),
    ...batches.map((batch) =>
      scaling(`scaling-batch-${batch}`, `batch ${batch}`, [features, 256, 256, 1], batch),
    ),
  ],
  summary,
};
