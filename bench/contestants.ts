/** Who can take part: nabla, PyTorch where a Python has it, and TensorFlow.js where bench/ is installed. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { PeerSpec } from "./peer.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** NABLA_BENCH_PYTHON names a Python that has torch; else python3 is tried. */
const python = process.env.NABLA_BENCH_PYTHON ?? "python3";

const torch = (
  name: string,
  threads: number,
  args: readonly string[],
  env: Record<string, string>,
): PeerSpec => ({
  name,
  threads,
  command: python,
  args: [here("peers/torch_mlp.py"), ...args],
  env: { OMP_NUM_THREADS: String(threads), ...env },
});

/** Every contestant at one thread and at two, where it can use them. */
export function contestants(): PeerSpec[] {
  const both = [1, 2];
  const specs: PeerSpec[] = both.map((threads) => ({
    name: "nabla",
    threads,
    command: process.execPath,
    args: ["--import", "tsx", here("peers/nabla_mlp.ts")],
    env: { NABLA_THREADS: String(threads) },
  }));
  // As users write it; with the fused Adam, its fastest; and with the forward and backward pass compiled too.
  for (const [name, args] of [
    ["PyTorch", []],
    ["PyTorch, fused Adam", ["--fused"]],
    ["PyTorch, compiled", ["--compile"]],
  ] as const) {
    for (const threads of both) specs.push(torch(name, threads, args, {}));
    // Spinning OpenMP threads hurt on shared cores; a peer is taken at its best.
    specs.push(torch(name, 2, args, { OMP_WAIT_POLICY: "passive" }));
  }
  if (existsSync(here("node_modules/@tensorflow/tfjs"))) {
    specs.push({
      name: "TensorFlow.js wasm",
      threads: 1,
      command: process.execPath,
      args: [here("peers/tfjs_mlp.mjs")],
      env: {},
    });
  } else {
    process.stderr.write("TensorFlow.js takes no part: `npm ci --prefix bench` installs it.\n");
  }
  return specs;
}
