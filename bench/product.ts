/** A matrix product as a benchmark: its job, its contestants, its floor. */
import { nabla, torch } from "./contestants.ts";
import type { Bench } from "./job.ts";
import type { PeerSpec } from "./peer.ts";

export interface ProductJob {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** The operand lies in memory transposed, as [k, m] or [n, k]. */
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly threads: number;
}

/** M x N x K, and which operand lies transposed. */
export type Product = readonly [m: number, n: number, k: number, transposed?: "A" | "B"];

export const productLabel = ([m, n, k, transposed]: Product): string =>
  `${m}x${n}x${k}${transposed === undefined ? "" : `, ${transposed} transposed`}`;

/** OpenBLAS has threads of its own, so OpenMP's ways of waiting do not concern it. */
const openblas = (name: string, option: string): PeerSpec[] =>
  torch("product", { name, args: [option] }).filter(({ variant }) => variant === undefined);

/** The libraries as Python users call them, with memory for the result. */
export const fromPython = (): PeerSpec[] => [
  ...torch("product", { name: "PyTorch (MKL)", args: ["--torch"] }),
  ...openblas("NumPy (OpenBLAS)", "--numpy"),
];

/** The same libraries without Python between two products. oneDNN is only to be had through an operator of PyTorch. */
export const fromC = (): PeerSpec[] => [
  ...openblas("OpenBLAS from C", "--openblas"),
  ...torch("product", { name: "MKL from C", args: ["--mkl"] }),
  ...torch("product", { name: "oneDNN (PyTorch's linear)", args: ["--onednn"] }),
];

export function productBench(suite: string, product: Product, peers: () => PeerSpec[]): Bench {
  const [m, n, k, transposed] = product;
  const job: Omit<ProductJob, "threads"> = {
    m,
    n,
    k,
    transposeA: transposed === "A",
    transposeB: transposed === "B",
  };
  const gflop = (2 * m * n * k) / 1e9;
  // One row is a matrix-vector product: each element of the matrix is read for two operations.
  const floor =
    m === 1
      ? { bytes: (4 * n * k) / gflop, from: "cache" as const, note: "reading the matrix from cache" }
      : { flops: 1e9, note: "FMA peak" };
  return {
    name: `${suite}-${[m, n, k].join("x")}${transposed?.toLowerCase() ?? ""}`,
    title: `f32 product, M x N x K = ${productLabel(product)}`,
    unit: "GFLOP/s",
    perUnit: gflop,
    job,
    contestants: () => [...nabla("product"), ...peers()],
    floor,
  };
}
