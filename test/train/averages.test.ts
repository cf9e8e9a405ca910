/** Averages that an optimizer keeps are what a trainer evaluates, saves for use and leaves in the model. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataset } from "../../src/data/index.ts";
import { random, type Tensor, tensor } from "../../src/index.ts";
import { BatchNorm, crossEntropy, Linear, relu, Sequential } from "../../src/nn/index.ts";
import {
  averagedParameters,
  chain,
  clipByGlobalNorm,
  ema,
  evaluatedParameters,
  keepsAverages,
  type Optimizer,
  partition,
  restartAverages,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  swa,
} from "../../src/optim/index.ts";
import { earlyStopping, Trainer } from "../../src/train/index.ts";

const rows = 96;
const numbers = async (t: Tensor): Promise<number[]> => [...(await t.data())].map(Number);
const all = async (tree: Readonly<Record<string, Tensor>>): Promise<Record<string, number[]>> =>
  Object.fromEntries(
    await Promise.all(Object.entries(tree).map(async ([path, t]) => [path, await numbers(t)] as const)),
  );

const inputOf = (x: Float32Array): Tensor => tensor(x, { shape: [rows, 4] });

let data: ReturnType<typeof dataset>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nabla-averages-"));
  const x = new Float32Array(await random.normal(random.key(1), [rows, 4]).mul(3).add(2).data());
  const y = Int32Array.from({ length: rows }, (_, i) => ((x[4 * i] as number) > 2 ? 1 : 0));
  data = dataset({ x: { data: x, shape: [rows, 4] }, y });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const plain = () => new Sequential(new Linear(4, 8), relu, new Linear(8, 2));
const normed = () => new Sequential(new Linear(4, 8), new BatchNorm(8), relu, new Linear(8, 2));
const trainerOf = (optimizer: Optimizer, model = plain(), evaluateAverages?: boolean, patience?: number) =>
  new Trainer({
    model,
    loss: crossEntropy,
    optimizer,
    ...(evaluateAverages === undefined ? {} : { evaluateAverages }),
    callbacks: patience === undefined ? [] : [earlyStopping({ monitor: "validation.loss", patience })],
  });

describe("what to evaluate", () => {
  const params = { a: random.normal(random.key(2), [3]), "b/c": random.normal(random.key(3), [2]) };
  const grads = { a: params.a.mul(2), "b/c": params["b/c"].mul(3) };

  it("is the parameters of an optimizer without averages", () => {
    const state = chain(clipByGlobalNorm(1), sgd(0.1)).init(params);
    expect(keepsAverages(state)).toBe(false);
    expect(evaluatedParameters(state, params)).toEqual(params);
  });

  it("is found in parts, each for its own parameters", async () => {
    const optimizer = partition(["a", ema(sgd(0.1), { decay: 0.5 })], ["**", sgd(0.1)]);
    const [, state] = optimizer.update(grads, optimizer.init(params), params);
    const found = await all(evaluatedParameters(state, params));
    // p' = p - 0.1 * 2 p, the average p / 2 + p' / 2.
    const expected = (await numbers(params.a)).map((p) => 0.5 * p + 0.5 * (p - 0.2 * p));
    found.a?.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 6);
    });
    expect(found["b/c"]).toEqual(await numbers(params["b/c"]));
  });

  it("begins anew where it is told to", async () => {
    for (const optimizer of [chain(clipByGlobalNorm(1), ema(sgd(0.1))), scheduleFreeSgd(0.5)]) {
      const [, state] = optimizer.update(grads, optimizer.init(params), params);
      const other = { a: params.a.add(5), "b/c": params["b/c"].sub(1) };
      const found = await all(evaluatedParameters(restartAverages(state, other), other));
      for (const [path, wanted] of Object.entries(await all(other))) {
        found[path]?.forEach((value, i) => {
          expect(value).toBeCloseTo(wanted[i] as number, 5);
        });
      }
    }
  });
});

describe("a trainer", () => {
  const optimizers: Record<string, () => Optimizer> = {
    ema: () => ema(sgd(0.3), { decay: 0.9 }) as Optimizer,
    swa: () => swa(sgd(0.3), { start: 2 }) as Optimizer,
    "schedule-free": () => scheduleFreeAdamW(0.05),
  };
  for (const [name, optimizer] of Object.entries(optimizers)) {
    it(`evaluates, predicts and ends with the averages of ${name}, and goes on with the trained values`, async () => {
      const averaged = trainerOf(optimizer());
      const trained = trainerOf(optimizer(), plain(), false);
      const options = { epochs: 2, batchSize: 16, validation: data };
      const [withAverages, without] = [await averaged.fit(data, options), await trained.fit(data, options)];
      // The same training; other values are validated.
      expect(withAverages.record?.train).toEqual(without.record?.train);
      expect(withAverages.record?.validation).not.toEqual(without.record?.validation);
      expect(await all(averaged.model.parameters())).not.toEqual(await all(trained.model.parameters()));
      expect(await averaged.evaluate(data)).toEqual(withAverages.record?.validation);
      const x = data.x.data as Float32Array;
      const predicted = await averaged.predict({ data: x, shape: [rows, 4] });
      const forward = (averaged.model as Sequential).forward(inputOf(x));
      const [a, b] = [await numbers(predicted), await numbers(forward)];
      a.forEach((value, i) => {
        expect(value).toBeCloseTo(b[i] as number, 5);
      });

      const [more, same] = [await averaged.fit(data, options), await trained.fit(data, options)];
      expect(more.record?.train).toEqual(same.record?.train);
    });

    it(`resumes and loads the averages of ${name}`, async () => {
      const first = trainerOf(optimizer());
      const scores = (await first.fit(data, { epochs: 1, batchSize: 16, validation: data })).record
        ?.validation;
      const dir = join(folder, name);
      await first.save(dir);
      const shown = await all(first.model.parameters());

      const loaded = trainerOf(optimizer());
      await loaded.load(dir);
      expect(await all(loaded.model.parameters())).toEqual(shown);
      expect((await loaded.evaluate(data)).loss).toBeCloseTo(scores?.loss as number, 5);

      const resumed = trainerOf(optimizer());
      await resumed.resume(dir);
      expect(await all(resumed.model.parameters())).toEqual(shown);
      expect(await resumed.evaluate(data)).toEqual(scores);
      const options = { epochs: 1, batchSize: 16, validation: data };
      const [on, through] = [
        await resumed.fit(data, { ...options, epochs: 2 }),
        await first.fit(data, options),
      ];
      expect(on.record).toEqual(through.record);
    });
  }

  it("takes over what is set in the model, at which averages begin anew", async () => {
    const trainer = trainerOf(ema(sgd(0.3)) as Optimizer);
    await trainer.fit(data, { epochs: 1 });
    const other = plain().init(9);
    trainer.model.load(other.parameters());
    const fresh = trainerOf(sgd(0.3), other);
    expect(await trainer.evaluate(data)).toEqual(await fresh.evaluate(data));
  });

  it("gives early stopping the averages of the best epoch", async () => {
    const trainer = trainerOf(ema(sgd(8), { decay: 0.5 }) as Optimizer, plain(), true, 2);
    const { history, record } = await trainer.fit(data, { epochs: 30, batchSize: 16, validation: data });
    const best = Math.min(...history.map(({ validation }) => validation?.loss as number));
    expect(record?.validation?.loss).toBe(best);
    expect((await trainer.evaluate(data)).loss).toBe(best);
  });

  it("measures batch norm's statistics for the averages", async () => {
    const trainer = trainerOf(swa(sgd(0.3), { start: 3 }) as Optimizer, normed());
    const { record } = await trainer.fit(data, { epochs: 3, batchSize: 16, validation: data });
    const model = trainer.model as Sequential;
    const { "layers/1/runningMean": mean } = model.buffers();
    // Of all rows at once, by hand.
    const first = [...model.named()].find(([path]) => path === "layers/0")?.[1] as Linear;
    const hidden = first.forward(inputOf(data.x.data as Float32Array)).mean(0);
    const [got, wanted] = [await numbers(mean as Tensor), await numbers(hidden)];
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i] as number, 4);
    });
    expect(await trainer.evaluate(data)).toEqual(record?.validation);
  });

  it("finds the averages it saved where it evaluates without training data", async () => {
    const make = () => trainerOf(swa(sgd(0.3), { start: 3 }) as Optimizer, normed());
    const first = make();
    const { record } = await first.fit(data, { epochs: 2, batchSize: 16, validation: data });
    const dir = join(folder, "normed");
    await first.save(dir);
    for (const way of ["load", "resume"] as const) {
      const other = make();
      await other[way](dir);
      expect((await other.evaluate(data)).loss).toBeCloseTo(record?.validation?.loss as number, 5);
    }
  });
});

describe("averagedParameters", () => {
  it("still gives those of one ema or swa", async () => {
    const params = { a: random.normal(random.key(2), [3]) };
    expect(await all(averagedParameters(ema(sgd(1)).init(params)) as Record<string, Tensor>)).toEqual(
      await all(params),
    );
  });
});
