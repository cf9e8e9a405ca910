/** Augmentation in training: only there, the same after a resume, in every kind of step. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { augment, brightness, dataset, horizontalFlip, mixup, randomCrop } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { compare, defineExperiment, lrFind, Trainer } from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
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
const trainerOf = () =>
  new Trainer({ model: model(), loss: crossEntropy, optimizer: adam(1e-2), metrics: ["accuracy"], seed: 4 });
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
