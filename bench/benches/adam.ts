/** The update of ten million parameters by Adam: bound by memory, 28 bytes a parameter. */
import { jax, jaxJs, nabla, tfjs, torch } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";
import type { Report } from "../report.ts";

/** The gradients are given and stay the same. */
export interface AdamJob {
  readonly tensors: number;
  readonly size: number;
  readonly learningRate: number;
  readonly threads: number;
}

const parameters = 10_000_000;
/** Gradient, parameter and two moments are read, three of them written. */
const bytes = 28 * parameters;

function section({ results }: Report): string {
  const best = Math.max(
    ...results.filter(({ peer }) => peer === "nabla").map(({ measured }) => measured.median),
  );
  return `nabla moves ${((best * bytes) / 1e9).toFixed(1)} GB/s, counting 28 bytes a parameter.`;
}

function adam(tensors: number): Bench {
  const job: Omit<AdamJob, "threads"> = { tensors, size: parameters / tensors, learningRate: 1e-3 };
  return {
    name: `adam-10m-${tensors}`,
    title: `Adam, 10M parameters in ${tensors === 1 ? "one tensor" : `${tensors} tensors`}, gradients given`,
    unit: "steps/s",
    perUnit: 1,
    job,
    contestants: () => [
      ...nabla("adam"),
      ...torch("adam"),
      ...torch("adam", { name: "PyTorch, foreach", args: ["--foreach"] }),
      ...torch("adam", { name: "PyTorch, fused", args: ["--fused"] }),
      ...jax("adam", { name: "JAX, optax" }),
      ...tfjs("adam", "wasm"),
      ...jaxJs("adam"),
    ],
    floor: { bytes, note: "28 bytes a parameter from memory, by the faster triad" },
    section,
  };
}

export const suite: Suite = { name: "adam-10m", benches: () => [1, 100].map(adam) };
