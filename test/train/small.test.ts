import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { plotCurve, resample, Series } from "../../src/cli/curve.ts";
import { describeError } from "../../src/cli/exit.ts";
import { ownModule } from "../../src/modules/index.ts";
import { Chunks } from "../../src/train/chunks.ts";
import { formatRate, formatScore, formatSeconds } from "../../src/train/format.ts";
import {
  type EpochRecord,
  type Events,
  earlyStopping,
  monitored,
  progress,
  type Run,
} from "../../src/train/index.ts";
import { ConfigError, DataError, editDistance, nearest, suggestion } from "../../src/util/index.ts";

describe("nearest", () => {
  it("counts edits", () => {
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("epcohs", "epochs")).toBe(1);
    expect(editDistance("same", "same")).toBe(0);
  });

  it("finds the right name for the usual slips, and none for anything else", () => {
    const names = ["name", "epochs", "batchSize", "optimizer", "learningRate", "metrics"];
    expect(
      ["epoch", "epcohs", "batch_size", "batchsize", "optimiser", "batch", "metric"].map((n) =>
        nearest(n, names),
      ),
    ).toEqual(["epochs", "epochs", "batchSize", "batchSize", "optimizer", "batchSize", "metrics"]);
    expect(nearest("zzz", names)).toBe(null);
    expect(suggestion("zzz", ["a", "b"])).toBe(" It must be one of a, b.");
  });
});

describe("Chunks", () => {
  it("starts with one step, ignores its time, and settles at 50 ms", () => {
    const chunks = new Chunks();
    expect(chunks.next(10_000)).toBe(1);
    chunks.note(1, 3); // a compilation
    expect(chunks.next(10_000)).toBe(8);
    chunks.note(8, 8e-5);
    expect(chunks.next(10_000)).toBe(64); // grows step by step, whatever the estimate
    for (let i = 0; i < 10; i++) chunks.note(chunks.next(10_000), chunks.next(10_000) * 1e-5);
    expect(chunks.next(10_000)).toBe(5000);
    expect(chunks.next(7)).toBe(7);
  });

  it("takes one step at a time when each is slow, and survives a time of zero", () => {
    const chunks = new Chunks();
    chunks.note(chunks.next(100), 1);
    chunks.note(chunks.next(100), 16);
    expect(chunks.next(100)).toBe(1);
    chunks.note(1, 0);
    expect(chunks.next(100)).toBeGreaterThanOrEqual(1);
  });
});

const record = (epoch: number, loss: number): EpochRecord => ({
  epoch,
  step: epoch * 10,
  train: { loss },
  validation: { loss, accuracy: 1 - loss, rmse: loss, perplexity: loss },
});

/** Drives a callback as a trainer would; true when it asked to stop. */
async function drive(callback: ReturnType<typeof earlyStopping>, losses: number[]) {
  const stops: string[] = [];
  const restored: number[] = [];
  let epoch = 0;
  const run = {
    stop: (reason: string) => stops.push(reason),
    save: async () => undefined,
    parameters: () => ({}),
    explain: () => [],
    snapshot: async () => {
      const at = epoch;
      return () => restored.push(at);
    },
    lastSnapshot: () => null,
  } as unknown as Run;
  const position = { epoch: 0, batch: 0, row: 0, step: 0 };
  await callback.start?.({ history: [], position } as unknown as Events["start"], run);
  for (const loss of losses) {
    epoch++;
    await callback.epochEnd?.({ record: record(epoch, loss) }, run);
    if (stops.length > 0) break;
  }
  await callback.stop?.({ reason: null, position }, run);
  return { stops, restored, epoch };
}

describe("earlyStopping", () => {
  it("stops after `patience` epochs without a better loss and puts the best back", async () => {
    const { stops, restored, epoch } = await drive(earlyStopping({ patience: 2 }), [3, 2, 2.5, 2, 1]);
    expect(stops).toEqual(["validation.loss has not improved on 2 for 2 epochs"]);
    expect([restored, epoch]).toEqual([[2], 4]);
  });

  it("wants larger values of a metric, by more than minDelta", async () => {
    const callback = earlyStopping({ monitor: "validation.accuracy", patience: 2, minDelta: 0.1 });
    expect((await drive(callback, [0.5, 0.45, 0.42, 0.1])).epoch).toBe(3);
    expect(
      (await drive(earlyStopping({ monitor: "validation.accuracy" }), [0.5, 0.4, 0.3, 0.2])).stops,
    ).toEqual([]);
  });

  it("knows the errors among metrics by name: smaller ones are better", async () => {
    for (const monitor of ["validation.rmse", "validation.perplexity"]) {
      const { stops } = await drive(earlyStopping({ monitor, patience: 2 }), [3, 2, 2.5, 2.5]);
      expect(stops).toEqual([`${monitor} has not improved on 2 for 2 epochs`]);
    }
  });

  it("does not put back what is in force, nor what it was told to leave", async () => {
    expect((await drive(earlyStopping({ patience: 2 }), [3, 2, 1])).restored).toEqual([]);
    expect((await drive(earlyStopping({ patience: 1, restoreBest: false }), [1, 2])).restored).toEqual([]);
  });

  it("goes on counting in a resumed run", async () => {
    const callback = earlyStopping({ patience: 2 });
    const stops: string[] = [];
    const run = {
      stop: (reason: string) => stops.push(reason),
      snapshot: async () => () => undefined,
      lastSnapshot: () => null,
    } as unknown as Run;
    await callback.start?.({ history: [record(1, 1), record(2, 2)] } as unknown as Events["start"], run);
    await callback.epochEnd?.({ record: record(3, 3) }, run);
    expect(stops).toHaveLength(1);
  });

  it("names the nearest value when there is no such one", async () => {
    await expect(drive(earlyStopping({ monitor: "validation.acuracy" }), [1])).rejects.toThrow(
      new ConfigError('earlyStopping: there is no "validation.acuracy". Did you mean "validation.accuracy"?'),
    );
    expect(() => earlyStopping({ patience: 0 })).toThrow(ConfigError);
    expect(monitored(record(1, 2), "train.loss")).toBe(2);
    expect(monitored(record(1, 2), "loss")).toBe(undefined);
  });
});

describe("progress", () => {
  it("writes plain lines where there is no terminal", async () => {
    let text = "";
    const stream = new Writable({
      write(chunk, _, done) {
        text += chunk;
        done();
      },
    }) as unknown as NodeJS.WriteStream;
    const callback = progress({ stream, everySeconds: 0 });
    const run = {} as Run;
    const plan = {
      epochs: 2,
      batchSize: 32,
      rows: 100,
      batches: 4,
      rowsPerEpoch: 100,
      parameters: 1234,
      stateBytes: 1,
      device: "cpu (test)",
      notes: ["learningRate: it ends."],
    };
    const position = { epoch: 0, batch: 0, row: 0, step: 0 };
    await callback.start?.({ plan, position, history: [] }, run);
    await callback.epochStart?.({ epoch: 1 }, run);
    await callback.batch?.({ epoch: 1, batch: 0, count: 2, position }, run);
    const scores = { loss: 0.5, accuracy: 0.75 };
    await callback.stepEnd?.(
      {
        position: { epoch: 0, batch: 2, row: 64, step: 2 },
        rows: 64,
        seconds: 0.5,
        waiting: 0,
        train: scores,
        recent: scores,
      },
      run,
    );
    await callback.epochEnd?.(
      { record: { epoch: 1, step: 4, train: scores, validation: { loss: 0.25 } } },
      run,
    );
    await callback.stop?.({ reason: "interrupted", position: { epoch: 1, batch: 1, row: 32, step: 5 } }, run);
    expect(text).toBe(
      [
        "1,234 parameters, 100 rows, batch 32, on cpu (test)",
        "note: learningRate: it ends.",
        "epoch 1/2 64%  loss 0.5000, accuracy 0.7500  128 samples/s  1.1 s left",
        "epoch 1/2  loss 0.5000, accuracy 0.7500  validation loss 0.2500  128 samples/s",
        "stopped at epoch 2: interrupted",
        "",
      ].join("\n"),
    );
  });
});

describe("progress on a terminal", () => {
  it("draws a live bar and leaves a line per epoch", async () => {
    let text = "";
    const stream = Object.assign(
      new Writable({
        write(chunk, _, done) {
          text += chunk;
          done();
        },
      }),
      { isTTY: true, columns: 200 },
    ) as unknown as NodeJS.WriteStream;
    const callback = progress({ stream });
    const run = {} as Run;
    const plan = {
      epochs: 1,
      batchSize: 10,
      rows: 40,
      batches: 4,
      rowsPerEpoch: 40,
      parameters: 1,
      stateBytes: 1,
      device: "cpu",
      notes: [],
    };
    const scores = { loss: 0.5 };
    const begun = { epoch: 0, batch: 0, row: 0, step: 0 };
    await callback.start?.({ plan, position: begun, history: [] }, run);
    await callback.epochStart?.({ epoch: 1 }, run);
    await callback.batch?.({ epoch: 1, batch: 0, count: 3, position: begun }, run);
    await new Promise((done) => setTimeout(done, 150)); // the bar draws 12 times a second
    const position = { epoch: 0, batch: 3, row: 30, step: 3 };
    await callback.stepEnd?.(
      { position, rows: 30, seconds: 1, waiting: 0, train: scores, recent: scores },
      run,
    );
    await new Promise((done) => setTimeout(done, 150));
    await callback.epochEnd?.({ record: { epoch: 1, step: 4, train: scores, validation: null } }, run);
    expect(text).toContain("75% | loss 0.5000 | 30 samples/s | 0.3 s left");
    expect(text).toMatch(/█{18}░{6}/);
    expect(text.endsWith("epoch 1/1  loss 0.5000  30 samples/s\n")).toBe(true);
  });
});

describe("numbers for people", () => {
  it("formats scores, rates and times", () => {
    expect([0.123456, 0, 1e-5, 123456, 1234.5, -2, Number.NaN].map(formatScore)).toEqual([
      "0.1235",
      "0",
      "1.00e-5",
      "1.23e+5",
      "1234.5",
      "-2.0000",
      "NaN",
    ]);
    expect(formatRate(81234.4)).toBe("81,234 samples/s");
    expect([0.05, 59.94, 60, 185, 7620, Number.POSITIVE_INFINITY].map(formatSeconds)).toEqual([
      "0.1 s",
      "59.9 s",
      "1 min 00 s",
      "3 min 05 s",
      "2 h 07 min",
      "?",
    ]);
  });
});

describe("the loss curve", () => {
  it("keeps the mean of a series of any length", () => {
    const series = new Series(16);
    for (let i = 0; i < 1000; i++) series.add(i, 1);
    series.add(Number.NaN, 1);
    const values = series.values;
    expect(values.length).toBeLessThanOrEqual(16);
    expect(values.every((value, i) => i === 0 || value > (values[i - 1] as number))).toBe(true);
    expect(values[0]).toBeLessThan(100);
    expect(values.at(-1)).toBeGreaterThan(900);
  });

  it("resamples up and down", () => {
    expect(resample([1, 2, 3, 4], 2)).toEqual([1.5, 3.5]);
    expect(resample([1, 2], 4)).toEqual([1, 1, 2, 2]);
    expect(resample([], 4)).toEqual([]);
  });

  it("draws, and leaves it with two points", () => {
    const text = plotCurve("loss", [4, 2, 1], 20, 2);
    expect(text.split("\n")).toHaveLength(4);
    expect(text).toContain("4.00");
    expect(plotCurve("loss", [4, 2])).toBe("");
  });
});

describe("the command line's parts", () => {
  it("tells its own errors as they are and others with their place, in one line", () => {
    expect(describeError(new DataError("a: b.\n  c."))).toBe("a: b. c.");
    expect(describeError(new TypeError("x is not a function"))).toMatch(
      /^\S+small\.test\.ts:\d+: TypeError: x is not a function\. Run again with --debug for the stack\.$/,
    );
    expect(describeError("text")).toBe("something other than an Error was thrown: text.");
  });

  it("maps the package's names to its own files, and nothing else", () => {
    expect(ownModule("nabla")).toMatch(/\/src\/index\.ts$/);
    expect(ownModule("nabla/nn")).toMatch(/\/src\/nn\/index\.ts$/);
    expect(["nabla/util", "nabla/nn/linear", "nabla-x", "./nabla", "fs"].map(ownModule)).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
