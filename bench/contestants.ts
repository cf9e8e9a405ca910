/** Who can take part, each at one thread and at two where it can use them. Programs lie in peers/, named after their library. */
import { fileURLToPath } from "node:url";
import type { PeerSpec } from "./peer.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** NABLA_BENCH_PYTHON names a Python that has the Python contestants' packages; else python3 is tried. */
export const python = process.env.NABLA_BENCH_PYTHON ?? "python3";
/** NABLA_BENCH_NODE names a newer Node for the contestants that ask for one. */
const newerNode = process.env.NABLA_BENCH_NODE ?? process.execPath;
const installBench = "npm ci --prefix bench";

export interface Choice {
  /** What the table calls it. */
  readonly name?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly threads?: readonly number[];
}

/** nabla as users run it: peers/nabla_<program>.ts imports the built package (dist/), by the paths of bench/tsconfig.json. */
export function nabla(
  program: string,
  { name = "nabla", args = [], env = {}, threads = [1, 2] }: Choice = {},
) {
  return threads.map(
    (count): PeerSpec => ({
      name,
      threads: count,
      command: process.execPath,
      args: ["--import", "tsx", here(`peers/nabla_${program}.ts`), ...args],
      env: { TSX_TSCONFIG_PATH: here("tsconfig.json"), NABLA_THREADS: String(count), ...env },
    }),
  );
}

/** A contestant as a plain .mjs program, with its collector within reach, so that what loading left behind can be cleared away. */
export const plain = (spec: PeerSpec): PeerSpec => ({
  ...spec,
  args: [
    "--expose-gc",
    ...spec.args.filter((arg) => /[/=]/.test(arg)).map((arg) => arg.replace(/\.ts$/, ".mjs")),
  ],
  env: {},
});

function pythonPeer(
  file: string,
  name: string,
  threads: number,
  install: string,
  choice: Choice,
  more: Partial<PeerSpec> & { env?: Record<string, string> } = {},
): PeerSpec {
  const { args = [], env = {} } = choice;
  return {
    name,
    threads,
    command: python,
    args: [here(`peers/${file}.py`), ...args],
    install: `${install}; NABLA_BENCH_PYTHON names the Python to use`,
    ...more,
    env: { OMP_NUM_THREADS: String(threads), ...more.env, ...env },
  };
}

/** peers/torch_<program>.py. Spinning OpenMP threads hurt on shared cores, so two threads take part in both ways of waiting. */
export function torch(program: string, choice: Choice = {}): PeerSpec[] {
  const { name = "PyTorch", threads = [1, 2] } = choice;
  const file = `torch_${program}`;
  const install = "pip install torch";
  return threads.flatMap((count) => {
    const spinning = pythonPeer(file, name, count, install, choice);
    if (count === 1) return [spinning];
    const passive = { variant: "passive waiting", env: { OMP_WAIT_POLICY: "passive" } };
    return [spinning, pythonPeer(file, name, count, install, choice, passive)];
  });
}

/** peers/jax_<program>.py, on the CPU. NPROC is the size of XLA's thread pool. */
export function jax(program: string, choice: Choice = {}): PeerSpec[] {
  const { name = "JAX", threads = [1, 2] } = choice;
  return threads.map((count) =>
    pythonPeer(`jax_${program}`, name, count, "pip install jax", choice, {
      env: {
        JAX_PLATFORMS: "cpu",
        NPROC: String(count),
        XLA_FLAGS: count === 1 ? "--xla_cpu_multi_thread_eigen=false" : "",
      },
    }),
  );
}

/** peers/sklearn_<program>.py. `otherMaths` says why its numbers are not compared. */
export function sklearn(program: string, choice: Choice & { otherMaths?: string } = {}): PeerSpec[] {
  const { name = "scikit-learn", threads = [1] } = choice;
  const more = choice.otherMaths === undefined ? {} : { otherMaths: choice.otherMaths };
  return threads.map((count) =>
    pythonPeer(`sklearn_${program}`, name, count, "pip install scikit-learn", choice, more),
  );
}

/** peers/onnx_<program>.py: onnxruntime. */
export function onnx(program: string, choice: Choice = {}): PeerSpec[] {
  const { name = "onnxruntime", threads = [1, 2] } = choice;
  return threads.map((count) =>
    pythonPeer(`onnx_${program}`, name, count, "pip install onnxruntime", choice),
  );
}

function script(file: string, name: string, command: string, choice: Choice): PeerSpec {
  const { args = [], env = {} } = choice;
  return {
    name,
    threads: 1,
    command,
    args: [here(`peers/${file}.mjs`), ...args],
    env,
    install: installBench,
  };
}

/** peers/tfjs_<program>.mjs: TensorFlow.js, which trains on one thread in Node. */
export function tfjs(program: string, backend: "wasm" | "cpu", choice: Choice = {}): PeerSpec[] {
  const { name = `TensorFlow.js ${backend}`, args = [] } = choice;
  return [
    script(`tfjs_${program}`, name, process.execPath, { ...choice, args: [...args, `--backend=${backend}`] }),
  ];
}

/** peers/jaxjs_<program>.mjs: @jax-js/jax on its WebAssembly backend. */
export function jaxJs(program: string, choice: Choice = {}): PeerSpec[] {
  return [script(`jaxjs_${program}`, choice.name ?? "jax-js wasm", newerNode, choice)];
}

/** peers/brainjs_<program>.mjs: brain.js on one thread. */
export function brainJs(program: string, choice: Choice & { otherMaths?: string } = {}): PeerSpec[] {
  const spec = script(`brainjs_${program}`, choice.name ?? "brain.js", process.execPath, choice);
  return [choice.otherMaths === undefined ? spec : { ...spec, otherMaths: choice.otherMaths }];
}
