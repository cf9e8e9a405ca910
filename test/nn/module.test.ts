/** Modules: the tree, paths, tied parameters, initialisation, binding, context, errors. */
import { grad, jit, ones, random, type Tensor, tensor, zeros } from "nabla";
import {
  apply,
  buffer,
  type Context,
  constant,
  context,
  type Dropout,
  dropout,
  Flatten,
  Linear,
  Module,
  Parameter,
  relu,
  Sequential,
  summary,
  type Tensors,
} from "nabla/nn";
import { describe, expect, test } from "vitest";

const numbers = async (t: Tensor | undefined) => [...(await (t as Tensor).data())];
const all = async (tree: Tensors) =>
  Object.fromEntries(
    await Promise.all(Object.entries(tree).map(async ([path, t]) => [path, await numbers(t)] as const)),
  );

/** Counts what it saw: state that is not trained. */
class Counter extends Module {
  readonly seen = buffer([]);
  private readonly parts = { scale: new Parameter([2], constant(3)), list: [new Linear(2, 2)] };

  forward(x: Tensor, ctx: Context): Tensor {
    if (ctx.train) ctx.put(this.seen, ctx.get(this.seen).add(1));
    return x.mul(this.parts.scale.value);
  }
}

describe("the tree", () => {
  test("paths are those of fields, arrays and plain objects", () => {
    const model = new Sequential(
      new Linear(4, 3),
      relu,
      new Counter(),
      new Linear(3, 2, { bias: false }),
    ).init(0);
    expect(Object.keys(model.parameters())).toEqual([
      "layers/0/weight",
      "layers/0/bias",
      "layers/2/parts/scale",
      "layers/2/parts/list/0/weight",
      "layers/2/parts/list/0/bias",
      "layers/3/weight",
    ]);
    expect(Object.keys(model.buffers())).toEqual(["layers/2/seen"]);
  });

  test("a parameter in two places counts once, under its first path", () => {
    class Tied extends Module {
      readonly first = new Linear(3, 3);
      readonly second = new Linear(3, 3);
      readonly again = this.first;
      forward(x: Tensor): Tensor {
        return this.again.forward(this.second.forward(this.first.forward(x)));
      }
    }
    const model = new Tied();
    (model.second as { weight: Parameter }).weight = model.first.weight;
    model.init(0);
    expect(Object.keys(model.parameters())).toEqual(["first/weight", "first/bias", "second/bias"]);
    expect(summary(model).trainable).toBe(9 + 3 + 3);
  });

  test("the gradient of a tied parameter is the sum over its places", async () => {
    const shared = new Linear(1, 1, { bias: false, weightInit: constant(3) });
    const model = new Sequential(shared, shared).init(0);
    expect(Object.keys(model.parameters())).toEqual(["layers/0/weight"]);
    const loss = (params: Tensors) => apply(model, params, () => model.forward(tensor([[2]])).sum());
    // y = w^2 x, dy/dw = 2 w x
    expect(await numbers(grad(loss)(model.parameters())["layers/0/weight"])).toEqual([12]);
  });

  test("a frozen parameter moves to the buffers", () => {
    const model = new Linear(2, 2).init(0);
    model.weight.trainable = false;
    expect(Object.keys(model.parameters())).toEqual(["bias"]);
    expect(Object.keys(model.buffers())).toEqual(["weight"]);
  });
});

describe("init", () => {
  const mlp = () => new Sequential(new Linear(5, 4), relu, new Linear(4, 3));

  test("equal seeds give equal values, others others; a key does as well", async () => {
    const of = async (seed: number | Tensor) => all(mlp().init(seed).parameters());
    expect(await of(1)).toEqual(await of(1));
    expect(await of(1)).toEqual(await of(random.key(1)));
    expect(await of(1)).not.toEqual(await of(2));
  });

  test("a layer more does not change the others", async () => {
    const short = await all(mlp().init(3).parameters());
    const long = await all(new Sequential(...mlp().layers, relu, new Linear(3, 2)).init(3).parameters());
    for (const [path, values] of Object.entries(short)) expect(long[path]).toEqual(values);
  });

  test("no two parameters of one shape start equal", async () => {
    const model = new Sequential(new Linear(4, 4), new Linear(4, 4)).init(0);
    const values = await all(model.parameters());
    expect(values["layers/0/weight"]).not.toEqual(values["layers/1/weight"]);
  });

  test("values used without init throw, naming the parameter", () => {
    expect(() => mlp().parameters()).toThrow(
      "layers/0/weight: must have a value before it is used; got none. Call model.init(seed) or model.load(tensors) first.",
    );
    expect(() => new Linear(2, 2).forward(zeros([1, 2]))).toThrow("must have a value before it is used");
  });
});

describe("load and apply", () => {
  const model = () => new Sequential(new Linear(2, 1, { weightInit: constant(1) })).init(0);

  test("load takes some of the tensors", async () => {
    const m = model().load({ "layers/0/bias": tensor([5]) });
    expect(await numbers(m.forward(tensor([[1, 2]])))).toEqual([8]);
  });

  test("apply binds while the function runs, and puts back also when it throws", async () => {
    const m = model();
    const params = { "layers/0/weight": tensor([[10], [100]]) };
    const y = apply(m, params, () => m.forward(tensor([[1, 2]])));
    expect(await numbers(y)).toEqual([210]);
    expect(await numbers(m.forward(tensor([[1, 2]])))).toEqual([3]);
    expect(() =>
      apply(m, params, () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(await numbers(m.forward(tensor([[1, 2]])))).toEqual([3]);
  });

  test("apply works on a model that has no values of its own", async () => {
    const m = new Linear(2, 1);
    const y = apply(m, { weight: tensor([[1], [2]]), bias: tensor([3]) }, () => m.forward(tensor([[1, 1]])));
    expect(await numbers(y)).toEqual([6]);
    expect(m.weight.initialized).toBe(false);
  });

  test("is what grad and jit see", async () => {
    const m = model();
    const loss = jit((params: Tensors, x: Tensor) =>
      grad((p: Tensors) => apply(m, p, () => m.forward(x).sum()))(params),
    );
    const gradient = loss(
      m.parameters(),
      tensor([
        [1, 2],
        [3, 4],
      ]),
    );
    expect(await all(gradient)).toEqual({ "layers/0/weight": [4, 6], "layers/0/bias": [2] });
  });

  test("a wrong path or shape throws and changes nothing", async () => {
    const m = model();
    expect(() => m.load({ "layers/0/bias": tensor([9]), "layers/0/wieght": tensor([1]) })).toThrow(
      'Sequential: every path must be one of the model\'s; got "layers/0/wieght". It has layers/0/weight, layers/0/bias.',
    );
    expect(() => m.load({ "layers/0/bias": tensor([9]), "layers/0/weight": tensor([1, 2]) })).toThrow(
      "layers/0/weight: value must be [2,1]; got f32[2].",
    );
    expect(await numbers(m.parameters()["layers/0/bias"])).toEqual([0]);
  });
});

describe("context", () => {
  test("put collects new state by path; the model changes when it is loaded", async () => {
    const model = new Sequential(new Counter(), new Counter()).init(0);
    const ctx = context({ train: true });
    model.forward(ones([1, 2]), ctx);
    model.forward(ones([1, 2]), ctx);
    expect(await numbers(model.buffers()["layers/0/seen"])).toEqual([0]);
    expect(await all(ctx.updates())).toEqual({ "layers/0/seen": [2], "layers/1/seen": [2] });
    model.load(ctx.updates());
    expect(await numbers(model.buffers()["layers/1/seen"])).toEqual([2]);
  });

  test("keys differ by layer and by call, and do not depend on other layers", async () => {
    const alone = new Sequential(relu, dropout(0.5)).init(0);
    const among = new Sequential(dropout(0.9), dropout(0.5), dropout(0.5)).init(0);
    const at = (model: Sequential, index: number) => model.layers[index] as Dropout;
    const ctx = context({ train: true, key: 7 });
    const first = await numbers(ctx.key(at(among, 1)));
    expect(await numbers(context({ train: true, key: 7 }).key(at(alone, 1)))).toEqual(first);
    expect(await numbers(ctx.key(at(among, 2)))).not.toEqual(first);
    expect(await numbers(ctx.key(at(among, 1)))).not.toEqual(first);
  });

  test("randomness without a key throws, naming the layer", () => {
    const model = new Sequential(new Linear(2, 2), dropout(0.5)).init(0);
    expect(() => model.forward(zeros([1, 2]), context({ train: true }))).toThrow(
      "Dropout layers/1: a random key must be given when training; got none. Pass context({ train: true, key }).",
    );
  });
});

describe("layers", () => {
  test("Linear is x W + b over any leading axes", async () => {
    const layer = new Linear(2, 3).load({
      weight: tensor([
        [1, 2, 3],
        [10, 20, 30],
      ]),
      bias: tensor([0.5, 0, -1]),
    });
    expect(await numbers(layer.forward(tensor([[1, 2]])))).toEqual([21.5, 42, 62]);
    const y = layer.forward(
      tensor([
        [
          [1, 2],
          [0, 1],
        ],
        [
          [1, 0],
          [0, 0],
        ],
      ]),
    );
    expect(y.shape).toEqual([2, 2, 3]);
    expect(await numbers(y)).toEqual([21.5, 42, 62, 10.5, 20, 29, 1.5, 2, 2, 0.5, 0, -1]);
    const row = layer.forward(tensor([1, 2]));
    expect(row.shape).toEqual([3]);
    expect(await numbers(row)).toEqual([21.5, 42, 62]);
  });

  test("shapes that do not fit name the layer and its path", () => {
    const model = new Sequential(new Linear(64, 128), relu, new Linear(128, 10)).init(0);
    expect(() => model.forward(zeros([32, 784]))).toThrow(
      "Linear layers/0: input's last axis must be 64; got f32[32,784].",
    );
    const wrong = new Sequential(new Linear(64, 64), relu, new Linear(128, 10)).init(0);
    expect(() => wrong.forward(zeros([32, 64]))).toThrow(
      "Linear layers/2: input's last axis must be 128; got f32[32,64].",
    );
    const nested = new Sequential(new Linear(2, 2), new Sequential(relu, new Linear(3, 2))).init(0);
    expect(() => nested.forward(zeros([1, 2]))).toThrow(
      "Linear layers/1/layers/1: input's last axis must be 3; got f32[1,2].",
    );
  });

  test("an error in a plain function names its place", () => {
    const fold = (x: Tensor) => x.reshape([7]);
    expect(() => new Sequential(relu, fold).forward(zeros([2, 3]))).toThrow(/^fold layers\/1: reshape/);
  });

  test("what is not a layer is refused when the model is made", () => {
    expect(() => new Sequential(3 as unknown as Module)).toThrow(
      "Sequential: layers/0 must be a module or a function of a tensor; got number.",
    );
    expect(() => new Sequential(relu, Flatten as unknown as Module)).toThrow(
      "Sequential: layers/1 must be an instance; got the class Flatten. Write new Flatten(...).",
    );
    expect(() => new Linear(0, 3)).toThrow("Linear: sizes must be positive integers; got 0 and 3.");
    expect(() => dropout(1)).toThrow("dropout: rate must be at least 0 and below 1; got 1.");
  });

  test("Flatten keeps the batch", () => {
    expect(new Flatten().forward(zeros([5, 2, 3, 4])).shape).toEqual([5, 24]);
    expect(new Flatten(2).forward(zeros([5, 2, 3, 4])).shape).toEqual([5, 2, 12]);
    expect(new Flatten().forward(zeros([5])).shape).toEqual([5, 1]);
  });

  test("dropout zeroes a share, scales the rest, and is the identity in inference", async () => {
    const layer = dropout(0.25);
    const x = ones([200, 100]);
    expect(layer.forward(x, context())).toBe(x);
    const values = await numbers(layer.forward(x, context({ train: true, key: 1 })));
    const kept = values.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.75)]));
    // 20,000 draws: the share's deviation is 0.003
    expect(Math.abs(kept.length / values.length - 0.75)).toBeLessThan(0.015);
    expect(await numbers(layer.forward(x, context({ train: true, key: 1 })))).toEqual(values);
    expect(await numbers(layer.forward(x, context({ train: true, key: 2 })))).not.toEqual(values);
  });

  test("summary lists layers and counts", () => {
    const model = new Sequential(new Linear(784, 128), relu, dropout(0.2), new Linear(128, 10));
    expect(String(summary(model))).toMatchInlineSnapshot(`
      "layers/0  Linear   weight [784,128], bias [128]  100,480
      layers/2  Dropout                                      0
      layers/3  Linear   weight [128,10], bias [10]      1,290
      101,770 trainable parameters"
    `);
  });
});
