/** The latency of one row through the network of the MNIST benchmark, for a caller that has another row each time. */
import { fileURLToPath } from "node:url";
import { jaxJs, nabla, plain, tfjs, torch } from "../contestants.ts";
import type { ArrayFile, Bench, Suite } from "../job.ts";
import { lenetProducts, networks } from "../networks.ts";
import type { PeerSpec } from "../peer.ts";
import { values } from "../peers/values.mjs";
import { writeArray, writeWeights } from "../weights.ts";

export interface InferenceJob {
  readonly sizes: readonly number[];
  /** f32: weight [in, out] and bias [out] of each layer in turn; ReLU stands between the layers. */
  readonly weights: ArrayFile;
  /** f32 [rows, in]; calls take them in turn. */
  readonly inputs: ArrayFile;
  readonly rows: number;
  readonly threads: number;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** onnxruntime's own package for Node; `onnx` in contestants.ts is its Python one. */
function onnxruntimeNode(): PeerSpec[] {
  const install = "ONNXRUNTIME_NODE_INSTALL=skip npm ci --prefix bench installs it";
  return [1, 2].map((threads) => ({
    name: "onnxruntime-node",
    threads,
    command: process.execPath,
    args: [here("../peers/ort_inference.mjs")],
    env: {},
    install,
  }));
}

function inference(): Bench[] {
  const sizes = [784, 128, 128, 10];
  const rows = 64;
  const job: Omit<InferenceJob, "threads"> = {
    sizes,
    weights: writeWeights("inference-weights", sizes),
    inputs: writeArray("inference-inputs", values(rows * 784, 1)),
    rows,
  };
  const bytes = 4 * (784 * 128 + 128 * 128 + 128 * 10 + 128 + 128 + 10);
  return [
    {
      name: "inference",
      title: "784-128-128-10 network, one row a call",
      unit: "µs",
      lowerIsBetter: true,
      perUnit: 1,
      job,
      contestants: () => [
        ...nabla("inference"),
        ...torch("inference"),
        ...torch("inference", { name: "PyTorch, traced and frozen", args: ["--traced"] }),
        ...onnxruntimeNode(),
        ...tfjs("inference", "wasm"),
        ...jaxJs("inference"),
      ],
      floor: { bytes, from: "cache", note: "reading the weights from cache" },
    },
  ];
}

/** The trained network has other weights and the same work. */
function lenet(): Bench {
  const { title, job } = networks.lenet;
  return {
    name: "inference-lenet",
    title: `${title.split(",")[0]}, one image a call`,
    unit: "µs",
    lowerIsBetter: true,
    perUnit: 1,
    job: job(),
    contestants: () => [
      ...nabla("network_inference").map(plain),
      ...torch("network_inference"),
      ...torch("network_inference", { name: "PyTorch, traced and frozen", args: ["--traced"] }),
    ],
    floor: { flops: 2 * lenetProducts, note: "the products alone" },
  };
}

export const suite: Suite = { name: "inference", benches: () => [...inference(), lenet()] };
