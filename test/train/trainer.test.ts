/** The Trainer: fit, evaluate, predict. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, tensor, valueAndGrad } from "nabla";
import { Dataset, loader } from "nabla/data";
import { apply, context, crossEntropy, dropout, Linear, relu, Sequential } from "nabla/nn";
import { applyUpdates, sgd } from "nabla/optim";
import { type Callback, type EpochRecord, earlyStopping, history, type Trainer } from "nabla/train";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { ByteArray } from "../../src/data/byte-array.ts";
import { Chunks } from "../../src/train/chunks.ts";
import { exact, make, network, rows, values } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-train-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

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
