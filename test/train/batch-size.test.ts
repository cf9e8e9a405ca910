/** Batch sizes that change: every row once an epoch, the learning rate in step, and the same bits however a run is cut. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { Tensor } from "nabla";
import { type Dataset, dataset } from "nabla/data";
import { crossEntropy, dropout, Linear, relu, Sequential } from "nabla/nn";
import {
  adam,
  constant,
  exponentialGrowth,
  linear,
  multiStep,
  piecewise,
  powersOfTwo,
  rprop,
  type Schedule,
  sgd,
} from "nabla/optim";
import {
  type BatchSize,
  type Callback,
  checkpoint,
  defineExperiment,
  type Events,
  type FitOptions,
  firstBatchSize,
  noiseScale,
  progress,
  Trainer,
} from "nabla/train";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";
import { Chunks } from "../../src/train/chunks.ts";
import { readManifest } from "../../src/train/resume.ts";
import { ConfigError, DataError } from "../../src/util/index.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-batch-size-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** The reference device computes in f64 and rounds only what is read, so that saving changes its bits. */
const exact = cpuAvailable().ok;

/** 4, then 8 from step 3 on, 2 in steps 10 and 11, then 16. */
const bySteps = piecewise({ values: [4, 8, 2, 16], boundaries: [3, 10, 12] });
const byEpochs = { byEpoch: multiStep({ initial: 4, factor: 2, milestones: [1, 3] }) };
/** Measures so often, and of so noisy gradients, that it grows in a run of a few dozen steps. */
const byNoise = noiseScale({ min: 4, max: 32, every: 3, smoothing: 0.5 });
const ways: [string, BatchSize][] = [
  ["a schedule of steps", bySteps],
  ["a schedule of epochs", byEpochs],
  ["the noise scale", byNoise],
];

describe("rows", () => {
  const n = 50;
  /** Row i is the i-th unit vector, and the loss the sum of outputs: its weight falls by the learning rate each time it is seen. */
  const unit = dataset({
    x: Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j))),
    y: Array(n).fill([0]),
  });
  const sum = (outputs: Tensor) => outputs.sum();
  async function seen(
    options: FitOptions,
    rate: number | Schedule = 1,
  ): Promise<{ weights: number[]; trainer: Trainer }> {
    const model = new Linear(n, 1, { bias: false }).init(0);
    const zero = { weight: (model.parameters().weight as Tensor).mul(0) };
    model.load(zero);
    const trainer = new Trainer({ model, loss: sum, optimizer: sgd(rate) });
    await trainer.fit(unit, options);
    const weights = await (model.parameters().weight as Tensor).data();
    return { weights: Array.from(weights, (value) => -value), trainer };
  }

  it.each(ways)("come exactly once an epoch by %s", async (_, batchSize) => {
    for (const epochs of [1, 2, 5]) {
      const { weights } = await seen({ epochs, batchSize, learningRateScaling: "none" });
      expect(weights).toEqual(Array(n).fill(epochs));
    }
  });

  it("of a last batch that is not whole are left out by dropLast", async () => {
    // 4 4 4 8 8 8 8 (44), then 8 > 6 rows left.
    const { weights, trainer } = await seen({
      epochs: 1,
      batchSize: bySteps,
      dropLast: true,
      learningRateScaling: "none",
    });
    expect(weights.reduce((a, b) => a + b)).toBe(44);
    expect(trainer.position).toEqual({ epoch: 1, batch: 0, row: 0, step: 7 });
  });

  /** By step: how many rows it had and the learning rate, of an epoch whose steps all have another rate. */
  const perStep = (weights: readonly number[]): [rows: number, rate: number][] =>
    [...new Set(weights)].map((rate) => [weights.filter((other) => other === rate).length, rate]);

  it.each([
    ["linear", (ratio: number) => ratio],
    ["sqrt", Math.sqrt],
    ["none", () => 1],
    [undefined, Math.sqrt],
  ] as const)("meet the learning rate times the rule %s, schedules of it too", async (rule, factor) => {
    const rate = linear({ from: 0.5, to: 0.125, steps: 12 });
    const { weights } = await seen({ epochs: 1, batchSize: bySteps, learningRateScaling: rule }, rate);
    const steps = perStep(weights).sort(([, a], [, b]) => a - b);
    // The last 6 rows are a batch of 8 by the schedule: their rate is that of 8.
    const sizes = [4, 4, 4, 8, 8, 8, 8, 6];
    const wanted = sizes
      .map((rows, step): [number, number] => [rows, rate(step) * factor(step < 3 ? 1 : 2)])
      .sort(([, a], [, b]) => a - b);
    expect(steps.map(([rows]) => rows)).toEqual(wanted.map(([rows]) => rows));
    for (const [i, [, value]] of steps.entries()) expect(value).toBeCloseTo(wanted[i]?.[1] as number, 6);
  });
});

/** Three classes told apart by four features, with noise. */
function rows(n: number): Dataset {
  const x = Array.from({ length: n }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(3 * i), (i * 7) % 5]);
  return dataset({ x, y: Array.from({ length: n }, (_, i) => (i % 7) % 3) });
}
const network = () => new Sequential(new Linear(4, 8), relu, dropout(0.3), new Linear(8, 3));
const make = (change: Partial<ConstructorParameters<typeof Trainer>[0]> = {}): Trainer =>
  new Trainer({
    model: network(),
    loss: crossEntropy,
    optimizer: adam(1e-2),
    metrics: ["accuracy"],
    ...change,
  });
async function values(trainer: Trainer): Promise<number[][]> {
  return Promise.all(
    Object.values(trainer.model.parameters()).map(async (value) => Array.from(await value.data())),
  );
}
/** The bytes of a checkpoint's state, and what its manifest says of the run. */
function stateOf(folder: string): [Buffer, unknown] {
  const name = readdirSync(folder).find((file) => file.endsWith(".safetensors")) as string;
  const { data } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as { data: unknown };
  return [readFileSync(join(folder, name)), data];
}

describe("the bits", () => {
  it.each([
    ["a constant schedule", constant(8)],
    ["a constant schedule of epochs", { byEpoch: constant(8) }],
    ["a noise scale with one size", noiseScale({ min: 8, max: 8, every: 3 })],
  ] as [string, BatchSize][])("of %s are those of the number", async (_, batchSize) => {
    const [fixed, other] = [make(), make()];
    await fixed.fit(rows(100), { epochs: 3, batchSize: 8 });
    await other.fit(rows(100), { epochs: 3, batchSize });
    expect(await values(other)).toEqual(await values(fixed));
    expect(other.history.map(({ batch, ...rest }) => rest)).toEqual(fixed.history);
  });

  it.each(ways)("do not depend on how many steps a native call takes: %s", async (_, batchSize) => {
    const sizes = new Set<number>();
    const adaptive = make({ callbacks: [{ batchSize: ({ size }) => void sizes.add(size) }] });
    await adaptive.fit(rows(101), { epochs: 4, batchSize });
    expect(sizes.size).toBeGreaterThan(2);
    for (const most of [1, 3]) {
      vi.spyOn(Chunks.prototype, "next").mockImplementation((remaining) => Math.min(most, remaining));
      const other = make();
      await other.fit(rows(101), { epochs: 4, batchSize });
      expect(await values(other)).toEqual(await values(adaptive));
      expect(other.history).toEqual(adaptive.history);
    }
  });

  const cuts = [1, 3, 6, 10, 11, 24, 25, 30, 41, 44];
  it.skipIf(!exact).each(ways.flatMap(([name, size]) => cuts.map((cut) => [name, cut, size] as const)))(
    "are the same after a resume: %s, cut after step %i",
    async (name, steps, batchSize) => {
      vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
      const options: FitOptions = {
        epochs: 4,
        batchSize,
        validation: rows(20),
        learningRateScaling: "linear",
      };
      const [whole, part] = [join(dir, `${name}-${steps}-whole`), join(dir, `${name}-${steps}`)];
      const uncut = make({ callbacks: [checkpoint(whole)] });
      await uncut.fit(rows(101), options);
      const stop: Callback = {
        stepEnd: ({ position }, run) => {
          if (position.step >= steps) run.stop("test");
        },
      };
      const first = make({ callbacks: [stop, checkpoint(part)] });
      await first.fit(rows(101), options);
      expect(first.position.step).toBe(Math.min(steps, uncut.position.step));
      const second = make({ callbacks: [checkpoint(part)] });
      await second.resume(part);
      expect(second.position).toEqual(first.position);
      await second.fit(rows(101), options);
      expect(second.history).toEqual(uncut.history);
      expect(stateOf(part)).toEqual(stateOf(whole));
    },
  );

  it("go on within an epoch only with the same sizes", async () => {
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const folder = join(dir, "other");
    const stop: Callback = { stepEnd: (_, run) => run.stop("test") };
    await make({ callbacks: [stop, checkpoint(folder)] }).fit(rows(100), { epochs: 1, batchSize: byNoise });
    const trainer = make();
    await trainer.resume(folder);
    await expect(trainer.fit(rows(100), { epochs: 1, batchSize: 4 })).rejects.toThrow(
      /within epoch 1 with batchSize noiseScale\(\{"min":4,.*\), learning rate sqrt; got 4\. Go on with the same\./,
    );
  });
});

it("events and history tell sizes, factors and the noise scale", async () => {
  const heard: Events["batchSize"][] = [];
  const measured: Events["noise"][] = [];
  const trainer = make({
    callbacks: [
      { batchSize: (event) => void heard.push(event), noise: (event) => void measured.push(event) },
    ],
  });
  const { plan, history } = await trainer.fit(rows(100), { epochs: 3, batchSize: byEpochs });
  expect(plan).toMatchObject({ batchSize: 4, batches: null, rowsPerEpoch: 100 });
  expect(heard.map(({ size, position: { step } }) => [size, step])).toEqual([
    [4, 0],
    [8, 25],
  ]);
  expect(measured).toEqual([]);
  expect(history[1]?.batch).toEqual({ size: 8, learningRateFactor: Math.SQRT2, noiseScale: null });
  expect(history.map(({ step }) => step)).toEqual([25, 38, 51]);

  await trainer.fit(rows(100), { epochs: 2, batchSize: byNoise });
  expect(measured.length).toBeGreaterThan(3);
  const steps = measured.map(({ position }) => position.step);
  // Three steps apart at least: what is left of an epoch may be no whole batch.
  for (const [i, step] of steps.slice(1).entries())
    expect(step - (steps[i] as number)).toBeGreaterThanOrEqual(3);
  expect(trainer.history.at(-1)?.batch?.noiseScale).toBe(measured.at(-1)?.noiseScale);
});

it("progress says when the size changes, and counts rows", async () => {
  let text = "";
  const write = (chunk: unknown, _: unknown, done: () => void) => {
    text += chunk;
    done();
  };
  const stream = new Writable({ write }) as unknown as NodeJS.WriteStream;
  await make({ callbacks: [progress({ stream })] }).fit(rows(100), { epochs: 2, batchSize: byEpochs });
  expect(text).toMatch(/^67 parameters, 100 rows, batch 4, on .*\nepoch 1\/2 .* batch 4\n/);
  expect(text).toContain("\nbatch 8 from step 26 on, learning rate x 1.4142\n");
  expect(text).toMatch(/epoch 2\/2 .* batch 8\n$/);
});

it("a loss that is not finite is told by its own step and batch", async () => {
  const x = Array.from({ length: 30 }, (_, i) => [i / 30, 1, 0, 1]);
  (x[17] as number[])[0] = Number.NaN;
  const data = dataset({ x, y: x.map((_, i) => i % 3), allowNonFinite: true });
  for (const debug of [false, true]) {
    // 4 4 4 8: row 17 is in step 4.
    const failed = make({ debug }).fit(data, { epochs: 1, batchSize: bySteps, shuffle: false });
    await expect(failed).rejects.toThrow("at step 4 (epoch 1, batch 4) it is not");
  }
});

describe("refused", () => {
  it.each([
    [0, "fit: batchSize must be a whole number of at least 1; got 0."],
    [Number.NaN, "fit: batchSize must be a whole number of at least 1; got NaN."],
    [
      "32",
      "fit: batchSize must be a whole number, a schedule, { byEpoch: schedule } or noiseScale(...); got 32.",
    ],
    [{ byEpochs: constant(4) }, 'fit: batchSize: there is no option "byEpochs". Did you mean "byEpoch"?'],
    [
      constant(0),
      "must be a whole number from 1 to 100, the rows there are; the schedule gives 0 at step 0.",
    ],
    [
      constant(101),
      "must be a whole number from 1 to 100, the rows there are; the schedule gives 101 at step 0.",
    ],
    [{ byEpoch: linear({ from: 4, to: 5, steps: 2 }) }, "the schedule gives 4.5 at epoch 1. Round it"],
    [multiStep({ initial: 8, factor: Math.SQRT2, milestones: [20] }), "gives 11.313708498984761 at step 20."],
    [
      linear({ from: 1, to: 18, steps: 17 }),
      "must take at most 16 sizes, as a step is compiled for each; the schedule gives 1, 2, 3, 4 and so on.",
    ],
    [noiseScale({ max: 128 }), "fit: noiseScale's max must be at most the 100 rows there are; got 128."],
  ] as [BatchSize, string][])("before the first step: %o", async (batchSize, message) => {
    const start = vi.fn();
    const failed = make({ callbacks: [{ start }] }).fit(rows(100), { epochs: 3, batchSize });
    await expect(failed).rejects.toThrow(ConfigError);
    await expect(failed).rejects.toThrow(message);
    expect(start).not.toHaveBeenCalled();
  });

  it("a rule that does not exist, and a rate that does not exist", async () => {
    const scaled = (learningRateScaling: string) =>
      make().fit(rows(30), { epochs: 1, learningRateScaling: learningRateScaling as "sqrt" });
    await expect(scaled("cubic")).rejects.toThrow(
      'fit: learningRateScaling must be "linear", "sqrt" or "none"; got cubic.',
    );
    const steps = make({ optimizer: rprop() });
    await expect(steps.fit(rows(30), { epochs: 1, batchSize: byEpochs })).rejects.toThrow(
      "fit: the optimizer must have a learningRate to keep in step with the batch size; it has etaMinus",
    );
    await steps.fit(rows(30), { epochs: 1, batchSize: byEpochs, learningRateScaling: "none" });
  });

  it("dropLast without a whole first batch", async () => {
    const failed = make().fit(rows(5), { epochs: 1, batchSize: 16, dropLast: true });
    await expect(failed).rejects.toThrow(DataError);
  });
});

it("powersOfTwo rounds by ratio", () => {
  const schedule = powersOfTwo(exponentialGrowth({ from: 32, to: 1024, steps: 500 }));
  expect([0, 49, 51, 149, 151, 449, 451, 9999].map((step) => schedule(step))).toEqual([
    32, 32, 64, 64, 128, 512, 1024, 1024,
  ]);
});

it("experiments take them, and name what is none", () => {
  const parts = {
    name: "a",
    data: { train: rows(9) },
    model: network(),
    loss: crossEntropy,
    optimizer: adam(),
  };
  for (const batchSize of [8, bySteps, byEpochs, byNoise]) {
    expect(defineExperiment({ ...parts, batchSize, learningRateScaling: "linear" }).batchSize).toBe(
      batchSize,
    );
    expect(firstBatchSize(batchSize)).toBe(batchSize === 8 ? 8 : 4);
  }
  for (const [batchSize, got] of [
    [0, "0"],
    [2.5, "2.5"],
    [{ byEpoch: 4 }, "an object with byEpoch"],
  ]) {
    expect(() => defineExperiment({ ...parts, batchSize: batchSize as number })).toThrow(
      `experiment: batchSize must be a whole number of at least 1, a schedule, { byEpoch: schedule } or noiseScale(...); got ${got}.`,
    );
  }
  expect(() => defineExperiment({ ...parts, learningRateScaling: "root" as never })).toThrow(
    'experiment: learningRateScaling must be "linear", "sqrt" or "none"; got "root".',
  );
});

it("a checkpoint of before positions had rows counts them by its batches", () => {
  const run = { seed: 0, rows: 100, batchSize: 16, shuffle: true, dropLast: false };
  const read = (batch: number) =>
    readManifest(
      {
        format: "nabla-checkpoint",
        version: 1,
        file: "",
        bytes: 0,
        sha256: "",
        data: { position: { epoch: 1, batch, step: 9 }, history: [], run },
      },
      "old",
    );
  expect(read(3).position).toEqual({ epoch: 1, batch: 3, row: 48, step: 9 });
  expect(read(7).position.row).toBe(100);
  expect(read(0).noise).toBe(null);
});
