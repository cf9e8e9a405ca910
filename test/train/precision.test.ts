/** Mixed precision: what is learned, what is stored, loss scaling, and how it is said. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, type Tensor, tensor } from "nabla";
import { type Dataset, dataset } from "nabla/data";
import {
  BatchNorm,
  Conv2d,
  crossEntropy,
  Flatten,
  gelu,
  Linear,
  type Module,
  relu,
  Sequential,
} from "nabla/nn";
import { adam } from "nabla/optim";
import { type Precision, precisions, type Trainer } from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { nextLossScale } from "../../src/train/loss-scale.ts";
import { readPrecision } from "../../src/train/precision.ts";
import { firstState, type Params, type TrainState } from "../../src/train/state.ts";
import { batchGradients, type Parts, type TrainData, trainStep } from "../../src/train/steps.ts";
import { flattenTree } from "../../src/util/index.ts";
import { exact, make, network, rows, stateOf } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-precision-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const narrow = ["bf16", "f16"] as const;

const partsOf = (model: Module, precision: Precision): Parts => ({
  model,
  loss: crossEntropy,
  optimizer: adam(1e-2),
  metrics: [],
  ...readPrecision(precision, undefined),
});

/** All rows in order. */
const dataOf = (x: Tensor, classes: number): TrainData => {
  const numbers = Int32Array.from({ length: x.shape[0] as number }, (_, i) => i);
  return { x, y: tensor(numbers.map((i) => i % classes)), order: tensor(numbers) };
};

/** Two classes of 8 x 8 images: stripes along or across, with noise. */
function images(n: number): Dataset {
  const pixel = (i: number, row: number, column: number) =>
    Math.sin(1.5 * (i % 2 === 0 ? row : column) + i) + 0.5 * Math.sin(37 * i + 11 * row + 5 * column);
  const x = Array.from({ length: n }, (_, i) =>
    Array.from({ length: 8 }, (_, row) => Array.from({ length: 8 }, (_, column) => [pixel(i, row, column)])),
  );
  return dataset({ x, y: Array.from({ length: n }, (_, i) => i % 2) });
}

const convNet = () =>
  new Sequential(
    new Conv2d(1, 4, 3, { padding: 1, bias: false }),
    new BatchNorm(4),
    relu,
    new Conv2d(4, 4, 3, { stride: 2 }),
    relu,
    new Flatten(),
    new Linear(36, 2),
  );

describe("what is learned", () => {
  it.each(narrow)("%s reaches the accuracy of f32", async (precision) => {
    const accuracy = async (of: Partial<Parameters<typeof make>[0]>, train: Dataset, test: Dataset) => {
      const trainer = make(of);
      await trainer.fit(train, { epochs: 12, batchSize: 16 });
      return (await trainer.evaluate(test)).accuracy as number;
    };
    for (const [model, train, test] of [
      [network, rows(160), rows(60, 1)],
      [convNet, images(96), images(140)],
    ] as const) {
      const full = await accuracy({ model: model() }, train, test);
      expect(full).toBeGreaterThan(0.9);
      expect(await accuracy({ model: model(), precision }, train, test)).toBeGreaterThan(full - 0.05);
    }
  });

  it.skipIf(!exact).each(narrow)("%s goes on from a checkpoint to the same bits", async (precision) => {
    const data = rows(100);
    const whole = make({ precision });
    await whole.fit(data, { epochs: 4, batchSize: 16 });
    await whole.save(join(dir, `${precision}-whole`));
    const begun = make({ precision });
    await begun.fit(data, { epochs: 2, batchSize: 16 });
    await begun.save(join(dir, `${precision}-begun`));
    const resumed = make({ precision });
    await resumed.resume(join(dir, `${precision}-begun`));
    await resumed.fit(data, { epochs: 4, batchSize: 16 });
    await resumed.save(join(dir, `${precision}-resumed`));
    expect(stateOf(join(dir, `${precision}-resumed`))).toEqual(stateOf(join(dir, `${precision}-whole`)));
  });
});

describe("beside PyTorch", () => {
  interface Step {
    loss: number;
    grads: Record<string, number[] | number[][]>;
  }
  const golden = JSON.parse(readFileSync(new URL("goldens/precision.json", import.meta.url), "utf8")) as {
    x: number[][];
    y: number[];
    weights: Step["grads"];
    f32: Step;
    bf16: Step;
    scales: { found: number[]; interval: number; first: number; after: [number, number][] }[];
  };
  const model = () => new Sequential(new Linear(12, 10), relu, new Linear(10, 10), relu, new Linear(10, 4));

  async function gradientsOf(precision: Precision): Promise<{ loss: number; grads: Params }> {
    const parts = partsOf(
      model()
        .init(0)
        .load(Object.fromEntries(Object.entries(golden.weights).map(([at, w]) => [at, tensor(w)]))),
      precision,
    );
    const state = await firstState(parts.model, parts.optimizer, [], 0, "cpu");
    const order = tensor(Int32Array.from({ length: 16 }, (_, i) => i));
    const data = { x: tensor(golden.x), y: tensor(Int32Array.from(golden.y)), order };
    const { loss, grads } = batchGradients(parts, state, data, state.cursor, 16, random.key(0));
    return { loss: await loss.item(), grads };
  }
  /** |a - b| / |b| over all numbers. */
  async function distance(grads: Params, other: Step["grads"]): Promise<number> {
    let [off, size] = [0, 0];
    for (const [path, g] of Object.entries(grads)) {
      const own = await g.data();
      for (const [i, value] of [other[path]].flat(3).entries()) {
        off += (Number(own[i]) - Number(value)) ** 2;
        size += Number(value) ** 2;
      }
    }
    return Math.sqrt(off / size);
  }

  it("a step is autocast's within the rounding of bf16", async () => {
    const { loss, grads } = await gradientsOf("bf16");
    expect(Math.abs(loss / golden.bf16.loss - 1)).toBeLessThan(2 ** -9);
    expect(await distance(grads, golden.bf16.grads)).toBeLessThan(2 ** -7);
    const full = await gradientsOf("f32");
    expect(await distance(full.grads, golden.f32.grads)).toBeLessThan(1e-6);
    // It is another rounding than f32's, by as much as PyTorch's is.
    const off = await distance(grads, golden.f32.grads);
    expect(off).toBeGreaterThan(2 ** -11);
    expect(off).toBeLessThan(2 ** -6);
  });

  it("the loss scale follows GradScaler", async () => {
    for (const { found, interval, first, after } of golden.scales) {
      let now = { scale: tensor(first), good: tensor(0, { dtype: "i32" }) };
      const seen: number[][] = [];
      for (const bad of found) {
        now = nextLossScale(now, tensor(bad).eq(0), interval);
        seen.push([await now.scale.item(), await now.good.item()]);
      }
      expect(seen).toEqual(after);
    }
  });
});

describe("loss scaling", () => {
  const x = random.normal(random.key(3), [16, 4]);

  it("changes gradients by no more than f16 rounds them", async () => {
    const parts = partsOf(network(), "f16");
    const scaled = await firstState(parts.model, parts.optimizer, [], 0, "cpu", "f16");
    const { lossScale: _, ...plain } = scaled;
    const of = async (state: TrainState) => {
      const { grads } = batchGradients(parts, state, dataOf(x, 3), state.cursor, 16, random.key(0));
      return Promise.all(Object.values(grads).map(async (g) => Array.from(await g.data())));
    };
    const [a, b] = [(await of(scaled)).flat(), (await of(plain)).flat()];
    const largest = Math.max(...b.map(Math.abs));
    expect(largest).toBeGreaterThan(0.01);
    a.forEach((value, i) => {
      expect(Math.abs(value - (b[i] as number))).toBeLessThan(2 ** -9 * largest);
    });
  });

  it("skips a step whose gradients overflow, and keeps every bit", async () => {
    const parts = partsOf(convNet(), "f16");
    const state = await firstState(parts.model, parts.optimizer, [], 0, "cpu", "f16");
    const step = trainStep(parts, 8);
    const data = dataOf(random.normal(random.key(4), [16, 8, 8, 1]), 2);
    const [moved] = await step.repeat(1, state, data);
    const bitsOf = async ({ params, buffers, optimizer }: TrainState) => {
      const { leaves } = flattenTree({ params, buffers, optimizer });
      return Promise.all(leaves.map(async (leaf) => Array.from(await (leaf as Tensor).data())));
    };
    const before = await bitsOf(moved);
    const lossScale = { scale: tensor(2 ** 60), good: tensor(7, { dtype: "i32" }) };
    const [skipped] = await step.repeat(1, { ...moved, lossScale }, data);
    expect(await bitsOf(skipped)).toEqual(before);
    expect(await skipped.lossScale?.scale.item()).toBe(2 ** 59);
    expect(await skipped.lossScale?.good.item()).toBe(0);
    expect(await skipped.step.item()).toBe(2);
    expect(await skipped.cursor.item()).toBe(16);
    const [next] = await step.repeat(45, skipped, {
      ...data,
      order: tensor(Int32Array.from({ length: 400 }, (_, i) => i % 16)),
    });
    expect(await next.lossScale?.good.item()).toBeGreaterThan(0);
    expect(await bitsOf(next)).not.toEqual(before);
  });

  it("is among the hyper-parameters, and in no other precision", async () => {
    const trainer = make({ precision: "f16" });
    await trainer.fit(rows(32), { epochs: 1, batchSize: 16 });
    expect(await trainer.hyperparameters()).toMatchObject({
      lossScale: 2 ** 16,
      learningRate: expect.closeTo(0.01),
    });
    expect(await make({ precision: "bf16" }).hyperparameters()).not.toHaveProperty("lossScale");
  });
});

describe("memory", () => {
  const arenaOf = async (model: Module, x: Tensor, batch: number, precision: Precision): Promise<number> => {
    const parts = partsOf(model, precision);
    const state = await firstState(model, parts.optimizer, [], 0, "cpu", precision);
    return trainStep(parts, batch).planFor(state, dataOf(x, 2)).arenaBytes;
  };
  const deep = () =>
    new Sequential(...Array.from({ length: 12 }, () => [new Linear(64, 64), gelu]).flat(), new Linear(64, 2));
  const images = () =>
    new Sequential(
      ...Array.from({ length: 8 }, (_, i) => [
        new Conv2d(i === 0 ? 1 : 8, 8, 3, { padding: 1, bias: false }),
        new BatchNorm(8),
        relu,
      ]).flat(),
      new Flatten(),
      new Linear(8 * 256, 2),
    );

  it.each(narrow)("%s takes a quarter off, where activations are most of it", async (precision) => {
    const x = random.normal(random.key(0), [1024, 64]);
    const full = await arenaOf(deep(), x, 1024, "f32");
    expect(await arenaOf(deep(), x, 1024, precision)).toBeLessThan(0.75 * full);
  });

  it.each(narrow)("%s takes less for convolutions too, which read f32", async (precision) => {
    const x = random.normal(random.key(0), [64, 16, 16, 1]);
    const full = await arenaOf(images(), x, 64, "f32");
    expect(await arenaOf(images(), x, 64, precision)).toBeLessThan(0.85 * full);
  });
});

describe("how it is said", () => {
  it("names that are none are refused", () => {
    expect(() => make({ precision: "fp16" as Precision })).toThrow(
      'Trainer: precision must be "f32", "bf16" or "f16"; got fp16. Did you mean "f16"?',
    );
  });

  it("bf16 makes products bf16 unless that is said otherwise", () => {
    expect(readPrecision("bf16", undefined).matmulPrecision).toBe("bf16");
    expect(readPrecision("bf16", "f32").matmulPrecision).toBe("f32");
    expect(readPrecision("f16", undefined).matmulPrecision).toBe("f32");
    expect(precisions).toEqual(["f32", "bf16", "f16"]);
  });

  it("a checkpoint of another precision is refused, with both named", async () => {
    const saved = async (precision: Precision): Promise<[string, Trainer]> => {
      const trainer = make({ precision });
      const path = join(dir, `refused-${precision}`);
      await trainer.fit(rows(32), { epochs: 1, batchSize: 16 });
      await trainer.save(path);
      return [path, trainer];
    };
    const [[full], [half]] = [await saved("f32"), await saved("f16")];
    await expect(make({ precision: "bf16" }).resume(full)).rejects.toThrow(
      'was trained with precision "f32", and this trainer has "bf16". Give it precision: "f32" to go on to the same bits',
    );
    await expect(make().resume(half)).rejects.toThrow('was trained with precision "f16"');
    await make().load(half);
  });
});
