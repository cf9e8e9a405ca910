/** predictor and predict: the model's own outputs, without and with batches. */
import { jit, memory, random, type Tensor, tensor } from "nabla";
import {
  constant,
  dropout,
  Linear,
  Module,
  type Predictor,
  predict,
  predictor,
  relu,
  Sequential,
} from "nabla/nn";
import { describe, expect, test } from "vitest";
import { devices } from "./devices.ts";

const mlp = () => new Sequential(new Linear(5, 7), relu, dropout(0.5), new Linear(7, 3)).init(0);
const row = (length: number, from = 0) => Float32Array.from({ length }, (_, i) => Math.sin(from + i));
const outputs = async (model: Module, x: Float32Array, shape: number[]) =>
  (await model.forward(tensor(x, { shape }), { train: false } as never).data()) as Float32Array;

/** y = 2 x as integers: not an output a predictor can give. */
class Whole extends Module {
  forward(x: Tensor): Tensor {
    return x.mul(2).astype("i32");
  }
}

describe("predictor", () => {
  const model = mlp();

  test("gives what forward gives in inference mode, for one row and for several", async () => {
    for (const batch of [1, 4]) {
      const p = predictor(model, { inputShape: [5], batch });
      expect([p.inputShape, p.outputShape]).toEqual([
        [batch, 5],
        [batch, 3],
      ]);
      for (const from of [0, 1, 2]) {
        const x = row(5 * batch, from);
        expect(p.predict(x)).toEqual(await outputs(model, x, [batch, 5]));
      }
    }
  });

  test("writes to the array it is given, or to one of its own that the next call overwrites", () => {
    const p = predictor(model, { inputShape: [5] });
    const mine = new Float32Array(3);
    expect(p.predict(row(5), mine)).toBe(mine);
    const own = p.predict(row(5));
    expect(own).toEqual(mine);
    expect(p.predict(row(5, 1))).toBe(own);
    expect(own).not.toEqual(mine);
    expect(mine).toEqual(p.predict(row(5)));
  });

  test("takes arrays that are part of a larger one", () => {
    const p = predictor(model, { inputShape: [5] });
    const wide = new Float32Array(12).fill(9);
    wide.set(row(5), 3);
    const into = new Float32Array(7).fill(-1);
    p.predict(wide.subarray(3, 8), into.subarray(2, 5));
    expect(into).toEqual(Float32Array.of(-1, -1, ...p.predict(row(5)), -1, -1));
  });

  test("follows the model's parameters", async () => {
    const other = mlp();
    const p = predictor(other, { inputShape: [5] });
    const before = p.predict(row(5)).slice();
    other.load({ "layers/3/bias": tensor([10, 20, 30]) });
    const after = p.predict(row(5));
    expect(after).toEqual(await outputs(other, row(5), [1, 5]));
    expect(after).not.toEqual(before);
    expect(predictor(other, { inputShape: [5] }).predict(row(5))).toEqual(after);
  });

  test("refuses values that are gone, at each call", () => {
    const other = mlp();
    const p = predictor(other, { inputShape: [5] });
    const gone = tensor([1, 2, 3]);
    gone.dispose();
    other.load({ "layers/3/bias": gone });
    for (let i = 0; i < 2; i++) expect(() => p.predict(row(5))).toThrow("freed");
  });

  test("makes no tensors", () => {
    const p = predictor(model, { inputShape: [5] });
    p.predict(row(5));
    const before = memory();
    for (let i = 0; i < 100; i++) p.predict(row(5));
    expect(memory()).toEqual(before);
  });

  test.each(devices)("runs on %s, where the parameters must be", async (device) => {
    const there = new Linear(5, 3).init(0);
    there.load({ weight: await there.weight.value.to(device), bias: await tensor([1, 2, 3]).to(device) });
    const p = predictor(there, { inputShape: [5], device });
    const x = tensor(row(5), { shape: [1, 5], device });
    expect(p.predict(row(5))).toEqual(await there.forward(x).data());
  });

  test("waits for what is under way on the cpu; the reference cannot", async () => {
    for (const device of devices) {
      const there = new Linear(2, 1, { weightInit: constant(1) }).init(0);
      there.load({ weight: await there.weight.value.to(device), bias: await tensor([0]).to(device) });
      const p = predictor(there, { inputShape: [2], device });
      const count = jit((s: [Tensor]) => [s[0].add(1)] as [Tensor], { donate: [0] });
      const running = count.repeat(50, [tensor([0], { device })]);
      if (device === "cpu") expect([...p.predict(Float32Array.of(1, 2))]).toEqual([3]);
      else expect(() => p.predict(Float32Array.of(1, 2))).toThrow("a long run is under way");
      expect(await (await running)[0].item()).toBe(50);
    }
  });

  test("errors say what must hold", async () => {
    const p = predictor(model, { inputShape: [5], batch: 2 });
    expect(() => p.predict(row(5))).toThrow("predict: the input must have the 10 elements of [2,5]; got 5.");
    expect(() => p.predict(row(10), row(5))).toThrow(
      "predict: the output must have the 6 elements of [2,3]; got 5.",
    );
    expect(() => predictor(model, { inputShape: [5], batch: 0 })).toThrow("positive integer; got 0");
    expect(() => predictor(model, { inputShape: [4] })).toThrow("last axis must be 5");
    expect(() => predictor(new Linear(2, 2), { inputShape: [2] })).toThrow("must have a value");
    expect(() => predictor(new Whole(), { inputShape: [2] })).toThrow("the result must be f32; got i32[1,2]");
  });

  test("throws once it, or a parameter's memory, is gone", () => {
    const other = mlp();
    let kept: Predictor;
    {
      using p = predictor(other, { inputShape: [5] });
      kept = p;
      p.predict(row(5));
    }
    expect(() => kept.predict(row(5))).toThrow("freed");
    const p = predictor(other, { inputShape: [5] });
    p.predict(row(5));
    const train = jit((w: Tensor) => w.mul(2), { donate: [0], name: "train" });
    const next = train(other.parameters()["layers/0/weight"] as Tensor);
    expect(() => p.predict(row(5))).toThrow("was donated to train");
    other.load({ "layers/0/weight": next });
    expect(p.predict(row(5))).toHaveLength(3);
  });
});

describe("predict", () => {
  test("equals forward for every size of batch, the last one short or not", async () => {
    const model = mlp();
    const x = random.normal(random.key(1), [10, 5]);
    const whole = await outputs(model, (await x.data()) as Float32Array, [10, 5]);
    for (const batch of [1, 3, 5, 10, 64, undefined]) {
      const y = await predict(model, x, { batch });
      expect(y.shape).toEqual([10, 3]);
      expect(await y.data()).toEqual(whole);
    }
  });

  test.each(devices)("stays on %s, and takes other values", async (device) => {
    const model = new Linear(2, 1, { weightInit: constant(1) }).init(0);
    const weight = tensor([[2], [3]], { device });
    const x = tensor([[1, 1], [1, 2], [0, 5]], { device }); // biome-ignore format: rows
    const y = await predict(model, x, { tensors: { weight, bias: tensor([1], { device }) }, batch: 2 });
    expect(y.device).toBe(device);
    expect([...(await y.data())]).toEqual([6, 9, 16]);
  });

  test("keeps the dtype", async () => {
    expect([...(await (await predict(new Whole(), tensor([1, 2, 3]), { batch: 2 })).data())]).toEqual([
      2, 4, 6,
    ]);
  });

  test("errors say what must hold", async () => {
    await expect(predict(mlp(), tensor(1))).rejects.toThrow("first axis with rows");
    await expect(predict(mlp(), tensor([[1, 2, 3, 4, 5]]), { batch: 1.5 })).rejects.toThrow(
      "positive integer",
    );
    await expect(predict(mlp(), tensor([[1, 2]]))).rejects.toThrow("last axis must be 5");
  });
});
