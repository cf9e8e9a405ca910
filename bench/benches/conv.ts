/** A 3 x 3 convolution in the middle of a network and its two gradients, against the multiply-add peak. */
import { nabla, plain, torch } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";

export interface ConvJob {
  readonly batch: number;
  readonly size: number;
  readonly channels: number;
  /** Of x [batch, size, size, channels], w [3, 3, channels, channels] and, for the gradients, that of the output. */
  readonly pass: "forward" | "input" | "filter";
  readonly threads: number;
}

const titles = { forward: "forward", input: "input gradient", filter: "filter gradient" } as const;

function conv(pass: ConvJob["pass"]): Bench {
  const job: Omit<ConvJob, "threads"> = { batch: 32, size: 16, channels: 64, pass };
  // Taps outside of the image count too, as is usual.
  const gflop = (2 * job.batch * job.size ** 2 * 9 * job.channels ** 2) / 1e9;
  return {
    name: `conv-${pass}`,
    title: `Convolution 3 x 3, 64 to 64 channels, 32 images of 16 x 16: ${titles[pass]}`,
    unit: "GFLOP/s",
    perUnit: gflop,
    job,
    contestants: () => [
      ...nabla("conv").map(plain),
      ...torch("conv", { name: "PyTorch (oneDNN)" }),
      ...torch("conv", { name: "PyTorch (oneDNN), channels last", args: ["--channels-last"] }),
    ],
    floor: { flops: 1e9, note: "FMA peak" },
  };
}

export const suite: Suite = {
  name: "conv",
  benches: () => (Object.keys(titles) as ConvJob["pass"][]).map(conv),
};
