/** recalibrate: exact statistics over unequal batches, at every depth, and only there. */
import { random, type Tensor, tensor } from "nabla";
import { dataset, loader } from "nabla/data";
import {
  BatchNorm,
  buffer,
  type Context,
  Conv2d,
  context,
  dropout,
  freeze,
  Linear,
  Module,
  recalibrate,
  relu,
  Sequential,
} from "nabla/nn";
import { expect, test } from "vitest";

const numbers = async (x: Tensor) => [...(await x.data())];

/** Mean and unbiased variance of each column, in f64. */
function columns(values: ArrayLike<number>, width: number): { mean: number[]; variance: number[] } {
  const rows = values.length / width;
  const at = (row: number, column: number) => values[row * width + column] as number;
  const sum = (f: (row: number) => number) =>
    Array.from({ length: rows }, (_, row) => f(row)).reduce((a, b) => a + b, 0);
  const list = Array.from({ length: width }, (_, c) => c);
  const mean = list.map((c) => sum((row) => at(row, c)) / rows);
  const variance = list.map((c) => sum((row) => (at(row, c) - (mean[c] as number)) ** 2) / (rows - 1));
  return { mean, variance };
}

const near = (got: readonly number[], expected: readonly number[], relative = 1e-5) => {
  got.forEach((value, i) => {
    const other = expected[i] as number;
    expect(Math.abs(value - other)).toBeLessThanOrEqual(relative * Math.max(1, Math.abs(other)));
  });
};

/** Rows whose batches have means far apart. */
const data = random
  .normal(random.key(1), [23, 3, 4])
  .add(tensor(Float32Array.from({ length: 23 }, (_, i) => i)).reshape([23, 1, 1]));
const batches = () => [data.slice([0, 10]), data.slice([10, 20]), data.slice([20, 23])];

test("means and variances are those of all rows together", async () => {
  const model = new Sequential(new BatchNorm(4)).init(0);
  expect(await recalibrate(model, batches())).toEqual(["layers/0"]);
  const expected = columns(await data.data(), 4);
  const { "layers/0/runningMean": mean, "layers/0/runningVar": variance } = model.buffers() as Record<
    string,
    Tensor
  >;
  near(await numbers(mean as Tensor), expected.mean);
  near(await numbers(variance as Tensor), expected.variance);
});

test("a second layer sees what the first gives for each batch; dropout and the like rest", async () => {
  const first = new Linear(4, 5);
  const model = new Sequential(
    first,
    new BatchNorm(5),
    relu,
    dropout(0.5),
    new BatchNorm(5, { momentum: null }),
  ).init(0);
  const inner = model.layers[1] as BatchNorm;
  await recalibrate(model, batches());
  const fed: number[] = [];
  for (const x of batches()) {
    const y = relu(inner.forward(first.forward(x), context({ train: true })));
    fed.push(...(await y.data()));
  }
  const expected = columns(fed, 5);
  const own = model.layers[4] as BatchNorm;
  near(await numbers(own.runningMean?.value as Tensor), expected.mean);
  near(await numbers(own.runningVar?.value as Tensor), expected.variance);
  expect(await own.batches?.value.item()).toBe(3);
});

test("a layer that runs twice takes both; images of several sizes", async () => {
  class Twice extends Module {
    readonly norm = new BatchNorm(2);
    forward(x: Tensor, ctx: Context): Tensor {
      return this.norm.forward(x, ctx).add(this.norm.forward(x.slice([], [0, 1]).mul(10), ctx).mean());
    }
  }
  const model = new Twice().init(0);
  const images = [
    random.normal(random.key(2), [2, 3, 3, 2]),
    random.normal(random.key(3), [4, 5, 2, 2]).add(3),
  ];
  await recalibrate(model, images);
  const seen: number[] = [];
  for (const x of images) seen.push(...(await x.data()), ...(await x.slice([], [0, 1]).mul(10).data()));
  const expected = columns(seen, 2);
  near(await numbers(model.norm.runningMean?.value as Tensor), expected.mean);
  near(await numbers(model.norm.runningVar?.value as Tensor), expected.variance);
});

test("inference over all data has mean 0 and variance 1 after it, whatever the batches were", async () => {
  const model = new Sequential(new Conv2d(1, 3, 3), new BatchNorm(3)).init(4);
  const x = random.uniform(random.key(5), [40, 6, 6, 1]);
  await recalibrate(model, [x.slice([0, 7]), x.slice([7, 40])]);
  const { mean, variance } = columns(await model.forward(x, context()).data(), 3);
  near(mean, [0, 0, 0], 1e-4);
  near(variance, [1, 1, 1], 2e-3); // epsilon
});

test("takes what a loader gives; leaves frozen layers and other buffers alone", async () => {
  class Counter extends Module {
    readonly seen = buffer([]);
    forward(x: Tensor, ctx: Context): Tensor {
      if (ctx.train) ctx.put(this.seen, ctx.get(this.seen).add(1));
      return x;
    }
  }
  const rows = await data.data();
  const source = dataset({ x: { data: rows as Float32Array, shape: [23, 3, 4] }, y: new Int32Array(23) });
  const model = new Sequential(
    new BatchNorm(4),
    new Counter(),
    new BatchNorm(4, { trackRunningStats: false }),
    new BatchNorm(4),
  ).init(0);
  freeze(model, "layers/0");
  expect(await recalibrate(model, loader(source, { batchSize: 5, seed: 1 }).epoch(0))).toEqual(["layers/3"]);
  const after = model.buffers() as Record<string, Tensor>;
  expect(await numbers(after["layers/0/runningMean"] as Tensor)).toEqual([0, 0, 0, 0]);
  expect(await numbers(after["layers/1/seen"] as Tensor)).toEqual([0]);
  expect(await recalibrate(new Sequential(new Linear(4, 4)).init(0), [])).toEqual([]);
  await expect(recalibrate(model, [])).rejects.toThrow(
    "recalibrate: there must be at least one batch; got none.",
  );
});
