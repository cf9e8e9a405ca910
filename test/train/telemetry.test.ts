/** Telemetry: some steps measure themselves, to the bits of a run without, and what they say is what the formulas say. */
import { type Tensor, tensor, valueAndGrad } from "nabla";
import { dataset, loader } from "nabla/data";
import {
  apply,
  BatchNorm,
  Conv2d,
  context,
  crossEntropy,
  dropout,
  Flatten,
  Linear,
  LSTM,
  type Module,
  relu,
  Sequential,
  sigmoid,
  tanh,
} from "nabla/nn";
import { adam, adamW, chain, clipByGlobalNorm, type Optimizer, sgd, sharpnessAware } from "nabla/optim";
import { type Telemetry, Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";
import { make, network, rows, values } from "./trainer-parts.ts";

const wave = (shape: readonly number[], n: number) =>
  dataset({
    x: {
      data: Float32Array.from({ length: n * shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7)),
      shape: [n, ...shape],
    },
    y: Array.from({ length: n }, (_, i) => i % 3),
  });

const models: Record<string, [() => Module, Optimizer, ReturnType<typeof rows>]> = {
  "a perceptron with dropout": [
    () => new Sequential(new Linear(4, 32), relu, dropout(0.2), new Linear(32, 32), tanh, new Linear(32, 3)),
    chain(clipByGlobalNorm(1), adamW(1e-2)),
    rows(100),
  ],
  momentum: [
    () => new Sequential(new Linear(4, 16), sigmoid, new Linear(16, 3)),
    sgd(0.1, { momentum: 0.9 }),
    rows(100),
  ],
  "sharpness-aware steps": [network, sharpnessAware(adam(1e-2)), rows(100)],
  "convolution and batch norm": [
    () =>
      new Sequential(
        new Conv2d(1, 4, 3, { padding: "same" }),
        new BatchNorm(4),
        relu,
        new Flatten(),
        new Linear(64, 3),
      ),
    adam(1e-2),
    wave([4, 4, 1], 100),
  ],
  "a recurrent network": [
    () => new Sequential(new LSTM(2, 8, { returnSequences: false }), new Linear(8, 3)),
    adam(1e-2),
    wave([5, 2], 100),
  ],
};

describe("the bits are the same with and without telemetry:", () => {
  for (const [name, [model, optimizer, data]] of Object.entries(models)) {
    it(name, async () => {
      const run = async (every: number | null) => {
        const seen: Telemetry[] = [];
        const trainer = new Trainer({
          model: model(),
          loss: crossEntropy,
          optimizer,
          telemetry: every === null ? false : { every },
          callbacks: [{ telemetry: ({ telemetry }) => void seen.push(telemetry) }],
        });
        await trainer.fit(data, { epochs: 4, batchSize: 16 });
        return { seen, values: await values(trainer) };
      };
      const [plain, some, all] = [await run(null), await run(3), await run(1)];
      expect(plain.seen).toEqual([]);
      expect(some.values).toEqual(plain.values);
      expect(all.values).toEqual(plain.values);
      // 6 whole batches and one of 4 rows an epoch: what is left at its end is not measured.
      const steps = Array.from({ length: 28 }, (_, step) => step).filter((step) => step % 7 !== 6);
      expect(all.seen.map(({ step }) => step)).toEqual(steps);
      expect(some.seen.map(({ step }) => step)).toEqual(steps.filter((step) => step % 3 === 0));
      expect(some.seen).toEqual(all.seen.filter(({ step }) => step % 3 === 0));
    });
  }
});

describe("what is measured", () => {
  it("is what the formulas say of the first batch", async () => {
    const data = rows(16);
    const model = () => new Sequential(new Linear(4, 8), relu, new Linear(8, 3)).init(3);
    const seen: Telemetry[] = [];
    const trainer = new Trainer({
      model: model(),
      loss: crossEntropy,
      optimizer: sgd(0.1),
      telemetry: { every: 1 },
      callbacks: [{ telemetry: ({ telemetry }) => void seen.push(telemetry) }],
    });
    await trainer.fit(data, { epochs: 1, batchSize: 16, shuffle: false });
    const twin = model();
    const x = tensor(data.x.data as Float32Array, { shape: [16, 4] });
    const y = tensor(data.y.data as Int32Array, { shape: [16], dtype: "i32" });
    const loss = (params: Record<string, Tensor>) =>
      apply(twin, params, () => crossEntropy(twin.forward(x, context()), y));
    const params = twin.parameters();
    const [value, grads] = valueAndGrad(loss)(params);
    const norm = async (tree: Record<string, Tensor>, layer: string) => {
      let sum = 0;
      for (const [path, leaf] of Object.entries(tree))
        if (path.startsWith(layer)) for (const one of await leaf.data()) sum += one ** 2;
      return Math.sqrt(sum);
    };
    const [first] = seen as [Telemetry];
    expect(first.loss).toBeCloseTo(await value.item(), 5);
    expect(first.layers.map(({ path, size }) => [path, size])).toEqual([
      ["layers/0", 40],
      ["layers/2", 27],
    ]);
    for (const { path, gradientNorm, weightNorm, updateNorm } of first.layers) {
      expect(gradientNorm).toBeCloseTo(await norm(grads, path), 5);
      expect(weightNorm).toBeCloseTo(await norm(params, path), 5);
      expect(updateNorm).toBeCloseTo(0.1 * (await norm(grads, path)), 6);
    }
    const hidden = Array.from(await relu((twin.layers[0] as Linear).forward(x)).data());
    const mean = hidden.reduce((a, b) => a + b, 0) / hidden.length;
    const unit = (j: number) => hidden.filter((_, i) => i % 8 === j);
    const varianceOf = (list: number[]) => {
      const middle = list.reduce((a, b) => a + b, 0) / list.length;
      return list.reduce((a, b) => a + (b - middle) ** 2, 0) / list.length;
    };
    const units = Array.from({ length: 8 }, (_, j) => unit(j));
    expect(first.activations.map(({ path, kind, units }) => [path, kind, units])).toEqual([
      ["layers/0", "Linear", 8],
      ["layers/1", "relu", 8],
      ["layers/2", "Linear", 3],
    ]);
    const middle = first.activations[1];
    expect(middle?.mean).toBeCloseTo(mean, 5);
    expect(middle?.variance).toBeCloseTo(varianceOf(hidden), 5);
    expect(middle?.spread).toBeCloseTo(units.reduce((sum, list) => sum + varianceOf(list), 0) / 8, 5);
    expect(middle?.dead).toBe(units.filter((list) => list.every((one) => one === 0)).length / 8);
    expect(middle?.saturated).toBeNull();
  });

  it("says which units are dead and which share is saturated", async () => {
    const model = new Sequential(new Linear(4, 8), relu, new Linear(8, 4), sigmoid, new Linear(4, 3)).init(0);
    const bias = Float32Array.of(-99, -99, 0, 0, 0, 0, 0, -99);
    model.load({
      "layers/0/bias": tensor(bias),
      "layers/2/bias": tensor(Float32Array.of(50, 0, 0, 0)),
      "layers/2/weight": tensor(new Float32Array(32), { shape: [8, 4] }),
    });
    const seen: Telemetry[] = [];
    const trainer = make({ model, callbacks: [{ telemetry: ({ telemetry }) => void seen.push(telemetry) }] });
    await trainer.fit(rows(60), { epochs: 1, batchSize: 60 });
    const [, hidden, , squashed] = seen[0]?.activations ?? [];
    expect(hidden?.dead).toBeCloseTo(3 / 8, 6);
    expect(squashed?.saturated).toBeCloseTo(1 / 4, 6);
    expect(squashed?.spread).toBe(0);
  });

  it("comes from loaders too, as from memory", async () => {
    const run = async (fed: boolean) => {
      const seen: Telemetry[] = [];
      const trainer = make({
        telemetry: { every: 4 },
        callbacks: [{ telemetry: ({ telemetry }) => void seen.push(telemetry) }],
      });
      const data = rows(64);
      const options = { batchSize: 8, shuffle: true };
      await (fed
        ? trainer.fit(loader(data, { ...options, seed: 0 }), { epochs: 2 })
        : trainer.fit(data, { ...options, epochs: 2 }));
      return seen;
    };
    const [fed, memory] = [await run(true), await run(false)];
    expect(fed.map(({ step }) => step)).toEqual([0, 4, 8, 12]);
    expect(fed).toEqual(memory);
  });
});

it("wrong options are errors", () => {
  // @ts-expect-error: no such option
  expect(() => make({ telemetry: { evry: 3 } })).toThrow('there is no option "evry". Did you mean "every"?');
  expect(() => make({ telemetry: { every: 0 } })).toThrow(
    "every must be a whole number of at least 1; got 0.",
  );
});
