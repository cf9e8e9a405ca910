/** reduceOnPlateau against PyTorch's, convergence, and both after a resume. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dataset } from "nabla/data";
import { Linear, mse, relu, Sequential } from "nabla/nn";
import { adam, exponentialDecay, sgd } from "nabla/optim";
import {
  type Callback,
  convergence,
  type EpochRecord,
  type ReduceOnPlateauOptions,
  type Run,
  reduceOnPlateau,
  Trainer,
} from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";

interface TorchOptions {
  factor: number;
  patience: number;
  threshold?: number;
  threshold_mode?: "rel" | "abs";
  cooldown?: number;
  min_lr?: number;
  mode?: "min" | "max";
}
const golden = JSON.parse(readFileSync(new URL("./goldens/plateau.json", import.meta.url), "utf8")) as {
  values: number[];
  runs: { options: TorchOptions; rates: number[] }[];
};
const folder = mkdtempSync(join(tmpdir(), "nabla-plateau-"));
afterAll(() => rmSync(folder, { recursive: true }));

const record = (epoch: number, loss: number): EpochRecord => ({
  epoch,
  step: epoch,
  train: { loss },
  validation: { loss },
});

/** Drives a callback through epochs with these losses, as a run that was resumed after `known` of them. */
async function drive(callback: Callback, losses: readonly number[], known = 0, rate = 1) {
  const rates: number[] = [];
  let reason: string | null = null;
  const values = { learningRate: rate };
  const run = {
    stop: (why: string) => {
      reason ??= why;
    },
    hyperparameters: async () => ({ ...values }),
    set: async (name: "learningRate", value: number) => {
      values[name] = value;
    },
  } as unknown as Run;
  const records = losses.map((loss, i) => record(i + 1, loss));
  await callback.start?.({ history: records.slice(0, known) } as never, run);
  for (const each of records.slice(known)) {
    await callback.epochEnd?.({ record: each }, run);
    rates.push(values.learningRate);
    if (reason !== null) break;
  }
  return { rates, reason };
}

describe("reduceOnPlateau", () => {
  const cases = golden.runs.map(({ options, rates }) => {
    const { threshold_mode, min_lr, ...same } = options;
    const own: ReduceOnPlateauOptions = {
      ...same,
      ...(threshold_mode ? { thresholdMode: threshold_mode } : {}),
      ...(min_lr === undefined ? {} : { min: min_lr }),
    };
    return [JSON.stringify(own), own, rates] as const;
  });
  const valuesFor = (options: ReduceOnPlateauOptions) =>
    golden.values.map((value) => (options.mode === "max" ? 1.5 - value : value));

  it.each(cases)("%s equals PyTorch's", async (_, options, rates) => {
    const got = await drive(reduceOnPlateau(options), valuesFor(options));
    got.rates.forEach((rate, i) => {
      expect(rate / (rates[i] as number)).toBeCloseTo(1, 12);
    });
    expect(new Set(rates).size).toBeGreaterThan(2);
  });

  it.each(cases)("%s resumed at any epoch is as never stopped", async (_, options) => {
    const values = valuesFor(options);
    const { rates } = await drive(reduceOnPlateau(options), values);
    for (let at = 1; at < values.length; at++) {
      const resumed = await drive(reduceOnPlateau(options), values, at, rates[at - 1]);
      expect(resumed.rates).toEqual(rates.slice(at));
    }
  });

  it.each([
    [{ factor: 1 }, /factor must be above 0 and below 1; got 1/],
    [{ patience: -1 }, /patience must be a whole number of at least 0; got -1/],
    [{ threshold: Number.NaN }, /threshold must be at least 0; got NaN/],
  ])("%o", (options, message) => {
    expect(() => reduceOnPlateau(options)).toThrow(message);
  });
});

describe("convergence", () => {
  it("ends when means of windows no longer fall, and not at one bad epoch", async () => {
    const losses = [8, 4, 5, 2, 1.5, 1, 0.99, 1.01, 1, 0.998, 1, 1];
    const { rates, reason } = await drive(convergence({ window: 3, tolerance: 0.01 }), losses);
    // 1.0, 0.99, 1.01 against 5, 2, 1.5 fall; 1, 0.998, 1 against 1, 0.99, 1.01 do not.
    expect(rates).toHaveLength(11);
    expect(reason).toMatch(/train.loss no longer falls: its mean of 3 epochs went from 1\.000 to 0\.9993/);
  });
  it("goes on counting after a resume", async () => {
    const losses = [8, 4, 5, 2, 1.5, 1, 0.99, 1.01, 1, 0.998, 1, 1];
    const { rates } = await drive(convergence({ window: 3, tolerance: 0.01 }), losses, 7);
    expect(rates).toHaveLength(4);
  });
  it("lets what falls run", async () => {
    const losses = Array.from({ length: 40 }, (_, i) => 0.9 ** i);
    expect((await drive(convergence(), losses)).reason).toBeNull();
  });
  it("says what must hold", async () => {
    expect(() => convergence({ window: 0 })).toThrow(/window must be a whole number of at least 1; got 0/);
    expect(() => convergence({ tolerance: -1 })).toThrow(/tolerance must be at least 0; got -1/);
    await expect(drive(convergence({ monitor: "train.los" }), [1])).rejects.toThrow(
      /Did you mean "train.loss"/,
    );
  });
});

describe("in a Trainer", () => {
  const x = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * 1.3));
  const y = Float32Array.from({ length: 128 }, (_, i) => Math.cos(i * 2.1));
  const data = new Dataset(
    { dtype: "f32", data: x, shape: [128, 2] },
    { dtype: "f32", data: y, shape: [128, 1] },
  );
  const make = (callbacks: Callback[], optimizer = adam(0.05)) =>
    new Trainer({
      model: new Sequential(new Linear(2, 8), relu, new Linear(8, 1)),
      loss: mse,
      optimizer,
      callbacks,
      seed: 1,
    });
  const plateau = () => reduceOnPlateau({ monitor: "train.loss", patience: 0, factor: 0.5, threshold: 0.02 });

  it("reduces the rate, and a resumed run ends with the same bits", async () => {
    const whole = make([plateau()]);
    await whole.fit(data, { epochs: 12, batchSize: 16 });
    const rate = (await whole.hyperparameters()).learningRate as number;
    expect(rate).toBeLessThan(0.05);
    const first = make([plateau()]);
    await first.fit(data, { epochs: 7, batchSize: 16 });
    await first.save(join(folder, "half"));
    const second = make([plateau()]);
    await second.resume(join(folder, "half"));
    await second.fit(data, { epochs: 12, batchSize: 16 });
    expect((await second.hyperparameters()).learningRate).toBe(rate);
    expect(second.history).toEqual(whole.history);
  });

  it("refuses a rate that follows a schedule before the first step", async () => {
    const trainer = make([plateau()], sgd(exponentialDecay({ initial: 0.1, rate: 0.9 })));
    await expect(trainer.fit(data, { epochs: 1 })).rejects.toThrow(/"learningRate" follows a schedule/);
    expect(trainer.position.step).toBe(0);
  });
});
