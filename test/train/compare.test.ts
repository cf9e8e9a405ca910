/** compare: the better setting wins, diverged ones are out, noise is called noise, budgets are kept. */
import { Dataset } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam, sgd } from "nabla/optim";
import { type CompareOptions, compare } from "nabla/train";
import { describe, expect, it } from "vitest";

const rows = 600;
const x = Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i * 12.9898) * 2);
const labels = Int32Array.from({ length: rows }, (_, i) =>
  (x[4 * i] as number) * (x[4 * i + 1] as number) > 0 ? 1 : 0,
);
const part = (from: number, to: number) =>
  new Dataset(
    { dtype: "f32", data: x.slice(4 * from, 4 * to), shape: [to - from, 4] },
    { dtype: "i32", data: labels.slice(from, to), shape: [to - from] },
  );
const parts = {
  model: () => new Sequential(new Linear(4, 16), relu, new Linear(16, 2)),
  loss: crossEntropy,
  train: part(0, 450),
  validation: part(450, 600),
};

describe("compare", () => {
  it("finds the rate that trains among ones that hardly move and one that explodes", async () => {
    const seen: number[] = [];
    const result = await compare(parts, {
      optimizers: { sgd: (rate) => sgd(rate, { momentum: 0.9 }), adam },
      learningRates: { sgd: [1e-6, 0.05, 1e30], adam: [1e-7, 0.01] },
      budget: 3,
      seeds: 2,
      onTrial: (_, round) => seen.push(round),
    });
    const { trials, winner, finalists } = result;
    expect([0.05, 0.01]).toContain(winner.learningRate);
    expect(trials).toHaveLength(5);
    const exploded = trials.find(({ learningRate }) => learningRate === 1e30);
    expect([exploded?.diverged, exploded?.loss]).toEqual([true, Number.POSITIVE_INFINITY]);
    expect(trials.filter(({ diverged }) => diverged)).toHaveLength(1);
    // Later rounds go on where earlier ones ended.
    expect(trials[0]?.curve.length).toBe(Math.max(...seen));
    const steps = trials[0]?.curve.map(({ step }) => step) as number[];
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(finalists).toHaveLength(2);
    expect(finalists.map(({ losses }) => losses.length)).toEqual([2, 2]);
    expect(finalists[0]?.mean).toBeLessThanOrEqual(finalists[1]?.mean as number);
    const momentum = trials.find(({ optimizer }) => optimizer === "sgd")?.stateBytes as number;
    const two = trials.find(({ optimizer }) => optimizer === "adam")?.stateBytes as number;
    // 114 parameters of 4 bytes: one mean for momentum, two for Adam; and the hyper-parameters.
    expect(two - momentum).toBeGreaterThanOrEqual(4 * 114);
  });

  it("calls equal settings equal", async () => {
    const { insideNoise } = await compare(parts, {
      optimizers: { one: adam, other: adam },
      learningRates: [0.02],
      budget: 1.5,
      seeds: 3,
    });
    expect(insideNoise).toBe(true);
  });

  it("ends with what is known when it is interrupted", async () => {
    const abort = new AbortController();
    const { trials, finalists, winner } = await compare(parts, {
      optimizers: { adam },
      learningRates: [1e-3, 1e-2, 1e-1],
      batchSizes: [16, 64],
      budget: 2,
      signal: abort.signal,
      onTrial: () => abort.abort(),
    });
    expect(trials.filter(({ steps }) => steps > 0)).toHaveLength(1);
    expect(finalists).toEqual([]);
    expect(winner.optimizer).toBe("adam");
  });

  it.each([
    [{ optimizers: {} }, /there must be an optimizer to race/],
    [{ learningRates: { adam: [] } }, /"adam" must have a learning rate; got none/],
    [{ learningRates: [0] }, /learning rates must be above 0; got 0 for "adam"/],
    [{ batchSizes: [0] }, /batchSize must be a whole number of at least 1; got 0/],
    [{ budget: Number.NaN }, /budget must be above 0 seconds; got NaN/],
    [{ seeds: 0 }, /seeds must be a whole number of at least 1; got 0/],
    [{ bugdet: 1 }, /no option "bugdet". Did you mean "budget"/],
  ])("%o", async (given, message) => {
    const options: CompareOptions = { optimizers: { adam }, learningRates: [0.1], budget: 0.1, ...given };
    await expect(compare(parts, options)).rejects.toThrow(message);
  });

  it("says so when all explode", async () => {
    const race = compare(parts, {
      optimizers: { sgd: (rate) => sgd(rate) },
      learningRates: [1e30, 1e35],
      budget: 1,
    });
    await expect(race).rejects.toThrow(/every setting diverged. Give smaller learning rates/);
  });
});
