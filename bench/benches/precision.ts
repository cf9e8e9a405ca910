/** Mixed precision: the time of a training step in each precision, against PyTorch in f32 and under autocast to bf16. */
import { nabla, plain, torch } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { Bench, Suite } from "../job.ts";

const kinds = ["f32/f32", "f32/bf16", "bf16/bf16", "f16/f32"];

const bench = (network: string, title: string, batch: number): Bench => ({
  name: `precision-${network}`,
  title: `A training step in storage / product precision; ${title}, batch ${batch}, Adam`,
  unit: "ms",
  lowerIsBetter: true,
  perUnit: 1,
  job: { network, batch, rows: 8192, epochs: 6 },
  contestants: () => [
    ...kinds.flatMap((kind) =>
      nabla("precision", { name: `nabla ${kind}`, args: [`--precision=${kind}`], threads: [2] }).map(plain),
    ),
    ...torch("precision", { threads: [2] }).filter(({ variant }) => variant === undefined),
    ...torch("precision", { threads: [2], name: "PyTorch autocast bf16", args: ["--autocast"] }).filter(
      ({ variant }) => variant === undefined,
    ),
  ],
  measure: async (spec, job) => Number((await firstAnswer(spec, job)).answer.ms),
});

export const suite: Suite = {
  name: "precision",
  benches: () => [bench("wide", "784-1024-1024-10 network", 256), bench("lenet", "LeNet-5", 128)],
};
