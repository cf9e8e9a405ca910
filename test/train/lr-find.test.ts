/** The learning-rate range test: its losses are those of training at each rate, and it suggests a rate that trains. */
import { Dataset, mnist } from "nabla/data";
import { crossEntropy, Linear, mse, relu, Sequential } from "nabla/nn";
import { adam, exponentialDecay, type Optimizer, sgd } from "nabla/optim";
import { lrFind, Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";
import { blobRows, curveRows, parts as split } from "../../bench/doctor/problems.ts";
import { suggest } from "../../src/train/lr-find.ts";

const rows = 512;
const x = Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i * 12.9898) * 2);
const labels = Int32Array.from({ length: rows }, (_, i) => ((x[4 * i] as number) > 0 ? 1 : 0));
const data = new Dataset(
  { dtype: "f32", data: x, shape: [rows, 4] },
  { dtype: "i32", data: labels, shape: [rows] },
);
const model = () => new Sequential(new Linear(4, 16), relu, new Linear(16, 2));
const parts = (optimizer = sgd(1)) => ({ model: model(), loss: crossEntropy, optimizer, seed: 3 });

interface Trained {
  readonly data: () => Promise<{ readonly train: Dataset; readonly validation: Dataset }>;
  readonly model: () => Sequential;
  readonly loss: typeof crossEntropy | typeof mse;
  readonly optimizer: (rate: number) => Optimizer;
  readonly grid: readonly number[];
  readonly epochs: number;
}

describe("lrFind", () => {
  it("suggests a rate at which training works, well under where it explodes", async () => {
    const { suggestion, points, reason, tenthOfLeast } = await lrFind(parts(), data, {
      from: 1e-4,
      to: 1e4,
      steps: 120,
    });
    expect(reason).toBe("diverged");
    expect(suggestion).toBeGreaterThan(1e-3);
    expect(suggestion).toBeLessThan((points.at(-1)?.learningRate as number) / 5);
    expect(tenthOfLeast).toBeGreaterThan(1e-4);
    const trained = async (rate: number) => {
      const trainer = new Trainer({ ...parts(sgd(rate)), metrics: ["accuracy"] });
      return (await trainer.fit(data, { epochs: 5, batchSize: 32 })).record?.train.loss as number;
    };
    expect(await trained(suggestion as number)).toBeLessThan(
      0.7 * (await trained((suggestion as number) / 1000)),
    );
  });

  it("grows by one factor, and its first loss is that of the untrained model", async () => {
    const { points } = await lrFind(parts(), data, { from: 1e-6, to: 1e-2, steps: 41, batchSize: rows });
    expect(points).toHaveLength(41);
    expect(points[0]?.learningRate).toBeCloseTo(1e-6, 12);
    expect(points[40]?.learningRate).toBeCloseTo(1e-2, 8);
    expect((points[20]?.learningRate as number) / (points[19]?.learningRate as number)).toBeCloseTo(
      10 ** 0.1,
      5,
    );
    const untrained = new Trainer({ ...parts() });
    expect(points[0]?.loss).toBeCloseTo((await untrained.evaluate(data)).loss, 5);
    expect(points[0]?.smoothed).toBeCloseTo(points[0]?.loss as number, 6);
  });

  it("leaves a trained model as it is, and equal runs are equal", async () => {
    const own = parts(adam());
    own.model.init(3);
    const before = await own.model.parameters()["layers/0/weight"]?.data();
    const first = await lrFind(own, data, { steps: 30 });
    expect(await own.model.parameters()["layers/0/weight"]?.data()).toEqual(before);
    expect((await lrFind(own, data, { steps: 30 })).points).toEqual(first.points);
  });

  it("can be interrupted", async () => {
    const abort = new AbortController();
    const { points, reason } = await lrFind(parts(), data, {
      signal: abort.signal,
      onStep: (_, step) => step === 7 && abort.abort(),
    });
    expect([points.length, reason]).toEqual([7, "interrupted"]);
  });

  it("has nothing to suggest where the loss never falls", async () => {
    const flat = Array.from({ length: 20 }, (_, i) => ({
      learningRate: 10 ** i,
      loss: 1,
      smoothed: 1 + i / 100,
    }));
    expect(suggest(flat)).toEqual({ suggestion: null, tenthOfLeast: 0.1, fall: 0 });
  });

  it("is not led astray by a fall that does not stay, and says so where all of it is slight", () => {
    const curve = (losses: readonly number[]) =>
      losses.map((smoothed, i) => ({ learningRate: 10 ** (i - 6), loss: smoothed, smoothed }));
    // The steepest fall is the first, of noise.
    expect(suggest(curve([2, 1, 2, 2, 1.7, 1.1, 0.8, 0.6, 5])).suggestion).toBeCloseTo(0.1);
    const slight = suggest(curve([2, 1.95, 2, 2, 1.95, 1.94, 1.96, 2.05, 5]));
    expect(slight.suggestion).toBeCloseTo(10);
    expect(slight.fall).toBeLessThan(0.1);
    expect(suggest([])).toEqual({ suggestion: null, tenthOfLeast: 0, fall: 0 });
  });

  const trained: readonly (readonly [string, Trained])[] = [
    [
      "MNIST",
      {
        data: async () => {
          const { train, test } = await mnist();
          return { train: train.head(4096), validation: test.head(1000) };
        },
        model: () => new Sequential(new Linear(784, 64), relu, new Linear(64, 10)),
        loss: crossEntropy,
        optimizer: adam,
        grid: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
        epochs: 3,
      },
    ],
    [
      "a smooth function, by descent",
      {
        data: async () => split(curveRows(1500), 1200, false),
        model: () => new Sequential(new Linear(6, 64), relu, new Linear(64, 1)),
        loss: mse,
        optimizer: sgd,
        grid: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
        epochs: 8,
      },
    ],
    [
      "clouds, with momentum",
      {
        data: async () => split(blobRows(2000), 1600),
        model: () => new Sequential(new Linear(8, 32), relu, new Linear(32, 4)),
        loss: crossEntropy,
        optimizer: (rate) => sgd(rate, { momentum: 0.9 }),
        grid: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
        epochs: 4,
      },
    ],
  ];

  it.each(trained)(
    "the suggestion trains as well as the best of a grid, within its noise: %s",
    async (_, of) => {
      const { train, validation } = await of.data();
      const lossAt = async (rate: number, seed: number): Promise<number> => {
        const trainer = new Trainer({
          model: of.model(),
          loss: of.loss,
          optimizer: of.optimizer(rate),
          seed,
        });
        const { record } = await trainer.fit(train, { epochs: of.epochs, batchSize: 64, validation });
        return record?.validation?.loss ?? Number.NaN;
      };
      const grid: number[] = [];
      for (const rate of of.grid) grid.push(await lossAt(rate, 0));
      const [worst, best] = [Math.max(...grid), Math.min(...grid)];
      expect(worst).toBeGreaterThan(2 * best); // the rate matters
      for (const seed of [0, 1, 2]) {
        const optimizer = of.optimizer(1);
        const { suggestion } = await lrFind({ model: of.model(), loss: of.loss, optimizer, seed }, train, {
          batchSize: 64,
        });
        expect(suggestion).not.toBeNull();
        expect(await lossAt(suggestion ?? 0, seed)).toBeLessThan(1.25 * best);
      }
    },
  );

  it.each([
    [{ from: 0 }, /from must be above 0 and below to; got 0 and 10/],
    [{ from: 1, to: 1 }, /from must be above 0 and below to; got 1 and 1/],
    [{ steps: 5 }, /steps must be a whole number of at least 10; got 5/],
    [{ smoothing: 1 }, /smoothing must be at least 0 and below 1; got 1/],
    [{ divergence: 1 }, /divergence must be above 1; got 1/],
    [{ step: 5 }, /no option "step". Did you mean "steps"/],
  ])("%o", async (options, message) => {
    await expect(lrFind(parts(), data, options as object)).rejects.toThrow(message);
  });

  it("refuses a scheduled rate and data that do not fit", async () => {
    const scheduled = parts(sgd(exponentialDecay({ initial: 1, rate: 0.5 })));
    await expect(lrFind(scheduled, data)).rejects.toThrow(/"learningRate" follows a schedule/);
    await expect(lrFind({ ...parts(), loss: mse }, data)).rejects.toThrow();
  });
});
