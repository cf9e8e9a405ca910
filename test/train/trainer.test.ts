import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, tensor, valueAndGrad } from "nabla";
import { Dataset, dataset, loader } from "nabla/data";
import { f1, type Metric, type MetricName, recall, rocAuc, topKAccuracy } from "nabla/metrics";
import {
  apply,
  bceWithLogits,
  context,
  crossEntropy,
  dropout,
  Linear,
  mse,
  relu,
  Sequential,
} from "nabla/nn";
import { adam, applyUpdates, sgd } from "nabla/optim";
import { type Callback, checkpoint, type EpochRecord, earlyStopping, history, Trainer } from "nabla/train";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { ByteArray } from "../../src/data/byte-array.ts";
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";
import { FileError } from "../../src/io/index.ts";
import { Chunks } from "../../src/train/chunks.ts";
import { ConfigError, DataError, ShapeError } from "../../src/util/index.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-train-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Three classes told apart by four features. */
function rows(n: number, shift = 0): Dataset {
  const x = Array.from({ length: n }, (_, i) => [
    Math.sin(i + shift),
    Math.cos(2 * i),
    Math.sin(3 * i),
    i % 3,
  ]);
  return dataset({ x, y: Array.from({ length: n }, (_, i) => i % 3) });
}

/** The reference device computes in f64 and rounds only what is read, so that saving changes its bits. */
const exact = cpuAvailable().ok;

const network = () => new Sequential(new Linear(4, 8), relu, new Linear(8, 3));

function make(change: Partial<ConstructorParameters<typeof Trainer>[0]> = {}): Trainer {
  return new Trainer({
    model: network(),
    loss: crossEntropy,
    optimizer: adam(1e-2),
    metrics: ["accuracy"],
    ...change,
  });
}

async function values(trainer: Trainer): Promise<Record<string, number[]>> {
  const tensors = { ...trainer.model.parameters(), ...trainer.model.buffers() };
  const entries = Object.entries(tensors).map(
    async ([path, t]) => [path, Array.from(await t.data())] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** The bytes of a checkpoint's state. */
function stateOf(folder: string): Buffer {
  const name = readdirSync(folder).find((file) => file.endsWith(".safetensors")) as string;
  return readFileSync(join(folder, name));
}

describe("metrics", () => {
  it("by name and with options, in history, evaluation and a resumed epoch", async () => {
    const metrics = [
      "accuracy",
      "logLoss",
      "perplexity",
      "calibrationError",
      topKAccuracy({ k: 2 }),
      f1({ classes: 3 }),
      recall({ classes: 3, average: 1 }),
      rocAuc({ classes: 3 }),
    ] as (MetricName | Metric)[];
    const names = [
      "loss",
      "accuracy",
      "logLoss",
      "perplexity",
      "calibrationError",
      "top2Accuracy",
      "f1(macro)",
      "recall(1)",
      "rocAuc(macro)",
    ];
    const data = rows(90);
    const recent: string[][] = [];
    const whole = make({
      metrics,
      callbacks: [{ stepEnd: (event) => void recent.push(Object.keys(event.recent)) }],
    });
    const { history } = await whole.fit(data, { epochs: 2, batchSize: 16, validation: rows(30, 1) });
    expect(Object.keys(history[1]?.train ?? {})).toEqual(names);
    const scores = await whole.evaluate(rows(30, 1));
    expect(history[1]?.validation).toEqual(scores);
    expect(scores.logLoss).toBeCloseTo(scores.loss, 6);
    expect(scores.perplexity).toBeCloseTo(Math.exp(scores.loss), 4);
    // Of part of the rows only means say something.
    for (const keys of recent) expect(keys).toEqual(["loss", "accuracy", "logLoss", "top2Accuracy"]);

    // Saved in the middle of an epoch, counts and all.
    const folder = join(dir, "metrics");
    let batches = 0;
    const stopping: Callback = {
      stepEnd(event, run) {
        batches = event.position.batch;
        if (batches < 6) run.stop("enough");
      },
    };
    const cut = make({ metrics, callbacks: [stopping, checkpoint(folder)] });
    await cut.fit(data, { epochs: 2, batchSize: 16 });
    expect(batches).toBeLessThan(6);
    const resumed = make({ metrics });
    await resumed.resume(folder);
    const rest = await resumed.fit(data, { epochs: 2, batchSize: 16 });
    expect(rest.history.map(({ train }) => train)).toEqual(history.map(({ train }) => train));
  });

  it("of two classes and of numbers need no options", async () => {
    const x = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(i), i / 40, 1]);
    const binary = dataset({ x, y: x.map(([a]) => [Number((a as number) > 0)]) });
    const classifier = make({
      model: new Sequential(new Linear(4, 1)),
      loss: bceWithLogits,
      metrics: ["precision", "recall", "f1", "rocAuc", "prAuc"],
    });
    await classifier.fit(binary, { epochs: 60, batchSize: 10 });
    const scores = await classifier.evaluate(binary);
    for (const name of ["precision", "recall", "f1", "rocAuc", "prAuc"]) {
      expect(scores[name], name).toBeGreaterThan(0.9);
    }
    const numbers = dataset({ x, y: x.map(([a, b]) => [(a as number) - 2 * (b as number)]) });
    const regression = make({
      model: new Sequential(new Linear(4, 1)),
      optimizer: sgd(0.3),
      loss: mse,
      metrics: ["mse", "mae", "rmse", "r2"],
    });
    await regression.fit(numbers, { epochs: 60, batchSize: 10 });
    const fit = await regression.evaluate(numbers);
    expect(fit.r2).toBeGreaterThan(0.99);
    expect(fit.mse).toBeCloseTo(fit.loss, 6);
    expect(fit.rmse).toBeCloseTo(Math.sqrt(fit.loss), 5);
  });

  it("that need to know the classes say so before the first step", async () => {
    await expect(make({ metrics: ["f1"] }).fit(rows(9), { epochs: 1 })).rejects.toThrow(
      'f1: classes must be the number the model has; got 2 for 3. Say f1({ classes: 3, average: "macro" }). (in the metric "f1")',
    );
  });
});

describe("fit", () => {
  it("learns, and tells what each epoch reached", async () => {
    const trainer = make();
    const { history, reason, plan, record, samplesPerSecond } = await trainer.fit(rows(90), {
      epochs: 30,
      batchSize: 16,
      validation: rows(30, 1),
    });
    expect(history).toHaveLength(30);
    expect(history[0]).toEqual({
      epoch: 1,
      step: 6,
      train: { loss: expect.any(Number), accuracy: expect.any(Number) },
      validation: { loss: expect.any(Number), accuracy: expect.any(Number) },
    });
    expect(reason).toBe(null);
    expect(record).toBe(history.at(-1));
    expect(plan).toMatchObject({ epochs: 30, batchSize: 16, rows: 90, batches: 6, parameters: 67 });
    expect(samplesPerSecond).toBeGreaterThan(0);
    expect(history.at(-1)?.train.accuracy).toBeGreaterThan(0.9);
    expect(await trainer.evaluate(rows(30, 1))).toEqual(history.at(-1)?.validation);
  });

  it("does what a loop by hand does", async () => {
    const data = rows(50);
    const trainer = make({ optimizer: sgd(0.1), seed: 5 });
    const { history } = await trainer.fit(data, { epochs: 2, batchSize: 16 });

    const model = network().init(5);
    const optimizer = sgd(0.1);
    let params = model.parameters();
    let state = optimizer.init(params);
    const batches = loader(data, { batchSize: 16, shuffle: true, seed: 5 });
    const means: number[] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      let sum = 0;
      for await (const { x, y, size } of batches) {
        const loss = (p: Record<string, Tensor>) =>
          apply(model, p, () => crossEntropy(model.forward(x, context({ train: true })), y));
        const [value, grads] = valueAndGrad(loss)(params);
        const [updates, next] = optimizer.update(grads, state, params);
        params = applyUpdates(params, updates);
        state = next;
        sum += (await value.item()) * size;
      }
      means.push(sum / data.length);
    }
    for (const [epoch, record] of history.entries())
      expect(record.train.loss).toBeCloseTo(means[epoch] as number, 5);
    const trained = await values(trainer);
    for (const [path, t] of Object.entries(params)) {
      const hand = Array.from(await t.data());
      trained[path]?.forEach((value, i) => {
        expect(value).toBeCloseTo(hand[i] as number, 5);
      });
    }
  });

  it("gives the same bits however many steps a native call takes", async () => {
    const model = () => new Sequential(new Linear(4, 8), relu, dropout(0.3), new Linear(8, 3));
    const adaptive = make({ model: model() });
    await adaptive.fit(rows(100), { epochs: 3, batchSize: 8 });
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const single = make({ model: model() });
    await single.fit(rows(100), { epochs: 3, batchSize: 8 });
    expect(await values(single)).toEqual(await values(adaptive));
    expect(single.history).toEqual(adaptive.history);
  });

  it("depends on the seed: initial values, order and dropout", async () => {
    const trained = async (seed: number) => {
      const trainer = make({ seed });
      await trainer.fit(rows(40), { epochs: 1 });
      return values(trainer);
    };
    expect(await trained(3)).toEqual(await trained(3));
    expect(await trained(3)).not.toEqual(await trained(4));
  });

  it("drops or keeps the last batch", async () => {
    const kept = await make().fit(rows(50), { epochs: 1, batchSize: 16 });
    expect([kept.plan.batches, kept.history[0]?.step]).toEqual([4, 4]);
    const dropped = await make().fit(rows(50), { epochs: 1, batchSize: 16, dropLast: true });
    expect([dropped.plan.batches, dropped.history[0]?.step]).toEqual([3, 3]);
    await expect(make().fit(rows(5), { epochs: 1, batchSize: 16, dropLast: true })).rejects.toThrow(
      "with dropLast there must be a whole batch; got 5 rows and batchSize 16",
    );
    const whole = await make().fit(rows(5), { epochs: 1, batchSize: 16 });
    expect(whole.plan.batches).toBe(1);
  });

  it("goes on with another call, and takes over what was set in between", async () => {
    const trainer = make();
    await trainer.fit(rows(40), { epochs: 2 });
    await trainer.fit(rows(40), { epochs: 1 });
    expect(trainer.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    const zero = Object.fromEntries(
      Object.entries(trainer.model.parameters()).map(([path, t]) => [path, t.mul(0)]),
    );
    trainer.model.load(zero);
    expect((await trainer.evaluate(rows(30))).loss).toBeCloseTo(Math.log(3), 5);
    await trainer.set("learningRate", 0);
    await trainer.fit(rows(40), { epochs: 1 });
    for (const list of Object.values(await values(trainer)))
      expect(list.every((value) => value === 0)).toBe(true);
    expect(await trainer.hyperparameters()).toMatchObject({ learningRate: 0 });
  });

  it("does not take what the caller holds", async () => {
    const model = network().init(0);
    const held = model.parameters();
    const before = Array.from(await (held["layers/0/weight"] as Tensor).data());
    await make({ model }).fit(rows(40), { epochs: 1 });
    expect(Array.from(await (held["layers/0/weight"] as Tensor).data())).toEqual(before);
  });

  it("sends its events in order", async () => {
    const seen: string[] = [];
    const names = [
      "start",
      "epochStart",
      "batch",
      "stepEnd",
      "evaluate",
      "epochEnd",
      "checkpoint",
      "stop",
      "error",
    ] as const;
    const note: Callback = Object.fromEntries(names.map((name) => [name, () => void seen.push(name)]));
    const save: Callback = { epochEnd: (_, run) => run.save(join(dir, "events")) };
    await make({ callbacks: [note, save] }).fit(rows(32), { epochs: 2, batchSize: 32, validation: rows(9) });
    const epoch = ["epochStart", "batch", "stepEnd", "evaluate", "epochEnd", "checkpoint"];
    expect(seen).toEqual(["start", ...epoch, ...epoch, "stop"]);
  });

  it("keeps a history and stops when a callback asks to", async () => {
    const list: EpochRecord[] = [];
    const trainer = make({ callbacks: [history(list), { epochEnd: (_, run) => run.stop("enough") }] });
    expect((await trainer.fit(rows(30), { epochs: 5 })).reason).toBe("enough");
    expect(list).toEqual(trainer.history);
    expect(list).toHaveLength(1);
  });

  it("puts the best parameters back when it stops early", async () => {
    const trainer: Trainer = make({
      optimizer: sgd(0.5),
      callbacks: [
        { epochEnd: ({ record }) => (record.epoch === 3 ? trainer.set("learningRate", 50) : undefined) },
        earlyStopping({ patience: 2 }),
      ],
    });
    const result = await trainer.fit(rows(60), { epochs: 60, batchSize: 60, validation: rows(30, 2) });
    expect(result.reason).toMatch(/^validation\.loss has not improved on .* for 2 epochs$/);
    const best = Math.min(...result.history.map(({ validation }) => validation?.loss as number));
    expect(result.record?.validation?.loss).toBe(best);
    expect((await trainer.evaluate(rows(30, 2))).loss).toBe(best);
  });
});

describe("bytes that stand for numbers", () => {
  const table = (of: (byte: number) => number) => Float32Array.from({ length: 256 }, (_, byte) => of(byte));
  const sets = (n: number, values: Float32Array): [Dataset, Dataset] => {
    const bytes = Uint8Array.from({ length: 4 * n }, (_, i) => (i * 2654435761) >>> 24);
    const y = { dtype: "i32", shape: [n], data: Int32Array.from({ length: n }, (_, i) => i % 3) } as const;
    const floats = {
      dtype: "f32",
      shape: [n, 4],
      data: Float32Array.from(bytes, (byte) => values[byte] ?? 0),
    } as const;
    return [new Dataset(new ByteArray([n, 4], bytes, values), y), new Dataset(floats, y)];
  };
  it.runIf(exact).each([
    ["divided", table((byte) => byte / 255)],
    ["tabulated", table((byte) => Math.sqrt(byte) - 8)],
  ])("%s: train, evaluate and predict to the bits of the numbers", async (_name, values_) => {
    const [mine, theirs] = sets(101, values_);
    const results = [];
    for (const data of [mine, theirs]) {
      const trainer = make();
      const { history } = await trainer.fit(data, { epochs: 2, batchSize: 8, validation: data.head(30) });
      const scores = await trainer.evaluate(data);
      const outputs = await (await trainer.predict(data)).data();
      results.push({ history, scores, outputs, values: await values(trainer) });
    }
    expect(results[0]).toEqual(results[1]);
    expect((mine.x as ByteArray).compact).toBe(true);
  });
});

describe("a run that stops", () => {
  const model = () => new Sequential(new Linear(4, 8), relu, dropout(0.3), new Linear(8, 3));
  const options = { epochs: 4, batchSize: 8, validation: rows(20) };

  /** Ends the run after `steps` steps, in the middle of an epoch. */
  const stopAfter = (steps: number): Callback => ({
    stepEnd: ({ position }, run) => {
      if (position.step >= steps) run.stop("test");
    },
  });

  it.skipIf(!exact).each([1, 7, 13, 26])("after %i steps resumes to the same bits", async (steps) => {
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const whole = make({ model: model(), callbacks: [checkpoint(join(dir, `whole-${steps}`))] });
    await whole.fit(rows(100), options);

    const folder = join(dir, `part-${steps}`);
    const first = make({ model: model(), callbacks: [stopAfter(steps), checkpoint(folder)] });
    expect((await first.fit(rows(100), options)).reason).toBe("test");
    expect(first.position.step).toBe(steps);

    const second = make({ model: model(), callbacks: [checkpoint(folder)] });
    await second.resume(folder);
    expect(second.position).toEqual(first.position);
    await second.fit(rows(100), options);
    expect(second.history).toEqual(whole.history);
    expect(stateOf(folder)).toEqual(stateOf(join(dir, `whole-${steps}`)));
  });

  it("refuses to go on within an epoch with other batches", async () => {
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const folder = join(dir, "other");
    await make({ callbacks: [stopAfter(3), checkpoint(folder)] }).fit(rows(100), options);
    const trainer = make();
    await trainer.resume(folder);
    await expect(trainer.fit(rows(100), { ...options, batchSize: 16 })).rejects.toThrow(
      "the resumed run stopped within epoch 1 with batchSize 8; got 16. Go on with the same.",
    );
  });

  it("loads the parameters alone", async () => {
    const trainer = make();
    await trainer.fit(rows(50), { epochs: 2 });
    await trainer.save(join(dir, "load"));
    const other = make({ optimizer: sgd(1) });
    await other.load(join(dir, "load"));
    expect(await values(other)).toEqual(await values(trainer));
    expect(other.position.epoch).toBe(0);
    await expect(make({ model: new Linear(4, 3) }).load(join(dir, "load"))).rejects.toThrow(
      "holds no params/bias",
    );
    await expect(make({ optimizer: sgd(1) }).resume(join(dir, "load"))).rejects.toThrow(DataError);
  });
});

describe("evaluate and predict", () => {
  it("measure every row once, whatever the batches", async () => {
    const data = rows(2500); // two batches of 1,024 and a rest
    const trainer = make();
    const { loss, accuracy } = await trainer.evaluate(data);
    const logits = await trainer.predict(data);
    expect(logits.shape).toEqual([2500, 3]);
    const y = tensor(data.y.data, { dtype: "i32" });
    expect(loss).toBeCloseTo(await crossEntropy(logits, y).item(), 4);
    expect(accuracy).toBeCloseTo(await logits.argmax(-1).eq(y).astype("f32").mean().item(), 6);
  });

  it("predict takes tensors and lists", async () => {
    const trainer = make();
    const list = [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ];
    const a = (await (await trainer.predict(list)).array()) as number[][];
    expect(await (await trainer.predict(tensor(list))).array()).toEqual(a);
    const whole = await trainer.model.forward(tensor(list), context()).data();
    a.flat().forEach((value, i) => {
      expect(value).toBeCloseTo(whole[i] as number, 5);
    });
  });
});

describe("errors", () => {
  it("names an option that does not exist", () => {
    expect(() => make({ optimiser: adam() } as never)).toThrow(
      new ConfigError('Trainer: there is no option "optimiser". Did you mean "optimizer"?'),
    );
    expect(() => make({ metrics: ["acuracy" as never] })).toThrow(
      'there is no metric "acuracy". Did you mean "accuracy"?',
    );
    expect(() => make({ seed: 1.5 })).toThrow("seed must be a whole number of at least 0; got 1.5");
  });

  it("of fit's options", async () => {
    await expect(make().fit(rows(9), { epoch: 1 } as never)).rejects.toThrow(
      'there is no option "epoch". Did you mean "epochs"?',
    );
    await expect(make().fit(rows(9), { epochs: 0 })).rejects.toThrow(
      "epochs must be a whole number of at least 1; got 0",
    );
    await expect(make().fit([] as never, { epochs: 1 })).rejects.toThrow(
      "must be a data set made by dataset() or mnist()",
    );
  });

  it("of labels, shapes and losses before the first step", async () => {
    const started = vi.fn();
    const callbacks = [{ start: started }];
    const labels = dataset({
      x: [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
      y: [0, 3],
    });
    await expect(make({ callbacks }).fit(labels, { epochs: 1 })).rejects.toThrow(
      "the training data: labels must be in [0, 3), as the model has 3 outputs; row 1 has label 3.",
    );
    const negative = dataset({ x: [[1, 2, 3, 4]], y: [-1] });
    await expect(make({ callbacks }).fit(rows(9), { epochs: 1, validation: negative })).rejects.toThrow(
      "the validation data: labels must be in [0, 3), as the model has 3 outputs; row 0 has label -1.",
    );
    const ignoring = (logits: Tensor, y: Tensor) => crossEntropy(logits, y, { ignoreIndex: -100 });
    const padded = dataset({ x: Array(3).fill([1, 2, 3, 4]), y: [0, -100, -1] });
    await expect(make({ loss: ignoring }).fit(padded, { epochs: 1 })).rejects.toThrow(
      "row 2 has label -1. Give the last layer more outputs, or fix the labels; for rows that do not count, give the loss { ignoreIndex }.",
    );
    const narrow = new Sequential(new Linear(4, 8), relu, new Linear(9, 3));
    await expect(make({ callbacks, model: narrow }).fit(rows(9), { epochs: 1 })).rejects.toThrow(ShapeError);
    await expect(make({ callbacks, model: narrow }).fit(rows(9), { epochs: 1 })).rejects.toThrow("layers/2");
    const rowLoss = (logits: Tensor, y: Tensor) => crossEntropy(logits, y, { reduction: "none" });
    await expect(make({ callbacks, loss: rowLoss }).fit(rows(9), { epochs: 1 })).rejects.toThrow(
      "loss: must return one number (0-d) for a batch; got f32[9]. Take its mean().",
    );
    await expect(make({ callbacks, loss: mse, metrics: [] }).fit(rows(9), { epochs: 1 })).rejects.toThrow(
      ShapeError,
    );
    expect(started).not.toHaveBeenCalled();
  });

  it("of a loss that is not finite: which step it was, and what to try", async () => {
    const heard = vi.fn();
    const data = rows(64);
    const trainer = make({ optimizer: sgd(1e38), callbacks: [{ error: heard }] });
    const failed = trainer.fit(data, { epochs: 3, batchSize: 8 });
    await expect(failed).rejects.toThrow(DataError);
    await expect(failed).rejects.toThrow(
      /at step \d+ \(epoch \d, batch \d\) it is not\. With \{ debug: true \} \(nabla train: --debug\) the operation is named\. Try a lower learning rate/,
    );
    expect(heard).toHaveBeenCalledOnce();
  });

  it("of a callback ends the run, and the trainer can be used again", async () => {
    let broken = true;
    const trainer = make({
      callbacks: [
        {
          epochEnd: () => {
            if (broken) throw new Error("mine");
          },
        },
      ],
    });
    await expect(trainer.fit(rows(30), { epochs: 2 })).rejects.toThrow("mine");
    broken = false;
    await trainer.fit(rows(30), { epochs: 2 });
    expect(trainer.history.length).toBeGreaterThanOrEqual(2);
  });

  it("of a second fit while the first goes on", async () => {
    const trainer = make();
    const first = trainer.fit(rows(30), { epochs: 1 });
    await expect(trainer.fit(rows(30), { epochs: 1 })).rejects.toThrow("already training");
    await first;
  });
});

it("leaves out rows whose label the loss ignores", async () => {
  const loss = (logits: Tensor, y: Tensor) => crossEntropy(logits, y, { ignoreIndex: -100 });
  const trainer = make({ loss, metrics: [] });
  const x = [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
  ];
  const { loss: both } = await trainer.evaluate(dataset({ x, y: [2, -100] }));
  const { loss: first } = await trainer.evaluate(dataset({ x: x.slice(0, 1), y: [2] }));
  expect(both).toBeCloseTo(first as number, 6);
});

describe("checkpoint", () => {
  it("goes on training when a save fails, and tries again", async () => {
    const heard: string[] = [];
    const folder = join(dir, "retry");
    const callback = checkpoint(folder, { minSeconds: 0, onFailure: (error) => heard.push(error.message) });
    const trainer = make({ callbacks: [callback] });
    const save = vi.spyOn(trainer, "save");
    save.mockRejectedValueOnce(new FileError("the disk is full", "ENOSPC"));
    await trainer.fit(rows(30), { epochs: 2 });
    expect(heard).toEqual(["the disk is full"]);
    expect(readdirSync(folder)).toHaveLength(2);
    save.mockRejectedValue(new FileError("the disk is full", "ENOSPC"));
    await expect(trainer.fit(rows(30), { epochs: 1 })).rejects.toThrow("the disk is full");
    expect(readdirSync(folder)).toHaveLength(2);
  });
});
