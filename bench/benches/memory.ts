/** Peak memory of training MNIST for an epoch: above the data set that the process holds, and of the whole process. */
import { nabla, plain, tfjs, torch } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { Bench, Suite } from "../job.ts";
import { mnistArrays } from "../mnist.ts";
import type { PeerSpec } from "../peer.ts";

/** What the programs say of their process, in MB: libraries imported, data set loaded as f32, and at most from then on. */
interface Answer {
  readonly empty: number;
  readonly base: number;
  readonly peak: number;
}

const contestants = (): PeerSpec[] => [
  ...nabla("memory", { threads: [2] }).map(plain),
  ...torch("memory", { threads: [2] }).filter(({ variant }) => variant === undefined),
  ...torch("memory", { name: "PyTorch, fused Adam", args: ["--fused"], threads: [2] }).filter(
    ({ variant }) => variant === undefined,
  ),
  ...tfjs("memory", "wasm").map(plain),
];

function memory(name: string, title: string, of: (answer: Answer) => number): Bench {
  const arrays = mnistArrays();
  const testInputs = { ...arrays.inputs, path: arrays.inputs.path.replace("train-", "t10k-") };
  return {
    name,
    title: `${title}; an epoch of MNIST, 784-128-128-10 network, batch 32, Adam`,
    unit: "MB",
    lowerIsBetter: true,
    perUnit: 1,
    job: { ...arrays, testInputs, sizes: [784, 128, 128, 10], batch: 32 },
    contestants,
    measure: async (spec, job) => of((await firstAnswer(spec, job)).answer as unknown as Answer),
  };
}

export const suite: Suite = {
  name: "memory",
  benches: () => [
    memory("memory", "Peak memory above the loaded data set", ({ base, peak }) => peak - base),
    memory("memory-process", "Peak memory of the process", ({ peak }) => peak),
  ],
};
