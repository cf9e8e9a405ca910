/** Elementwise work and a row-wise one over 64 and 16 MB: exact gelu of a * x + b, and softmax. */
import { nabla, torch } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";

export interface ElementwiseJob {
  readonly operation: "gelu" | "softmax";
  readonly shape: readonly number[];
  readonly threads: number;
}

function elementwise(operation: ElementwiseJob["operation"], shape: readonly number[], title: string): Bench {
  const bytes = 8 * shape.reduce((product, dim) => product * dim, 1);
  const job: Omit<ElementwiseJob, "threads"> = { operation, shape };
  return {
    name: `elementwise-${operation}`,
    title: `${title}; 8 bytes counted an element`,
    unit: "GB/s",
    perUnit: bytes / 1e9,
    job,
    contestants: () => [
      ...nabla("elementwise"),
      ...torch("elementwise"),
      ...torch("elementwise", { name: "PyTorch, out=", args: ["--out"] }),
      ...torch("elementwise", { name: "PyTorch, compiled", args: ["--compile"] }),
    ],
    floor: { bytes: 1e9, note: "the faster triad" },
  };
}

export const suite: Suite = {
  name: "elementwise",
  benches: () => [
    elementwise("gelu", [2 ** 24], "gelu(a * x + b) with the exact erf over 16M elements"),
    elementwise("softmax", [4096, 1024], "softmax over the rows of [4096, 1024]"),
  ],
};
