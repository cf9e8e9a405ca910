/** Sharpness: what Lanczos finds of Hessians that are known, as PyTorch's in f64, and what measuring leaves as it was. */
import { readFileSync } from "node:fs";
import { tensor } from "nabla";
import { dataset, loader } from "nabla/data";
import { crossEntropy, dropout, Linear, mse, relu, Sequential, tanh } from "nabla/nn";
import { adam, chain, clipByGlobalNorm, type Optimizer, sgd } from "nabla/optim";
import { type Callback, type Run, type Sharpness, Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";
import { greatestOfTridiagonal } from "../../src/train/lanczos.ts";
import { make, rows, values } from "./trainer-parts.ts";

interface Golden {
  x: number[][];
  y: number[];
  weights: Record<string, number[] | number[][]>;
  first: Pick<Sharpness, "sharpness" | "alongGradient">;
  adam: Sharpness & { rate: number; steps: number; edge: number };
}
const golden = JSON.parse(
  readFileSync(new URL("./goldens/sharpness.json", import.meta.url), "utf8"),
) as Golden;

/** Does `ask` when so many steps are taken; before the first where it is 0. */
const asking = (step: number, ask: (run: Run) => Promise<void>): Callback => ({
  start: (_, run) => (step > 0 ? run.breakAt(step) : undefined),
  batch: ({ position }, run) => (step === 0 && position.step === 0 ? ask(run) : undefined),
  stepEnd: ({ position }, run) => (step > 0 && position.step === step ? ask(run) : undefined),
});

describe("the greatest eigenvalue of a tridiagonal matrix", () => {
  it("is 2 + 2 cos(pi / (n + 1)) for 2 with ones beside it", () => {
    for (const n of [1, 2, 7, 40]) {
      const found = greatestOfTridiagonal(new Array(n).fill(2), new Array(n - 1).fill(1));
      expect(found).toBeCloseTo(2 + 2 * Math.cos(Math.PI / (n + 1)), 13);
    }
  });

  it("is the greatest, not the longest; of numbers that are none it is none", () => {
    expect(greatestOfTridiagonal([-5, 1], [0.001])).toBeCloseTo(1 + 1e-6 / 6, 9);
    expect(greatestOfTridiagonal([-3], [])).toBe(-3);
    expect(greatestOfTridiagonal([], [])).toBeNaN();
    expect(greatestOfTridiagonal([1, Number.NaN], [1])).toBeNaN();
  });
});

describe("sharpness", () => {
  const net = () => {
    const model = new Sequential(new Linear(5, 6), tanh, new Linear(6, 3)).init(0);
    const weights = Object.entries(golden.weights).map(([path, value]) => [path, tensor(value)]);
    return model.load(Object.fromEntries(weights));
  };
  async function found(optimizer: Optimizer, step: number): Promise<Sharpness | null> {
    let got: Sharpness | null = null;
    const ask = asking(step, async (run) => {
      got = await run.sharpness(40);
    });
    const trainer = new Trainer({ model: net(), loss: crossEntropy, optimizer, callbacks: [ask] });
    await trainer.fit(dataset({ x: golden.x, y: golden.y }), { epochs: step + 1, batchSize: 64 });
    return got;
  }

  it("is the greatest eigenvalue of PyTorch's Hessian", async () => {
    const got = await found(sgd(0.1), 0);
    expect((got?.sharpness ?? 0) / golden.first.sharpness).toBeCloseTo(1, 4);
    expect((got?.alongGradient ?? 0) / golden.first.alongGradient).toBeCloseTo(1, 4);
    expect(got?.edge).toBeCloseTo(20, 4);
  });

  it("under Adam is that of the preconditioned Hessian, as after torch's steps", async () => {
    const { rate, steps, sharpness, alongGradient, edge } = golden.adam;
    const got = await found(adam(rate), steps);
    expect((got?.sharpness ?? 0) / sharpness).toBeCloseTo(1, 3);
    expect((got?.alongGradient ?? 0) / alongGradient).toBeCloseTo(1, 3);
    expect((got?.edge ?? 0) / edge).toBeCloseTo(1, 4);
  });

  it("has no edge where a link is not known to have one", async () => {
    const got = await found(chain(clipByGlobalNorm(1), sgd(0.1)), 0);
    expect((got?.sharpness ?? 0) / golden.first.sharpness).toBeCloseTo(1, 4);
    expect(got?.edge).toBeNull();
  });

  it("of least squares is that of 2 X^T X / n, known in closed form, whatever the weights", async () => {
    // Orthogonal columns of lengths a, b, c: eigenvalues 2 a^2, 2 b^2, 2 c^2 over n.
    const [a, b, c] = [3, 1, 0.5];
    const x = Array.from({ length: 64 }, (_, i) => [i % 2 ? a : -a, i % 4 < 2 ? b : -b, i % 8 < 4 ? c : -c]);
    let got: Sharpness | null = null;
    const ask = asking(0, async (run) => {
      got = await run.sharpness(3);
    });
    const model = new Linear(3, 1, { bias: false }).init(1);
    const trainer = new Trainer({ model, loss: mse, optimizer: sgd(0.01), callbacks: [ask] });
    await trainer.fit(dataset({ x, y: x.map(() => [1]) }), { epochs: 1, batchSize: 64 });
    expect(got).toMatchObject({ sharpness: expect.closeTo(18, 3), edge: expect.closeTo(200, 2) });
  });
});

describe("measuring", () => {
  const model = () => new Sequential(new Linear(4, 16), relu, dropout(0.3), new Linear(16, 3));
  const trained = async (asks: number, data: Parameters<Trainer["fit"]>[0] = rows(100)) => {
    const seen: unknown[] = [];
    const ask = asking(13, async (run) => {
      for (let i = 0; i < asks; i++) seen.push([await run.gradientNoise(), await run.sharpness()]);
    });
    const trainer = make({ model: model(), callbacks: [ask] });
    const { history } = await trainer.fit(data, { epochs: 4, batchSize: 16 });
    return { seen, history, values: await values(trainer) };
  };

  it("leaves training as it is, to the bit, and comes to the same twice", async () => {
    const [plain, measured] = [await trained(0), await trained(2)];
    expect(measured.values).toEqual(plain.values);
    expect(measured.history).toEqual(plain.history);
    expect(measured.seen[0]).toEqual(measured.seen[1]);
    expect(measured.seen[0]).toMatchObject([{ noise: expect.any(Number) }, { edge: expect.any(Number) }]);
  });

  it("needs data in memory", async () => {
    const { seen } = await trained(1, loader(rows(100), { batchSize: 16, seed: 0 }));
    expect(seen).toEqual([[null, null]]);
  });

  it("refuses counts that are none", async () => {
    const asked = make({ callbacks: [asking(1, async (run) => void (await run.sharpness(0)))] });
    await expect(asked.fit(rows(32), { epochs: 1 })).rejects.toThrow(
      "sharpness: products must be a whole number of at least 1; got 0.",
    );
    const noise = make({ callbacks: [asking(1, async (run) => void (await run.gradientNoise(1.5)))] });
    await expect(noise.fit(rows(32), { epochs: 1 })).rejects.toThrow(
      "gradientNoise: batches must be a whole number of at least 1; got 1.5.",
    );
  });
});
