/** Helpers on models: summaries, flops, freezing, surgery, values from elsewhere. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ones, type Tensor, tanh, tensor, zeros } from "nabla";
import { dataset } from "nabla/data";
import { initFromFile, saveSafetensors } from "nabla/io";
import {
  BatchNorm,
  type Context,
  Conv2d,
  constant,
  DepthwiseConv2d,
  dropout,
  Flatten,
  flops,
  freeze,
  GlobalAvgPool,
  Identity,
  initFrom,
  insertAfter,
  insertBefore,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  mse,
  Parallel,
  predict,
  Reshape,
  Residual,
  relu,
  remove,
  replace,
  Sequential,
  summary,
  unfreeze,
} from "nabla/nn";
import { sgd } from "nabla/optim";
import { Trainer } from "nabla/train";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "nabla-model-"));
afterAll(() => rmSync(folder, { recursive: true }));

const numbers = async (x: Tensor | undefined) => [...(await (x as Tensor).data())];

const cnn = () =>
  new Sequential(
    new Reshape([8, 8, 1]),
    new Conv2d(1, 4, 3, { padding: 1, bias: false }),
    new BatchNorm(4),
    relu,
    new Residual(new Sequential(new Conv2d(4, 4, 3, { padding: 1 }), relu)),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(64, 10),
  );

describe("summary and flops", () => {
  test("layers in the order they run, with outputs and work", () => {
    const model = cnn();
    expect(String(summary(model, [64]))).toMatchInlineSnapshot(`
      "layer                    type       own parameters                                         count  output      flops  output bytes
      layers/0                 Reshape                                                               0  [1,8,8,1]       0           256
      layers/1                 Conv2d     weight [3,3,1,4]                                          36  [1,8,8,4]  4.61 k         1,024
      layers/2                 BatchNorm  weight [4], bias [4], runningMean [4], runningVar [4]     16  [1,8,8,4]     784         1,024
      layers/3                 relu                                                                  0  [1,8,8,4]     256         1,024
      layers/4                 Residual                                                              0  [1,8,8,4]     256         1,024
      layers/4/inner/layers/0  Conv2d     weight [3,3,4,4], bias [4]                               148  [1,8,8,4]  18.7 k         1,024
      layers/4/inner/layers/1  relu                                                                  0  [1,8,8,4]     256         1,024
      layers/5                 MaxPool2d                                                             0  [1,4,4,4]     256           256
      layers/6                 Flatten                                                               0  [1,64]          0           256
      layers/7                 Linear     weight [64,10], bias [10]                                650  [1,10]     1.29 k            40
      842 trainable parameters, 8 not trained
      26.4 k flops (12.2 k multiply-adds), 6.95 k bytes of outputs"
    `);
    expect(summary(model, [64]).rows.every(({ output }) => output?.[0] === 1)).toBe(true);
    expect(summary(model, [64], { batch: 3 }).bytes).toBe(3 * (summary(model, [64]).bytes as number));
    // Looking at it left nothing behind.
    expect(Object.hasOwn(model, "forward")).toBe(false);
    expect(() => model.parameters()).toThrow("must have a value");
  });

  test("a layer that is not run, and one that runs twice", () => {
    class Odd extends Module {
      readonly twice = new Linear(3, 3);
      readonly never = new Linear(3, 3);
      forward(x: Tensor, ctx: Context): Tensor {
        return this.twice.forward(this.twice.forward(x, ctx), ctx);
      }
    }
    const { rows, work } = summary(new Odd(), [3]);
    expect(rows.map(({ path, output, work }) => [path, output, work?.macs])).toEqual([
      ["twice", [1, 3], 18],
      ["never", undefined, undefined],
    ]);
    expect(work).toEqual({ flops: 36 + 6, macs: 18 });
  });

  test("work as counted by hand", () => {
    expect(flops(new Linear(5, 7), [5])).toEqual({ flops: 2 * 35 + 7, macs: 35 });
    expect(flops(new Linear(5, 7, { bias: false }), [5], { batch: 4 }).macs).toBe(4 * 35);
    const conv = new Conv2d(4, 6, [3, 2], { groups: 2, stride: 2, padding: 1 });
    // 5 x 5 places of 6 outputs, each a sum over 3 x 2 taps of 2 channels
    expect(flops(conv, [9, 8, 4])).toEqual({ flops: 2 * 1800 + 150, macs: 5 * 5 * 6 * 12 });
    expect(flops(new DepthwiseConv2d(8, 3, { bias: false }), [5, 5, 8]).macs).toBe(9 * 8 * 9);
    expect(flops(new MaxPool2d(2), [4, 4, 3])).toEqual({ flops: 4 * 3 * 4, macs: 0 });
    expect(flops(new GlobalAvgPool(), [4, 4, 3]).flops).toBe(48 + 3);
    expect(flops(new Identity(), [4])).toEqual({ flops: 0, macs: 0 });
    // mean, x - mean, its square, the mean of that; epsilon, root and reciprocal of a row; three for each element
    expect(flops(new LayerNorm(10), [10]).flops).toBe(10 + 1 + 10 + 10 + 10 + 1 + 3 + 30);
  });

  test("an input the model cannot take", () => {
    expect(() => summary(cnn(), [65])).toThrow(
      "Reshape layers/0: a row must have as many elements as [8,8,1]",
    );
    expect(() => flops(new Sequential(relu, new Linear(3, 2)), [4])).toThrow("Linear layers/1: input's last");
  });
});

test("named lists modules and parameters by path", () => {
  const model = new Sequential(new Linear(2, 2), relu, new Residual(new BatchNorm(2)));
  expect([...model.named()].map(([path, child]) => `${path}: ${child.constructor.name}`)).toEqual([
    ": Sequential",
    "layers/0: Linear",
    "layers/0/weight: Parameter",
    "layers/0/bias: Parameter",
    "layers/2: Residual",
    "layers/2/inner: BatchNorm",
    "layers/2/inner/weight: Parameter",
    "layers/2/inner/bias: Parameter",
    "layers/2/inner/runningMean: Parameter",
    "layers/2/inner/runningVar: Parameter",
  ]);
});

describe("freeze", () => {
  const model = () =>
    new Sequential(new Linear(2, 2), new Residual(new BatchNorm(2)), new Linear(2, 2)).init(0);
  const trained = (m: Module) => Object.keys(m.parameters());

  test("patterns", () => {
    const m = model();
    expect(freeze(m, "**/bias")).toEqual(["layers/0/bias", "layers/1/inner/bias", "layers/2/bias"]);
    expect(freeze(m, "**/bias")).toEqual([]);
    expect(trained(m)).toEqual(["layers/0/weight", "layers/1/inner/weight", "layers/2/weight"]);
    expect(unfreeze(m, ["layers/0", "layers/*/inner"])).toEqual(["layers/0/bias", "layers/1/inner/bias"]);
    expect(freeze(m, "**")).toHaveLength(5);
    expect(trained(m)).toEqual([]);
    expect(unfreeze(m, "**")).toHaveLength(6);
    // Running statistics are no weights.
    expect(Object.keys(m.buffers())).toEqual(["layers/1/inner/runningMean", "layers/1/inner/runningVar"]);
    expect(freeze(m, "lay?rs/*/w*t")).toEqual(["layers/0/weight", "layers/2/weight"]);
  });

  test("what matches nothing is an error", () => {
    expect(() => freeze(model(), "layers/3")).toThrow(
      'freeze: a pattern must match a parameter; got "layers/3". The model has layers/0/weight,',
    );
    expect(() => freeze(model(), "**/runningMean")).toThrow("must match a parameter");
    expect(() => unfreeze(model(), ["**", "ayers/0"])).toThrow('got "ayers/0"');
  });

  test("the trainer leaves frozen weights and their statistics as they are", async () => {
    const m = model();
    freeze(m, ["layers/0", "layers/1"]);
    const x = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
    const data = dataset({ x: { data: x, shape: [8, 2] }, y: { data: x, shape: [8, 2] } });
    const before = await Promise.all(Object.values({ ...m.parameters(), ...m.buffers() }).map(numbers));
    const names = Object.keys({ ...m.parameters(), ...m.buffers() });
    const trainer = new Trainer({ model: m, loss: mse, optimizer: sgd(0.1), device: "reference" });
    await trainer.fit(data, { epochs: 1, batchSize: 4 });
    const after = { ...m.parameters(), ...m.buffers() };
    for (const [i, name] of names.entries()) {
      const same = JSON.stringify(before[i]) === JSON.stringify(await numbers(after[name]));
      expect([name, same]).toEqual([name, !name.startsWith("layers/2")]);
    }
  });
});

describe("surgery", () => {
  const one = (value: number) => new Linear(1, 1, { weightInit: constant(value), bias: false });
  const model = () => new Sequential(one(2), relu, new Residual(one(3)));
  const run = async (m: Module, x: number) => numbers(m.forward(tensor([[x]]), { train: false } as Context));

  test("replace in a list and in a field", async () => {
    const m = model().init(0);
    expect(await run(m, 1)).toEqual([8]);
    const old = replace(m, "layers/0", one(5).init(0));
    expect(old).toBeInstanceOf(Linear);
    expect(await run(m, 1)).toEqual([20]);
    replace(m, "layers/1", (x: Tensor) => x.neg());
    expect(await run(m, 1)).toEqual([-20]);
    replace(m, "layers/2/inner", new Sequential(one(1), one(1)).init(0));
    expect(Object.keys(m.parameters())).toEqual([
      "layers/0/weight",
      "layers/2/inner/layers/0/weight",
      "layers/2/inner/layers/1/weight",
    ]);
    expect(await run(m, 1)).toEqual([-10]);
  });

  test("insert and remove", async () => {
    const m = model().init(0);
    insertBefore(m, "layers/0", one(-1).init(0));
    insertAfter(m, "layers/3", (x: Tensor) => x.add(1));
    insertAfter(m, "layers/3/inner", one(10).init(0));
    expect([...m.named().keys()].filter((path) => path.endsWith("weight"))).toEqual([
      "layers/0/weight",
      "layers/1/weight",
      "layers/3/inner/layers/0/weight",
      "layers/3/inner/layers/1/weight",
    ]);
    expect(await run(m, -1)).toEqual([63]);
    expect(remove(m, "layers/4")).toBeTypeOf("function");
    expect(remove(m, "layers/0")).toBeInstanceOf(Linear);
    remove(m, "layers/2/inner");
    expect(await run(m, 1)).toEqual([4]);
  });

  test("what is compiled follows", async () => {
    const m = model().init(0);
    const x = tensor([[1], [-1]]);
    expect(await numbers(await predict(m, x))).toEqual([8, 0]);
    replace(m, "layers/1", (x: Tensor) => x.abs()); // the same parameters as before
    expect(await numbers(await predict(m, x))).toEqual([8, 8]);
    const data = dataset({ x: [[1], [-1]], y: [[0], [0]] });
    const trainer = new Trainer({ model: m, loss: mse, optimizer: sgd(0), device: "reference" });
    expect(await trainer.evaluate(data)).toEqual({ loss: 64 });
    await trainer.fit(data, { epochs: 1, batchSize: 2 });
    replace(m, "layers/1", relu);
    expect(await trainer.evaluate(data)).toEqual({ loss: 32 });
    const { history } = await trainer.fit(data, { epochs: 1, batchSize: 2 });
    expect(history.map(({ train }) => train.loss)).toEqual([64, 32]);
    // A new layer of another shape under the old path: initialised, and trained from a fresh optimizer.
    replace(m, "layers/0", new Linear(1, 1, { weightInit: constant(4) }));
    expect(await trainer.evaluate(data)).toEqual({ loss: 128 });
  });

  test("modules of one's own, lists and objects in them", async () => {
    class Own extends Module {
      private readonly parts = { list: [one(2), one(3)], last: one(4) };
      forward(x: Tensor, ctx: Context): Tensor {
        const y = this.parts.list.reduce((h, layer) => layer.forward(h, ctx), x);
        return this.parts.last.forward(y, ctx);
      }
    }
    const m = new Own().init(0);
    insertAfter(m, "parts/list/0", one(10).init(0));
    expect(await run(m, 1)).toEqual([240]);
    remove(m, "parts/last");
    expect(await run(m, 1)).toEqual([60]);
    expect(() => replace(m, "parts/last", relu)).toThrow(
      "replace: Own calls parts/last as a module; got a function. Wrap it: new Sequential(relu).",
    );
    replace(m, "parts/last", new Sequential(relu));
    expect(await run(m, -1)).toEqual([0]);
  });

  test("errors", () => {
    const m = model();
    expect(() => replace(m, "layers/7", relu)).toThrow(
      'replace: the path must be that of a layer; got "layers/7". The model has layers/0, layers/2, layers/2/inner.',
    );
    expect(() => remove(m, "layers/0/weight")).toThrow("remove: the path must be that of a layer");
    expect(() => remove(m, "constructor")).toThrow("remove: the path must be that of a layer");
    expect(() => insertBefore(m, "layers/0", Flatten as unknown as Module)).toThrow(
      "insertBefore: layers/0 must be an instance; got the class Flatten. Write new Flatten(...).",
    );
    const parallel = new Sequential(new Parallel([one(1)]));
    expect(() => remove(parallel, "layers/0/branches/0")).toThrow(
      'remove: Parallel layers/0 must keep a branch; got "layers/0/branches/0", its only one.',
    );
  });
});

describe("initFrom", () => {
  const model = (outputs: number) =>
    new Sequential(new Linear(2, 3), tanh, dropout(0.1), new BatchNorm(3), new Linear(3, outputs));

  test("sets what fits and reports the rest", async () => {
    const from = model(4).init(1);
    const to = model(5).init(2);
    const tensors: Record<string, Tensor> = { ...from.parameters(), ...from.buffers(), extra: ones([1]) };
    const { "layers/3/runningMean": _, ...some } = tensors;
    const before = await numbers(to.parameters()["layers/4/weight"]);
    const report = initFrom(to, some);
    expect(report).toMatchObject({
      matched: [
        "layers/0/weight",
        "layers/0/bias",
        "layers/3/weight",
        "layers/3/bias",
        "layers/3/runningVar",
      ],
      missing: ["layers/3/runningMean"],
      reshaped: [
        { path: "layers/4/weight", expected: [3, 5], got: [3, 4] },
        { path: "layers/4/bias", expected: [5], got: [4] },
      ],
      unused: ["extra"],
    });
    expect(String(report)).toBe(
      "5 of 8 set; missing: layers/3/runningMean; of another shape: layers/4/weight is [3,5], not [3,4], layers/4/bias is [5], not [4]; unused: extra",
    );
    expect(to.parameters()["layers/0/weight"]).toBe(from.parameters()["layers/0/weight"]);
    expect(await numbers(to.parameters()["layers/4/weight"])).toEqual(before);
  });

  test("names and layouts of other libraries", async () => {
    const to = new Sequential(new Linear(2, 3)).init(0);
    const weight = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]).astype("f16");
    const map = (path: string, t: Tensor) =>
      path.startsWith("fc.")
        ? ([path.replace("fc.", "layers/0/"), t.ndim === 2 ? t.transpose() : t] as const)
        : null;
    const report = initFrom(to, { "fc.weight": weight, "fc.bias": zeros([3]), step: ones([]) }, { map });
    expect(report.unused).toEqual([]);
    expect(to.parameters()["layers/0/weight"]?.dtype).toBe("f32");
    expect(await numbers(to.parameters()["layers/0/weight"])).toEqual([1, 3, 5, 2, 4, 6]);
    expect(() => initFrom(to, { a: weight, b: weight }, { map: (_, t) => ["layers/0/weight", t] })).toThrow(
      'initFrom: two tensors must not share a path; got "layers/0/weight" again from "b".',
    );
    expect(() => initFrom(to, { "fc.weight": weight })).toThrow(
      "initFrom: a tensor must have the path and shape of a parameter; got fc.weight for layers/0/weight, layers/0/bias. Rename them with map.",
    );
  });

  test("files: safetensors, and a checkpoint of a trainer", async () => {
    const from = model(4).init(1);
    const path = join(folder, "model.safetensors");
    await saveSafetensors(path, { ...from.parameters(), ...from.buffers() });
    const to = model(4).init(2);
    expect((await initFromFile(to, path)).matched).toHaveLength(8);
    expect(await numbers(to.parameters()["layers/0/weight"])).toEqual(
      await numbers(from.parameters()["layers/0/weight"]),
    );
    const dir = join(folder, "checkpoint");
    const trainer = new Trainer({ model: from, loss: mse, optimizer: sgd(0.1), device: "reference" });
    await trainer.fit(
      dataset({
        x: [
          [1, 2],
          [3, 4],
        ],
        y: [
          [0, 0, 0, 0],
          [1, 1, 1, 1],
        ],
      }),
      { epochs: 1 },
    );
    await trainer.save(dir);
    const report = await initFromFile(to, dir);
    expect(String(report)).toBe("8 of 8 set");
    expect(await numbers(to.buffers()["layers/3/runningMean"])).toEqual(
      await numbers(from.buffers()["layers/3/runningMean"]),
    );
  });
});
