/** The Trainer on data that is not in memory: the bits of the same data in memory, resumed anywhere, and its errors. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bucketed,
  type Dataset,
  type HostBatch,
  loader,
  rowSource,
  type Source,
  stream,
  weighted,
} from "nabla/data";
import { BatchNorm, crossEntropy, dropout, Linear, relu, Sequential } from "nabla/nn";
import { adam, ema, multiStep } from "nabla/optim";
import { type Callback, compare, lrFind, progress, type Trainer } from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { DataError } from "../../src/util/index.ts";
import { exact, make, rows, stateOf, values } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-feeds-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The rows of a data set, each batch a little later and from elsewhere. */
const slow = (data: Dataset): Source => ({
  length: data.length,
  gather: async (wanted) => {
    await new Promise((done) => setTimeout(done, 1));
    return data.gather(wanted);
  },
});

const net = () => new Sequential(new Linear(4, 8), relu, dropout(0.3), new Linear(8, 3));
const trainer = (callbacks: readonly Callback[] = []): Trainer => make({ model: net(), seed: 4, callbacks });
const stopAt = (step: number): Callback => ({
  stepEnd: ({ position }, run) => (position.step >= step ? run.stop("test") : undefined),
});
const data = rows(50);

describe.runIf(exact)("a source", () => {
  it.each([
    { batchSize: 8 },
    { batchSize: 8, dropLast: true },
    { batchSize: 8, shuffle: false },
    { batchSize: 7, sampler: weighted(Array.from({ length: 50 }, (_, row) => row % 4)) },
    { batchSize: 8, sampler: bucketed(Array.from({ length: 50 }, (_, row) => row % 9)) },
  ])("trains to the bits of the same data in memory: %o", async (options) => {
    const inMemory = trainer();
    const first = await inMemory.fit(data, { epochs: 3, validation: rows(20, 1), ...options });
    const fed = trainer();
    const second = await fed.fit(slow(data), { epochs: 3, validation: rows(20, 1), ...options });
    expect(await values(fed)).toEqual(await values(inMemory));
    expect(second.history).toEqual(first.history);
    expect(second.plan).toEqual(first.plan);
    expect(first.waiting).toBe(0);
    expect(second.waiting).toBeGreaterThan(0);
    expect(second.waiting).toBeLessThanOrEqual(1);
    await inMemory.save(join(dir, "memory"));
    await fed.save(join(dir, "fed"));
    expect(stateOf(join(dir, "fed"))).toEqual(stateOf(join(dir, "memory")));
  });

  it("resumed within an epoch goes on to the bits of a run without a break", async () => {
    const whole = trainer();
    const { history } = await whole.fit(slow(data), { epochs: 3, batchSize: 8 });
    const broken = trainer([stopAt(9)]);
    const part = await broken.fit(slow(data), { epochs: 3, batchSize: 8 });
    expect(part.reason).toBe("test");
    expect(broken.position.batch).toBeGreaterThan(0);
    await broken.save(join(dir, "broken"));
    const resumed = trainer();
    await resumed.resume(join(dir, "broken"));
    await resumed.fit(slow(data), { epochs: 3, batchSize: 8 });
    expect(await values(resumed)).toEqual(await values(whole));
    expect(resumed.history).toEqual(history);
    const other = trainer();
    await other.resume(join(dir, "broken"));
    const options = { epochs: 3, batchSize: 8, sampler: weighted(new Array(50).fill(1)) };
    await expect(other.fit(slow(data), options)).rejects.toThrow("Go on with the same");
  });
});

describe.runIf(exact)("loaders and streams", () => {
  const batches = () => loader(slow(data), { batchSize: 8, shuffle: true, seed: 4 });
  const chunks = async function* (): AsyncGenerator<HostBatch> {
    for (let from = 0; from < 50; from += 10)
      yield data.gather(Int32Array.from({ length: 10 }, (_, i) => from + i));
  };
  const flow = () => stream(chunks, { batchSize: 8, shuffleBuffer: 20, seed: 2, rows: 50 });

  it("train: a loader to the bits of its data, a stream without shuffling to those of its rows in order", async () => {
    const [one, two, three, four] = [trainer(), trainer(), trainer(), trainer()];
    await one.fit(data, { epochs: 2, batchSize: 8 });
    await two.fit(batches(), { epochs: 2 });
    expect(await values(two)).toEqual(await values(one));
    await three.fit(data, { epochs: 2, batchSize: 8, shuffle: false });
    await four.fit(stream(chunks, { batchSize: 8, rows: 50 }), { epochs: 2, batchSize: 8 });
    expect(await values(four)).toEqual(await values(three));
  });

  it.each([
    ["loader", batches],
    ["stream", flow],
  ])("a %s resumes within an epoch to the same bits", async (name, open) => {
    const whole = trainer();
    await whole.fit(open(), { epochs: 3 });
    const broken = trainer([stopAt(10)]);
    await broken.fit(open(), { epochs: 3 });
    expect(broken.position.batch).toBeGreaterThan(0);
    await broken.save(join(dir, name));
    const resumed = trainer();
    await resumed.resume(join(dir, name));
    await resumed.fit(open(), { epochs: 3 });
    expect(await values(resumed)).toEqual(await values(whole));
    expect(resumed.history).toEqual(whole.history);
  });

  it("rows from workers train to the bits of rows from this thread", async () => {
    const source = () => rowSource({ module: new URL("./feed-rows.ts", import.meta.url), length: 40 });
    const [none, two] = [trainer(), trainer()];
    await none.fit(source(), { epochs: 2, batchSize: 8 });
    await two.fit(source(), { epochs: 2, batchSize: 8, workers: 2 });
    expect(await values(two)).toEqual(await values(none));
  });

  it("are refused what they decide themselves, and what only memory can", async () => {
    const training = (...args: Parameters<Trainer["fit"]>) => trainer().fit(...args);
    await expect(training(batches(), { epochs: 1, batchSize: 9 })).rejects.toThrow(
      "must be that of the loader or stream, 8",
    );
    await expect(training(batches(), { epochs: 1, shuffle: true })).rejects.toThrow("its own shuffle");
    await expect(training(stream(chunks, { batchSize: 8 }), { epochs: 1 })).rejects.toThrow(
      "stream(chunks, { rows })",
    );
    await expect(
      training(slow(data), {
        epochs: 1,
        batchSize: { byEpoch: multiStep({ initial: 8, factor: 2, milestones: [1] }) },
      }),
    ).rejects.toThrow("batches of one size");
    await expect(training(data, { epochs: 1, workers: 2 })).rejects.toThrow("needs none");
    await expect(training(slow(data), { epochs: 1, workers: 2 })).rejects.toThrow("rowSource({ module })");
    const normed = make({
      model: new Sequential(new Linear(4, 8), new BatchNorm(8), relu, new Linear(8, 3)),
      optimizer: ema(adam(1e-2), { decay: 0.9 }),
    });
    await expect(normed.fit(slow(data), { epochs: 1 })).rejects.toThrow("evaluateAverages: false");
  });
});

describe("a stream that does not say how many rows it has", () => {
  const opened: number[] = [];
  const unknown = (told?: number) =>
    stream(
      async function* () {
        opened.push(0);
        yield data.gather(Int32Array.from({ length: 30 }, (_, i) => i));
      },
      { batchSize: 8, ...(told !== undefined && { rows: told }) },
    );

  it("is refused before it is read, with what to give, and trains with that", async () => {
    await expect(make().fit(unknown(), { epochs: 1 })).rejects.toThrow(
      "a stream must say how many rows an epoch has; got none. Give stream(chunks, { rows })",
    );
    expect(opened).toEqual([]);
    const lines: string[] = [];
    const write = (text: string) => void lines.push(text);
    const callbacks = [progress({ stream: { write, isTTY: false } as never })];
    await make({ callbacks }).fit(unknown(30), { epochs: 2 });
    expect(lines.join("")).toContain("30 rows, batch 8");
    expect(lines.join("")).toMatch(/epoch 2\/2 .* samples\/s/);
  });

  it.each([
    [29, "the 29 rows that { rows } says; got more"],
    [31, "the 31 rows that { rows } says; got 30"],
  ])("that says %i of 30 ends with an error, and the steps done are kept", async (told, text) => {
    const trainer = make();
    trainer.model.init(0);
    const before = await values(trainer);
    const error = await trainer.fit(unknown(told), { epochs: 1 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toContain(text);
    expect(trainer.position.batch).toBe(3);
    expect(await values(trainer)).not.toEqual(before);
  });

  it.each([
    ["a stream", () => unknown(), "got a loader or stream. Read its rows into one"],
    ["a loader", () => loader(data, { batchSize: 8 }), "got a loader or stream. Read its rows into one"],
    ["a source", () => slow(data), "got a source. Read its rows into one"],
    ["nothing of the kind", () => 5, "got number."],
  ])("%s is nothing to measure on, nor to go over again and again", async (_, open, text) => {
    const given = open() as unknown as Dataset;
    await expect(make().evaluate(given)).rejects.toThrow(`evaluate: the data must be a data set in memory`);
    await expect(make().evaluate(given)).rejects.toThrow(text);
    await expect(make().fit(data, { epochs: 1, validation: given })).rejects.toThrow(text);
    const parts = { model: net, loss: crossEntropy, train: given };
    await expect(lrFind({ ...parts, model: net(), optimizer: adam() }, given)).rejects.toThrow(text);
    const race = { optimizers: { adam }, learningRates: [1e-2] };
    await expect(compare(parts, race)).rejects.toThrow(text);
    await expect(compare({ ...parts, train: data, validation: given }, race)).rejects.toThrow(text);
  });
});

it("errors of the data arrive, and name the batch of a wrong label", async () => {
  const torn: Source = {
    length: 50,
    gather: (wanted) => {
      if (wanted.includes(33)) throw new Error("row 33 is gone");
      return data.gather(wanted);
    },
  };
  await expect(make().fit(torn, { epochs: 1, batchSize: 8, shuffle: false })).rejects.toThrow(
    "row 33 is gone",
  );
  const wrong: Source = {
    length: 50,
    gather: (wanted) => {
      const { x, y } = data.gather(wanted);
      const at = wanted.indexOf(20);
      if (at >= 0) y.data[at] = 7;
      return { x, y };
    },
  };
  await expect(make().fit(wrong, { epochs: 1, batchSize: 8, shuffle: false })).rejects.toThrow(
    "the training data, batch 3 of epoch 1: labels must be in [0, 3), as the model has 3 outputs; row 4 has label 7",
  );
});

it("the first bad operation is found with data that is not in memory, too", async () => {
  const bad: Source = {
    length: 50,
    gather: (wanted) => {
      const { x, y } = data.gather(wanted);
      if (wanted.includes(20)) x.data[0] = Number.NaN;
      return { x, y };
    },
  };
  const options = { epochs: 1, batchSize: 8, shuffle: false };
  await expect(make({ debug: true }).fit(bad, options)).rejects.toThrow(
    /at step 3 \(epoch 1, batch 3\) it is not\. The first NaN is of/,
  );
});

it("progress says how long steps wait", async () => {
  const lines: string[] = [];
  const write = (text: string) => void lines.push(text);
  const late: Source = {
    ...slow(data),
    gather: async (wanted) => {
      await new Promise((done) => setTimeout(done, 20));
      return data.gather(wanted);
    },
  };
  const callbacks = [progress({ stream: { write, isTTY: false } as never })];
  await make({ callbacks }).fit(late, { epochs: 2, batchSize: 8 });
  expect(lines.join("")).toMatch(/epoch 2\/2 .* waits for data \d+%/);
});
