/** The learning-rate range test: its losses are those of training at each rate, and it suggests a rate that trains. */
import { Dataset } from "nabla/data";
import { crossEntropy, Linear, mse, relu, Sequential } from "nabla/nn";
import { adam, exponentialDecay, sgd } from "nabla/optim";
import { lrFind, Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";
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
    expect(suggest(flat)).toEqual({ suggestion: null, tenthOfLeast: 0.1 });
  });

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
