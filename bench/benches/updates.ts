/** One whole update of many parameters by several optimizers: bound by memory, or by what a small tensor costs. */
import { jax, jaxJs, nabla, tfjs, torch } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";
import type { Report } from "../report.ts";

/** The chains that are measured; the peers build theirs by these names. */
export type Rule = "momentum" | "adam" | "adamw-clip-ema" | "lion";

/** The gradients are given and stay the same. */
export interface UpdateJob {
  readonly rule: Rule;
  readonly tensors: number;
  readonly size: number;
  readonly learningRate: number;
  readonly threads: number;
}

interface Case {
  readonly title: string;
  readonly learningRate: number;
  /** From and to memory for a parameter, each array that a pass needs counted once. */
  readonly bytes: number;
  readonly counted: string;
}

const rules: Record<Rule, Case> = {
  momentum: {
    title: "SGD with momentum 0.9",
    learningRate: 0.01,
    bytes: 20,
    counted: "gradient, parameter and momentum read, two of them written",
  },
  adam: {
    title: "Adam",
    learningRate: 1e-3,
    bytes: 28,
    counted: "gradient, parameter and two moments read, three of them written",
  },
  "adamw-clip-ema": {
    title: "AdamW after clipping the global norm to 1, with an average of the parameters",
    learningRate: 1e-3,
    bytes: 40,
    counted:
      "the gradients for the norm; then gradient, parameter, moments and average read, four of them written",
  },
  lion: {
    title: "Lion with weight decay",
    learningRate: 1e-4,
    bytes: 20,
    counted: "gradient, parameter and momentum read, two of them written",
  },
};

function update(name: string, rule: Rule, tensors: number, parameters: number): Bench {
  const { title, learningRate, bytes, counted } = rules[rule];
  const job: Omit<UpdateJob, "threads"> = { rule, tensors, size: parameters / tensors, learningRate };
  const many = parameters >= 1e6 ? `${parameters / 1e6}M` : `${parameters / 1000}k`;
  const inMemory = parameters >= 1e6;
  const section = ({ results }: Report): string => {
    const mine = results.filter(({ peer }) => peer === "nabla").map(({ measured }) => measured.median);
    const moved = (Math.max(...mine) * bytes * parameters) / 1e9;
    return `nabla moves ${moved.toFixed(1)} GB/s, counting ${bytes} bytes a parameter (${counted}).`;
  };
  const adam = rule === "adam";
  return {
    name,
    title: `${title}: ${many} parameters in ${tensors === 1 ? "one tensor" : `${tensors.toLocaleString("en")} tensors`}, gradients given`,
    unit: "steps/s",
    perUnit: 1,
    // The sum of all parameters nearly cancels: steps of one size round alike, so it shows their rounding.
    ...(rule === "lion" && { tolerance: 1e-3 }),
    job,
    contestants: () => [
      ...nabla("update"),
      ...(rule === "lion" ? [] : torch("update")),
      ...torch("update", { name: "PyTorch, foreach", args: ["--foreach"] }),
      ...(rule === "lion" ? [] : torch("update", { name: "PyTorch, fused", args: ["--fused"] })),
      ...jax("update", { name: "JAX, optax" }),
      ...(adam && inMemory ? [...tfjs("adam", "wasm"), ...jaxJs("adam")] : []),
    ],
    ...(inMemory && {
      floor: {
        bytes: bytes * parameters,
        note: `${bytes} bytes a parameter from memory, by the faster triad`,
      },
    }),
    section,
  };
}

export const suite: Suite = {
  name: "updates",
  benches: () => [
    update("adam-10m-1", "adam", 1, 1e7),
    update("adam-10m-100", "adam", 100, 1e7),
    update("momentum-10m", "momentum", 1, 1e7),
    update("adamw-clip-ema-10m", "adamw-clip-ema", 1, 1e7),
    update("lion-10m", "lion", 1, 1e7),
    update("adam-100k-1000", "adam", 1000, 1e5),
  ],
};
