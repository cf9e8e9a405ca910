/** Convolutional, recurrent and attention networks to train: their parameters, data and least arithmetic. */
import { nabla, plain, tfjs, torch } from "./contestants.ts";
import type { ArrayFile, Floor } from "./job.ts";
import { mnistArrays } from "./mnist.ts";
import type { PeerSpec } from "./peer.ts";
import { values } from "./peers/values.mjs";
import { type InitialParameter, writeArray, writeParameters } from "./weights.ts";

export type NetworkName = "lenet" | "resnet20" | "gpt" | "lstm";

/** A step takes the next `batch` rows, in order; after the last whole batch it begins again. Loss: mean cross-entropy. */
export interface NetworkJob {
  readonly network: NetworkName;
  /** Of the parameters in `weights`, one after the other: nabla's layout and order. */
  readonly shapes: readonly (readonly number[])[];
  readonly weights: ArrayFile;
  readonly rows: number;
  readonly inputs: ArrayFile;
  /** pixels: u8, to be divided by 255. tokens: u8. */
  readonly inputType: "pixels" | "f32" | "tokens";
  /** Of one row; images are channels last. */
  readonly inputShape: readonly number[];
  /** u8 classes. */
  readonly labels: ArrayFile;
  /** Of one row: [] where it has one class. */
  readonly labelShape: readonly number[];
  readonly batch: number;
  /** Adam 0.9, 0.999, 1e-8; AdamW with decay 0.01 of everything; SGD with momentum 0.9 and L2 1e-4. */
  readonly optimizer: "adam" | "adamW" | "sgd";
  readonly learningRate: number;
  readonly threads: number;
}

export interface Network {
  readonly title: string;
  /** What is counted, and how many of it a row is. */
  readonly unit: string;
  readonly perRow: number;
  readonly job: () => Omit<NetworkJob, "threads">;
  readonly floor: Floor;
  readonly contestants: () => PeerSpec[];
}

const weight = (...shape: number[]): InitialParameter => ({ shape });
const bias = (size: number): InitialParameter => ({ shape: [size], fill: 0 });
const affine = (...shape: number[]) => [weight(...shape), bias(shape.at(-1) as number)];
const norm = (size: number): InitialParameter[] => [{ shape: [size], fill: 1 }, bias(size)];

const lenet = [
  ...affine(5, 5, 1, 6),
  ...affine(5, 5, 6, 16),
  ...affine(400, 120),
  ...affine(120, 84),
  ...affine(84, 10),
];

const lenetFirst = 28 * 28 * 25 * 6;
/** Multiply-adds of one image forward. */
export const lenetProducts = lenetFirst + 100 * 150 * 16 + 400 * 120 + 120 * 84 + 84 * 10;

const widths = [16, 16, 16, 32, 32, 32, 64, 64, 64];
const resnet20 = [
  ...[weight(3, 3, 3, 16), ...norm(16)],
  ...widths.flatMap((width, i) => [
    ...[weight(3, 3, widths[i - 1] ?? 16, width), ...norm(width)],
    ...[weight(3, 3, width, width), ...norm(width)],
  ]),
  ...affine(64, 10),
];

const vocabulary = 65;
const block = [
  ...norm(128),
  ...[1, 2, 3, 4].flatMap(() => affine(128, 128)), // query, key, value, output
  ...norm(128),
  ...affine(128, 512),
  ...affine(512, 128),
];
const gpt = [weight(vocabulary, 128), weight(128, 128), ...[1, 2, 3, 4].flatMap(() => block), ...norm(128)];

/** Gates i, f, g, o; both biases, as PyTorch has them. */
const lstm = [weight(64, 512), weight(128, 512), bias(512), bias(512), ...affine(128, 10)];

/** Forward and back: 6 flops a multiply-add, 4 in a first layer, whose input needs no gradient. */
const floor = (first: number, rest: number): Floor => {
  const flops = 4 * first + 6 * rest;
  return { flops, note: `the products alone, ${(flops / 1e6).toPrecision(3)} MFLOP` };
};

function synthetic(
  name: NetworkName,
  parameters: readonly InitialParameter[],
  { rows, inputShape, labelShape }: Pick<NetworkJob, "rows" | "inputShape" | "labelShape">,
) {
  const size = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, rows);
  const tokens = name === "gpt";
  const draw = (shape: readonly number[], seed: number) =>
    Uint8Array.from(values(size(shape), seed, 0, tokens ? vocabulary : 10));
  return {
    network: name,
    shapes: parameters.map(({ shape }) => shape),
    weights: writeParameters(`${name}-weights`, parameters),
    rows,
    inputs: writeArray(`${name}-inputs`, tokens ? draw(inputShape, 1) : values(size(inputShape), 1, -1, 1)),
    inputType: tokens ? ("tokens" as const) : ("f32" as const),
    inputShape,
    labels: writeArray(`${name}-labels`, draw(labelShape, 2)),
    labelShape,
  };
}

/** Contestants whose images lie channels last. */
const channelsLast = (peers: readonly PeerSpec[]): PeerSpec[] =>
  peers.map((spec) => ({
    ...spec,
    args: [...spec.args, "--channels-last"],
    variant: ["channels last", ...(spec.variant === undefined ? [] : [spec.variant])].join(", "),
  }));

/** PyTorch with its fused optimizers, eager and compiled. TensorFlow.js' fast backend cannot train convolutions. */
const pytorch = () => torch("network");
const compiled = () => torch("network", { name: "PyTorch, compiled", args: ["--compile"] });
const own = () => nabla("network").map(plain);

export const networks: Readonly<Record<NetworkName, Network>> = {
  lenet: {
    title: "LeNet-5, MNIST, batch 64, Adam",
    unit: "samples/s",
    perRow: 1,
    job: () => ({
      network: "lenet",
      shapes: lenet.map(({ shape }) => shape),
      weights: writeParameters("lenet-weights", lenet),
      ...mnistArrays(),
      inputType: "pixels",
      inputShape: [28, 28, 1],
      labelShape: [],
      batch: 64,
      optimizer: "adam",
      learningRate: 1e-3,
    }),
    floor: floor(lenetFirst, lenetProducts - lenetFirst),
    contestants: () => [...own(), ...pytorch(), ...channelsLast([...pytorch(), ...compiled()])],
  },
  resnet20: {
    title: "ResNet-20, 32 x 32 x 3, batch 64, SGD with momentum",
    unit: "samples/s",
    perRow: 1,
    job: () => ({
      ...synthetic("resnet20", resnet20, { rows: 512, inputShape: [32, 32, 3], labelShape: [] }),
      batch: 64,
      optimizer: "sgd",
      learningRate: 0.01,
    }),
    floor: floor(1024 * 27 * 16, 16 * 1024 * 144 * 16 + 2 * 256 * 144 * 32 + 640),
    contestants: () => [...own(), ...pytorch(), ...channelsLast([...pytorch(), ...compiled()])],
  },
  gpt: {
    title: "GPT, 4 layers, width 128, 4 heads, 128 tokens, batch 16, AdamW",
    unit: "tokens/s",
    perRow: 128,
    job: () => ({
      ...synthetic("gpt", gpt, { rows: 256, inputShape: [128], labelShape: [128] }),
      batch: 16,
      optimizer: "adamW",
      learningRate: 1e-3,
    }),
    // A token attends to 64 others on average, twice (scores and values).
    floor: floor(0, 4 * (4 * 128 * 128 + 2 * 128 * 512 + 2 * 64 * 128) + 128 * vocabulary),
    contestants: () => [...own(), ...pytorch(), ...compiled(), ...tfjs("network", "wasm")],
  },
  lstm: {
    title: "LSTM classifier, 64 inputs, 128 units, 64 steps, batch 32, Adam",
    unit: "sequences/s",
    perRow: 1,
    job: () => ({
      ...synthetic("lstm", lstm, { rows: 512, inputShape: [64, 64], labelShape: [] }),
      batch: 32,
      optimizer: "adam",
      learningRate: 1e-3,
    }),
    floor: floor(64 * 64 * 512, 64 * 128 * 512 + 1280),
    contestants: () => [...own(), ...pytorch(), ...compiled(), ...tfjs("network", "wasm")],
  },
};
