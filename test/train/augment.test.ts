/** Augmentation in training: only there, the same after a resume, in every kind of step. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  augment,
  brightness,
  dataset,
  horizontalFlip,
  loader,
  mixup,
  randomCrop,
  type Source,
} from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam, type Optimizer, sgd, sharpnessAware } from "nabla/optim";
import { type Callback, compare, defineExperiment, lrFind, noiseScale, Trainer } from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { mapTensors } from "../../src/optim/optimizer.ts";
import { exact, values } from "./trainer-parts.ts";

const folder = mkdtempSync(join(tmpdir(), "nabla-augment-"));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = 50;
const data = dataset({
  x: Array.from({ length: rows }, (_, i) =>
    Array.from({ length: 16 }, (_, j) => (Math.sin(i * 3 + j * (i % 3)) + 1) / 2),
  ),
  y: Array.from({ length: rows }, (_, i) => i % 3),
});
const shape = [4, 4, 1] as const;
const changes = augment(
  [horizontalFlip(), randomCrop({ padding: 1 }), brightness(0.3), mixup({ classes: 3 })],
  { shape },
);
const model = () => new Sequential(new Linear(16, 8), relu, new Linear(8, 3));
const trainerOf = (change: { optimizer?: Optimizer; callbacks?: readonly Callback[] } = {}) =>
  new Trainer({
    model: model(),
    loss: crossEntropy,
    optimizer: adam(1e-2),
    metrics: ["accuracy"],
    seed: 4,
    ...change,
  });
const stopAt = (step: number): Callback => ({
  stepEnd: ({ position }, run) => (position.step >= step ? run.stop("test") : undefined),
});
const growing = { min: 4, max: 16, every: 2, smoothing: 0.5 };
const options = { batchSize: 8, augment: changes };

describe("a Trainer", () => {
  it.runIf(exact)("resumed goes on to the bits of the uninterrupted run", async () => {
    const whole = trainerOf();
    await whole.fit(data, { ...options, epochs: 4 });
    const first = trainerOf();
    await first.fit(data, { ...options, epochs: 2 });
    await first.save(folder);
    const second = trainerOf();
    await second.resume(folder);
    await second.fit(data, { ...options, epochs: 4 });
    expect(await values(second)).toEqual(await values(whole));
  });

  const source: Source = { length: rows, gather: async (wanted) => data.gather(wanted) };
  it.runIf(exact).each([
    ["data in memory", () => data, options],
    ["a source", () => source, options],
    ["a loader", () => loader(source, { batchSize: 8, shuffle: true, seed: 4 }), { augment: changes }],
    ["batches that grow", () => data, { augment: changes, batchSize: noiseScale(growing) }],
  ])("of %s, stopped within an epoch, goes on to the same bits", async (_, open, options) => {
    const whole = trainerOf();
    const { history } = await whole.fit(open(), { ...options, epochs: 3 });
    const broken = trainerOf({ callbacks: [stopAt(9)] });
    expect((await broken.fit(open(), { ...options, epochs: 3 })).reason).toBe("test");
    expect(broken.position.batch).toBeGreaterThan(0);
    await broken.save(folder);
    const resumed = trainerOf();
    await resumed.resume(folder);
    await resumed.fit(open(), { ...options, epochs: 3 });
    expect(await values(resumed)).toEqual(await values(whole));
    expect(resumed.history).toEqual(history);
  });

  it("measures the noise of changed batches, and grows them", async () => {
    const sizes: number[] = [];
    const seen: Callback = { batchSize: ({ size }) => void sizes.push(size) };
    const scales: (number | null)[] = [];
    const noise: Callback = { noise: ({ noiseScale }) => void scales.push(noiseScale) };
    const batchSize = noiseScale(growing);
    await trainerOf({ callbacks: [seen, noise] }).fit(data, { batchSize, augment: changes, epochs: 6 });
    const changed = [...scales];
    scales.length = 0;
    await trainerOf({ callbacks: [noise] }).fit(data, { batchSize, epochs: 6 });
    expect(sizes.length).toBeGreaterThan(1);
    expect(scales[0]).not.toBe(changed[0]);
  });

  it("gives an optimizer the loss of the very batch that it changed", async () => {
    // Its step is lossAt less loss at the same parameters: no step at all, where lossAt draws nothing anew.
    const steps = (away: number): Optimizer => ({
      init: () => ({}),
      update: (grads, state, params, at) => {
        const there = mapTensors("test", (p) => p.add(away), params);
        const difference = at?.lossAt(there).sub(at.loss);
        return [mapTensors("test", (grad) => grad.mul(0).add(difference ?? 1), grads), state];
      },
    });
    const begun = trainerOf();
    await begun.model.init(4);
    const trained = async (optimizer: Optimizer) => {
      const trainer = trainerOf({ optimizer });
      await trainer.fit(data, { ...options, epochs: 2 });
      return values(trainer);
    };
    expect(await trained(steps(0))).toEqual(await values(begun));
    expect(await trained(steps(0.1))).not.toEqual(await values(begun));
    const sharp = Object.values(await trained(sharpnessAware(sgd(0.1), { rho: 0.1 }))).flat();
    expect(sharp.every(Number.isFinite)).toBe(true);
    expect(sharp).not.toEqual(Object.values(await trained(sgd(0.1))).flat());
  });

  it("trains on other batches each time and evaluates on the data itself", async () => {
    const [plain, changed] = [trainerOf(), trainerOf()];
    await plain.fit(data, { batchSize: 8, epochs: 1 });
    await changed.fit(data, { ...options, epochs: 1 });
    expect(await values(changed)).not.toEqual(await values(plain));
    const scores = await changed.evaluate(data);
    const copy = trainerOf();
    copy.model.load(changed.model.parameters());
    expect(await copy.evaluate(data)).toEqual(scores);
  });

  it.runIf(exact)("an augmentation that changes nothing gives the bits of none", async () => {
    const [plain, same] = [trainerOf(), trainerOf()];
    await plain.fit(data, { batchSize: 8, epochs: 2 });
    await same.fit(data, { batchSize: 8, epochs: 2, augment: augment([brightness([1, 1])], { shape }) });
    expect(await values(same)).toEqual(await values(plain));
  });

  it("says before the first step what does not fit", async () => {
    const wrong = { batchSize: 8, epochs: 1 };
    const attempt = (augmentation: unknown) =>
      trainerOf().fit(data, { ...wrong, augment: augmentation as typeof changes });
    await expect(attempt(augment([horizontalFlip()]))).rejects.toThrow(
      /images must be f32 \[batch, height, width, channels\]/,
    );
    await expect(attempt(augment([mixup()], { shape }))).rejects.toThrow(/number of classes/);
    await expect(attempt([])).rejects.toThrow(/augment must be made by augment/);
  });
});

it("an experiment, a race and lr-find take it", async () => {
  expect(
    defineExperiment({
      name: "a",
      data: { train: data },
      model,
      loss: crossEntropy,
      optimizer: adam(),
      augment: changes,
    }).augment,
  ).toBe(changes);
  expect(() =>
    defineExperiment({
      name: "a",
      data: { train: data },
      model,
      loss: crossEntropy,
      optimizer: adam(),
      augment: [] as never,
    }),
  ).toThrow(/augment must be a pipeline/);
  const race = (augmentation?: typeof changes) =>
    compare(
      { model, loss: crossEntropy, train: data, augment: augmentation },
      { optimizers: { adam }, learningRates: [1e-2], steps: 10, epochs: 2, seeds: 1 },
    );
  const [plain, changed] = [await race(), await race(changes)];
  expect(changed.finalists[0]?.losses).not.toEqual(plain.finalists[0]?.losses);
  const parts = { model: model(), loss: crossEntropy, optimizer: adam(), augment: changes };
  expect((await lrFind(parts, data, { steps: 20, batchSize: 8 })).points.length).toBeGreaterThan(5);
});
