/** compare: the better setting wins, all get equally many steps, diverged and failing ones are out, noise is called noise. */
import { Dataset } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam, sgd } from "nabla/optim";
import { type CompareOptions, type CompareResult, compare, Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";
import { compareOn, settingsOf } from "../../src/train/compare/compare.ts";
import { finalistOf, measuringPoints, reach } from "../../src/train/compare/finals.ts";
import { type Lane, LocalLane } from "../../src/train/compare/lane.ts";
import { Pace, roundDown } from "../../src/train/compare/pace.ts";
import { placeParts, Racer, stepsFor } from "../../src/train/compare/racer.ts";
import { welch } from "../../src/train/compare/welch.ts";
import golden from "./goldens/welch.json" with { type: "json" };

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
    expect([0.05, 0.01]).toContain(winner?.learningRate);
    expect(trials).toHaveLength(5);
    const exploded = trials.find(({ learningRate }) => learningRate === 1e30);
    expect([exploded?.diverged, exploded?.loss]).toEqual([true, Number.POSITIVE_INFINITY]);
    expect(trials.filter(({ diverged }) => diverged)).toHaveLength(1);
    // Later rounds go on where earlier ones ended.
    expect(trials[0]?.curve.length).toBeGreaterThanOrEqual(Math.max(...seen));
    expect(trials[0]?.loss).toBe(Math.min(...(trials[0]?.curve ?? []).map(({ loss }) => loss)));
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
    expect(winner?.optimizer).toBe("adam");
  });

  it.each([
    [{ optimizers: {} }, /there must be an optimizer to race/],
    [{ learningRates: { adam: [] } }, /"adam" must have a learning rate; got none/],
    [{ learningRates: [0] }, /learning rates must be above 0; got 0 for "adam"/],
    [{ batchSizes: [0] }, /batchSize must be a whole number of at least 1; got 0/],
    [{ budget: Number.NaN }, /budget must be above 0 seconds; got NaN/],
    [{ seeds: 0 }, /seeds must be a whole number of at least 1; got 0/],
    [{ steps: 1.5 }, /steps must be a whole number of at least 1; got 1.5/],
    [{ epochs: 0 }, /epochs must be a whole number of at least 1; got 0/],
    [{ target: Number.NaN }, /target must be a finite loss; got NaN/],
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

const makers = { momentum: (rate: number) => sgd(rate, { momentum: 0.9 }), adam };
const grid = { optimizers: makers, learningRates: [1e-3, 1e-2, 0.1], batchSizes: [16, 64] };
const fixed = { ...grid, steps: 8, seeds: 2 };

/** What does not depend on the clock. */
const timeless = ({ trials, finalists, winner, p, rounds, target }: CompareResult) => {
  const curve = (points: readonly { step: number; loss: number }[]) =>
    points.map(({ step, loss }) => [step, loss]);
  return {
    trials: trials.map((trial) => ({ ...trial, seconds: 0, curve: curve(trial.curve) })),
    finalists: finalists.map((finalist) => ({
      ...finalist,
      seconds: 0,
      reached: { ...finalist.reached, seconds: 0 },
      curves: finalist.curves.map(curve),
    })),
    ...{ winner, p, target },
    rounds: rounds.map((round) => ({ ...round, seconds: 0 })),
  };
};

describe("a fair race", () => {
  it("gives all settings of a round equally many rows, whatever their place", async () => {
    const race = await compare(parts, fixed);
    expect(race.rounds).toMatchObject([
      { settings: 12, rows: 8 * 16 },
      { settings: 4, rows: 24 * 16 },
    ]);
    for (const { batchSize, curve } of race.trials) {
      const expected = race.rounds.slice(0, curve.length).map(({ rows }) => stepsFor(rows, batchSize, 450));
      expect(curve.map(({ step }) => step)).toEqual(expected);
    }
    const backwards = await compare(parts, {
      ...fixed,
      optimizers: { adam, momentum: makers.momentum },
      learningRates: [0.1, 1e-2, 1e-3],
      batchSizes: [64, 16],
    });
    expect(timeless(backwards)).toEqual(timeless(race));
  });

  it("gives all equally many under a budget too", async () => {
    const { trials, rounds } = await compare(parts, { ...grid, budget: 1.5, seeds: 1 });
    expect(rounds.map(({ settings }) => settings)).toEqual([12, 4]);
    const [first, second] = rounds.map(({ rows }) => rows) as [number, number];
    trials.forEach(({ batchSize, steps }, place) => {
      expect(steps).toBe(stepsFor(place < 4 ? second : first, batchSize, 450));
    });
  });

  it("comes to the same bits on one lane, on three, and where trials change lanes", async () => {
    const lane = () =>
      new LocalLane(parts, ({ optimizer, learningRate }) => makers[optimizer as "adam"](learningRate));
    const settings = settingsOf(grid);
    const on = (lanes: number) =>
      compareOn(Array.from({ length: lanes }, lane), settings, 450, { steps: 8, seeds: 2 });
    const one = timeless(await on(1));
    expect(timeless(await on(3))).toEqual(one);
    // More lanes than settings in the later rounds: survivors are spread, and trained again where they were not.
    expect(timeless(await on(5))).toEqual(one);
  });

  it("ends where the experiment would", async () => {
    const { rounds, finalists } = await compare(parts, { ...fixed, steps: 100, epochs: 2 });
    expect(rounds).toMatchObject([{ settings: 12, rows: 900 }]);
    expect(finalists[0]?.steps).toBe(stepsFor(900, finalists[0]?.batchSize as number, 450));
  });

  it("trains to the Trainer's bits, across epochs and their smaller last batch, in one go or in parts", async () => {
    for (const dropLast of [false, true]) {
      const trainer = new Trainer({
        model: parts.model(),
        loss: crossEntropy,
        optimizer: adam(0.01),
        seed: 3,
      });
      await trainer.fit(parts.train, { epochs: 3, batchSize: 64, dropLast });
      const { loss } = await trainer.evaluate(parts.validation);
      const data = { ...parts, dropLast };
      const racer = () => new Racer(data, placeParts(data), adam(0.01), { batchSize: 64, seed: 3 });
      const [whole, divided] = [racer(), racer()];
      await whole.train(3 * 450);
      for (const rows of [64, 300, 450, 700, 1350]) await divided.train(rows);
      const step = dropLast ? 21 : 24;
      expect(await whole.measure()).toMatchObject({ step, loss });
      expect(await divided.measure()).toMatchObject({ step, loss });
    }
  });

  it("counts steps within and across epochs", () => {
    expect([0, 1, 16, 17, 100, 101, 200].map((rows) => stepsFor(rows, 16, 100))).toEqual([
      0, 1, 1, 2, 7, 8, 14,
    ]);
    expect(stepsFor(200, 16, 100, true)).toBe(12);
  });
});

describe("the pace", () => {
  it("turns time into rows by what each setting takes", () => {
    const pace = new Pace();
    pace.note(0, 100, { trained: 1, evaluated: 0.5 });
    pace.note(1, 100, { trained: 3, evaluated: 0.5 });
    // 2 x 0.5 s of measuring, 0.04 s for a row of both.
    expect(pace.afford([0, 1], { seconds: 5, lanes: 1, measurements: 1 })).toBeCloseTo(100, 9);
    expect(pace.afford([0, 1], { seconds: 5, lanes: 2, measurements: 1 })).toBeCloseTo(225, 9);
    // Of three trials on two lanes the last keeps one lane waiting.
    expect(pace.afford([0, 0, 0], { seconds: 4, lanes: 2, measurements: 0 })).toBeCloseTo(200, 9);
    pace.noteSetUp(1);
    expect(pace.afford([0, 1], { seconds: 5, lanes: 1, measurements: 1, fresh: true })).toBeCloseTo(50, 9);
  });

  it("takes little notice of small differences", () => {
    expect([0.5, 1, 3.9, 7.9, 8, 9.9, 10, 100, 127, 1000].map(roundDown)).toEqual([
      0, 1, 3, 7, 8, 8, 10, 96, 112, 896,
    ]);
  });
});

describe("what goes wrong", () => {
  it("is a row that says why, and the race goes on", async () => {
    const failing = {
      ...makers,
      broken: () => {
        throw new Error("no such rate");
      },
    };
    const { trials, finalists } = await compare(parts, {
      optimizers: failing,
      learningRates: [0.01],
      steps: 4,
      seeds: 1,
    });
    const row = trials.find(({ optimizer }) => optimizer === "broken");
    expect(row).toMatchObject({ error: "no such rate", steps: 0, loss: Number.POSITIVE_INFINITY });
    expect(trials.at(-1)).toBe(row);
    expect(finalists.map(({ optimizer }) => optimizer).sort()).toEqual(["adam", "momentum"]);
  });

  it("in what the caller hears with ends the race, and no lane works after it is closed", async () => {
    const said: string[] = [];
    const lanes = [0, 1].map((index) => {
      const lane = new LocalLane(parts, ({ learningRate }) => adam(learningRate));
      const run: Lane["run"] = async (order, signal) => {
        said.push(`begin ${index}`);
        const leg = await lane.run(order, signal);
        said.push(`end ${index}`);
        return leg;
      };
      const close = async () => {
        said.push(`close ${index}`);
      };
      return { run, close, keep: () => undefined };
    });
    const onTrial = () => {
      throw new Error("heard enough");
    };
    const settings = settingsOf({ optimizers: { adam }, learningRates: [0.1, 0.2, 0.3, 0.4, 0.5] });
    await expect(compareOn(lanes, settings, 450, { steps: 3, onTrial })).rejects.toThrow("heard enough");
    expect(said.slice(-2)).toEqual(["close 0", "close 1"]);
    for (const index of [0, 1]) {
      const count = (what: string) => said.filter((line) => line === `${what} ${index}`).length;
      expect(count("begin")).toBe(count("end"));
    }
    expect(said.filter((line) => line.startsWith("begin")).length).toBeLessThan(5);
  });

  it("is an error when nothing can be trained", async () => {
    const broken = () => {
      throw new Error("no such rate");
    };
    await expect(compare(parts, { optimizers: { broken }, learningRates: [0.1], steps: 1 })).rejects.toThrow(
      /no setting could be trained; broken at 0.1: no such rate/,
    );
  });
});

describe("the evidence", () => {
  const curve = (...losses: number[]) =>
    losses.map((loss, i) => ({ step: 10 * (i + 1), seconds: i + 1, loss }));

  it("times the way to the target, between two measurements, over the seeds that came there", () => {
    const curves = [curve(1, 0.5, 0.25), curve(2, 1, 0.6), curve(0.4, 0.3)];
    // The first falls from 1 to 0.5 between the steps 10 and 20; the third is there at its first measurement.
    expect(reach(curves, 0.5)).toEqual({ seeds: 2, steps: (20 + 10) / 2, seconds: (2 + 1) / 2 });
    expect(reach([curve(1, 0.5, 0.25)], 0.75)).toEqual({ seeds: 1, steps: 15, seconds: 1.5 });
    expect(reach([curve(Number.POSITIVE_INFINITY, 0.5)], 0.75)).toEqual({ seeds: 1, steps: 20, seconds: 2 });
    expect(reach(curves, 0.1)).toEqual({ seeds: 0, steps: null, seconds: null });
  });

  it("is measured at twelve equal distances, fewer where there are not so many batches", () => {
    expect(measuringPoints(1200, 10)).toEqual([
      100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200,
    ]);
    expect(measuringPoints(20, 10)).toEqual([10, 20]);
    expect(measuringPoints(10, 32)).toEqual([10]);
  });

  it("tells losses, spread, times and memory of each finalist", async () => {
    const { finalists, target, p, insideNoise } = await compare(parts, {
      ...fixed,
      batchSizes: [16],
      seeds: 3,
    });
    const [first, second] = finalists;
    expect(first?.curves.map((points) => points.map(({ step }) => step))).toEqual(
      Array(3).fill([1, 2, 3, 4, 5, 6, 7, 8]),
    );
    expect(first?.curves.map((points) => Math.min(...points.map(({ loss }) => loss)))).toEqual(first?.losses);
    expect(target).toBe(second?.mean);
    expect(first?.reached.seeds).toBeGreaterThan(0);
    expect(first?.reached.steps).toBeLessThanOrEqual(first?.steps as number);
    // 114 parameters of 4 bytes: one mean for momentum, two for Adam; and a few hyper-parameters.
    const bytes = { momentum: 4, adam: 8 }[first?.optimizer as "adam"];
    expect(first?.stateBytesPerParameter).toBeGreaterThanOrEqual(bytes);
    expect(first?.stateBytesPerParameter).toBeLessThan(bytes + 0.5);
    expect(p).toBe(welch(first?.losses as number[], second?.losses as number[]));
    expect(insideNoise).toBe((p as number) > 0.05);
  });

  it("knows nothing of noise with one seed", async () => {
    const { p, insideNoise } = await compare(parts, { ...fixed, seeds: 1 });
    expect([p, insideNoise]).toEqual([null, null]);
  });

  it("tests the difference as SciPy does", () => {
    for (const { a, b, p } of golden) expect(welch(a, b)).toBeCloseTo(p, 10);
    expect(welch([1], [2, 3])).toBe(null);
    expect([welch([1, 1], [1, 1]), welch([1, 1], [2, 2])]).toEqual([1, 0]);
    expect(finalistOf({ optimizer: "adam", learningRate: 1, batchSize: 1 }, [])).toBe(null);
  });
});
