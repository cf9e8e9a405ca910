/** The gradient noise scale: exactly unbiased, as PyTorch and NumPy compute it, and what it makes of the batch size. */
import { readFileSync } from "node:fs";
import { random, type Tensor, tensor } from "nabla";
import { crossEntropy, dropout, Linear, mse, Sequential, tanh } from "nabla/nn";
import { sgd } from "nabla/optim";
import { noiseScale } from "nabla/train";
import { describe, expect, it } from "vitest";
import { defaultDevice } from "../../src/engine/runtime/index.ts";
import {
  after,
  type Measured,
  type NoiseState,
  scaleOf,
  sizeAt,
  sizesOf,
} from "../../src/train/noise-scale.ts";
import { NoiseMeter } from "../../src/train/noise-step.ts";
import { firstState } from "../../src/train/state.ts";
import type { Parts } from "../../src/train/steps.ts";
import { ConfigError } from "../../src/util/index.ts";

interface Golden {
  x: number[][];
  y: number[];
  weights: Record<string, number[] | number[][]>;
  measured: (Measured & { batchSize: number })[];
  values: [number, number][];
  runs: { options: Parameters<typeof noiseScale>[0]; after: [number, number | null][] }[];
}
const golden = JSON.parse(
  readFileSync(new URL("./goldens/noise-scale.json", import.meta.url), "utf8"),
) as Golden;

const device = defaultDevice().name;
const partsOf = (change: Pick<Parts, "model" | "loss">): Parts => ({
  ...change,
  optimizer: sgd(0.1),
  metrics: [],
  matmulPrecision: "f32",
});

describe("a measurement", () => {
  it.each(golden.measured)("of $batchSize rows is PyTorch's by the paper's formulas", async (wanted) => {
    const model = new Sequential(new Linear(5, 6), tanh, new Linear(6, 3)).init(0);
    model.load(
      Object.fromEntries(Object.entries(golden.weights).map(([path, value]) => [path, tensor(value)])),
    );
    const parts = partsOf({ model, loss: crossEntropy });
    const state = await firstState(model, parts.optimizer, [], 0, device);
    const order = tensor(Int32Array.from(golden.y.keys()), { dtype: "i32" });
    const data = { x: tensor(golden.x), y: tensor(golden.y, { dtype: "i32" }), order };
    const got = await new NoiseMeter(parts).measure(state, data, wanted.batchSize);
    expect(got.signal).toBeCloseTo(wanted.signal, 5);
    expect(got.noise).toBeCloseTo(wanted.noise, 5);
  });

  /** Least squares on rows x with target t: a row's gradient is 2 (w . x - t) x, known in closed form. */
  const w = [0.5, -1, 0.25];
  async function linear(x: number[][], t: number[]) {
    const model = new Linear(3, 1, { bias: false }).init(0);
    model.load({ weight: tensor(w.map((value) => [value])) });
    const parts = partsOf({ model, loss: mse });
    const state = await firstState(model, parts.optimizer, [], 0, device);
    const meter = new NoiseMeter(parts);
    const placed = { x: tensor(x), y: tensor(t.map((value) => [value])) };
    return (order: readonly number[], size: number): Promise<Measured> =>
      meter.measure(state, { ...placed, order: tensor(order, { dtype: "i32" }) }, size);
  }
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

  it.each([2, 4])("is without bias: over all ways to draw %i of 5 rows its mean is exact", async (size) => {
    const x = [
      [1, 0.5, -0.25],
      [-0.5, 1, 2],
      [0.75, -1.5, 0.5],
      [2, 1, 1],
      [-1, 0.25, -2],
    ];
    const t = [1, -0.5, 0.25, 2, 0];
    const gradients = x.map((row, i) => row.map((value) => 2 * (dot(row, w) - (t[i] as number)) * value));
    const mean = w.map((_, k) => gradients.reduce((sum, g) => sum + (g[k] as number), 0) / 5);
    const sumOfSquares = gradients.reduce(
      (sum, g) => sum + g.reduce((part, value, k) => part + (value - (mean[k] as number)) ** 2, 0),
      0,
    );
    // Drawn without putting back from N rows, two gradients have covariance -Sigma / (N - 1); the trace is that with N - 1 for N.
    const trace = sumOfSquares / 4;
    const signal = dot(mean, mean) - sumOfSquares / 5 / 4;
    const measure = await linear(x, t);
    const orders = arrangements([0, 1, 2, 3, 4], size);
    let [signals, noises] = [0, 0];
    for (const order of orders) {
      const got = await measure(order, size);
      signals += got.signal / orders.length;
      noises += got.noise / orders.length;
    }
    expect(signals / signal).toBeCloseTo(1, 5);
    expect(noises / trace).toBeCloseTo(1, 5);
  });

  it("of normal rows and targets 0 comes to d + 1: G = 2 w, Sigma = 4 (|w|^2 I + w w^T)", async () => {
    const rows = 1 << 16;
    const x = await random.normal(random.key(3), [rows, 3]).data();
    const list = Array.from({ length: rows }, (_, i) => Array.from(x.slice(3 * i, 3 * i + 3)));
    const measure = await linear(list, new Array(rows).fill(0));
    const order = Array.from({ length: rows }, (_, i) => i);
    const { signal, noise } = await measure(order, rows);
    const square = dot(w, w);
    // Draws of a fixed seed; both bounds are several of their deviations.
    expect(Math.abs(signal / (4 * square) - 1)).toBeLessThan(0.05);
    const many: Measured[] = [];
    for (let at = 0; at < 512; at++) many.push(await measure(order.slice(128 * at, 128 * at + 128), 128));
    const sum = (of: (one: Measured) => number) => many.reduce((total, one) => total + of(one), 0);
    expect(Math.abs(sum((one) => one.noise) / 512 / (16 * square) - 1)).toBeLessThan(0.1);
    expect(Math.abs(sum((one) => one.noise) / sum((one) => one.signal) / 4 - 1)).toBeLessThan(0.1);
    expect(noise).toBeGreaterThan(0);
  });

  it("draws dropout anew for each half, and leaves the state as it was", async () => {
    const model = new Sequential(dropout(0.5), new Linear(4, 1)).init(0);
    const parts = partsOf({ model, loss: mse });
    const state = await firstState(model, parts.optimizer, [], 0, device);
    const same = tensor(Array(8).fill([1, 2, 3, 4]));
    const data = {
      x: same,
      y: tensor(Array(8).fill([1])),
      order: tensor([...Array(8).keys()], { dtype: "i32" }),
    };
    const before = await (state.params["layers/1/weight"] as Tensor).data();
    const first = await new NoiseMeter(parts).measure(state, data, 2);
    // Equal rows with equal masks would have equal gradients.
    expect(first.noise).toBeGreaterThan(0);
    const { signal, noise } = await new NoiseMeter(parts).measure(state, data, 2);
    expect([signal, noise]).toEqual([first.signal, first.noise]);
    expect(await (state.params["layers/1/weight"] as Tensor).data()).toEqual(before);
  });
});

/** All ordered choices of `count` items. */
function arrangements(items: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return items.flatMap((item) =>
    arrangements(
      items.filter((other) => other !== item),
      count - 1,
    ).map((rest) => [item, ...rest]),
  );
}

describe("the size", () => {
  it.each(golden.runs)(
    "follows the measurements as in plain Python: $options",
    ({ options, after: wanted }) => {
      const { options: all } = noiseScale(options);
      let state: NoiseState | null = null;
      for (const [i, [signal, noise]] of golden.values.entries()) {
        state = after(all, state, 10 * i, { signal, noise });
        const [size, scale] = wanted[i] as [number, number | null];
        expect(state.size, `after ${i + 1}`).toBe(size);
        if (scale === null) expect(scaleOf(state)).toBe(null);
        else expect((scaleOf(state) as number) / scale).toBeCloseTo(1, 12);
      }
    },
  );

  it("is of min, 2 min, ... up to max; another run's counts as the nearest", () => {
    const { options } = noiseScale({ min: 24, max: 200 });
    expect(sizesOf(options)).toEqual([24, 48, 96, 192]);
    const state = { size: 128, signal: 1, noise: 1, measurements: 1, step: 0 };
    expect(sizeAt(options, state)).toBe(96);
    expect(sizeAt(options, null)).toBe(24);
  });

  it.each([
    [{ min: 1 }, "noiseScale: min must be a whole number of at least 2; got 1."],
    [{ min: 64, max: 32 }, "noiseScale: max must be a whole number of at least 64; got 32."],
    [{ max: Number.NaN }, "noiseScale: max must be a whole number of at least 32; got NaN."],
    [{ every: 0 }, "noiseScale: every must be a whole number of at least 1; got 0."],
    [{ smoothing: 1 }, "noiseScale: smoothing must be at least 0 and below 1; got 1."],
    [{ fraction: 0 }, "noiseScale: fraction must be a finite number above 0; got 0."],
    [{ shrink: 1 as never }, "noiseScale: shrink must be true or false; got 1."],
    [{ smooth: 0.5 } as never, 'noiseScale: there is no option "smooth". Did you mean "smoothing"?'],
  ])("refuses %o", (options, message) => {
    expect(() => noiseScale(options)).toThrow(new ConfigError(message));
  });
});
