/** What the golden cases do not show: defaults, starts, second derivatives, and what layers refuse. */
import { grad, jit, random, type Tensor, tensor, zeros } from "nabla";
import {
  AdaptiveAvgPool,
  AdaptiveMaxPool,
  AvgPool2d,
  apply,
  BatchNorm,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose2d,
  constant,
  context,
  DepthwiseConv2d,
  freeze,
  GlobalAvgPool,
  GlobalMaxPool,
  GroupNorm,
  InstanceNorm,
  type Layer,
  LayerNorm,
  Linear,
  MaxPool2d,
  type Module,
  Parallel,
  Reshape,
  Residual,
  RmsNorm,
  relu,
  SeparableConv2d,
  Sequential,
  SpectralNorm,
  summary,
  type Tensors,
  Upsample,
  WeightNorm,
  ZeroPad,
} from "nabla/nn";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const numbers = async (x: Tensor | undefined) => [...(await (x as Tensor).data())];
const normal = (seed: number, shape: number[]) => random.normal(random.key(seed), shape);
const error = (layer: Module, shape: number[]) => () =>
  new Sequential(layer).init(0).forward(zeros(shape), context({ train: true, key: 0 }));

describe("first and second derivatives", () => {
  // The vectors of a spectral norm stand still in inference; in training they are constants to the gradient, though they move.
  const contextFor = (layer: Module) => context({ train: !(layer instanceof SpectralNorm) });
  const cases: [string, Module, number[]][] = [
    [
      "Conv2d",
      new Conv2d(2, 4, [3, 2], { stride: [1, 2], dilation: [2, 1], groups: 2, padding: 1 }),
      [1, 4, 3, 2],
    ],
    ["Conv2d reflect", new Conv2d(1, 2, 2, { padding: [[1, 0], 1], paddingMode: "reflect" }), [1, 3, 3, 1]],
    ["Conv1d", new Conv1d(2, 2, 3, { stride: 2, padding: "same" }), [2, 5, 2]],
    ["Conv3d", new Conv3d(1, 2, 2), [1, 2, 3, 2, 1]],
    ["ConvTranspose2d", new ConvTranspose2d(2, 2, 2, { stride: 2, outputPadding: 1 }), [1, 2, 2, 2]],
    ["SeparableConv2d", new SeparableConv2d(2, 2, 2), [1, 3, 3, 2]],
    ["AvgPool2d", new AvgPool2d(2, { stride: 1, padding: 1, countIncludePad: false }), [1, 3, 3, 2]],
    ["AdaptiveAvgPool", new AdaptiveAvgPool([2, 3]), [1, 3, 4, 1]],
    ["Upsample", new Upsample({ size: [4, 5], mode: "bilinear" }), [1, 3, 2, 1]],
    ["BatchNorm", new BatchNorm(3), [4, 2, 3]],
    ["BatchNorm plain", new BatchNorm(3, { affine: false }), [5, 3]],
    ["LayerNorm", new LayerNorm(4), [3, 4]],
    ["LayerNorm several", new LayerNorm([2, 3]), [2, 2, 3]],
    ["GroupNorm", new GroupNorm(2, 4), [2, 3, 4]],
    ["InstanceNorm", new InstanceNorm(2, { affine: true }), [2, 3, 2]],
    ["RmsNorm", new RmsNorm(4), [3, 4]],
    ["WeightNorm", new WeightNorm(new Linear(3, 2)), [2, 3]],
    ["SpectralNorm", new SpectralNorm(new Linear(3, 2)), [2, 3]],
  ];
  test.each(cases)("%s", async (_name, layer, shape) => {
    layer.init(1);
    const paths = Object.keys(layer.parameters());
    const values = paths.map((path, i) => normal(20 + i, [...(layer.parameters()[path] as Tensor).shape]));
    const run = (x: Tensor, ...params: Tensor[]): Tensor =>
      apply(layer, Object.fromEntries(params.map((p, i) => [paths[i] as string, p])), () =>
        layer.forward(x, contextFor(layer)),
      );
    const at = [normal(2, shape), ...values];
    await checkGradient(run, at, { tolerance: 1e-5 });
    const argnums = at.map((_, i) => i);
    const slopes = grad(
      (...all: Tensor[]) =>
        run(...(all as [Tensor, ...Tensor[]]))
          .square()
          .sum(),
      { argnums },
    );
    const second = (...all: Tensor[]) =>
      (slopes(...all) as Tensor[]).map((g) => g.square().sum()).reduce((sum, g) => sum.add(g));
    await checkGradient(second, at, { tolerance: 1e-4 });
  });
});

describe("how layers start", () => {
  test("convolutions: variance 2 / (taps * channels of a group), for a transposed one by its inputs", async () => {
    const spread = async (layer: Module & { weight: { value: Tensor } }) => {
      const values = await numbers(layer.init(0).weight.value);
      return values.reduce((sum, value) => sum + value * value, 0) / values.length;
    };
    for (const [layer, fanIn] of [
      [new Conv2d(64, 32, 3), 9 * 64],
      [new Conv2d(64, 32, 3, { groups: 4 }), 9 * 16],
      [new DepthwiseConv2d(256, 5), 25],
      [new ConvTranspose2d(64, 32, 3), 9 * 64],
      [new ConvTranspose2d(64, 32, 3, { groups: 4 }), 9 * 16],
    ] as const) {
      // a uniform variance over n values has a relative error of about 0.9 / sqrt(n)
      expect(Math.abs((await spread(layer)) * (fanIn / 2) - 1)).toBeLessThan(0.06);
    }
  });

  test("a transposed convolution turns the initialiser's weight round, group by group", async () => {
    const count = (_: Tensor, shape: readonly number[]) =>
      tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
        { shape },
      );
    const layer = new ConvTranspose2d(4, 6, [1, 1], { groups: 2, weightInit: count, bias: false }).init(0);
    // The initialiser gives [in / groups, out] = [2, 6]; weight[o, i] of group g is its [i, g * 3 + o].
    expect(await layer.weight.value.reshape([3, 4]).array()).toEqual([
      [0, 6, 3, 9],
      [1, 7, 4, 10],
      [2, 8, 5, 11],
    ]);
  });

  test("weight norm is the layer itself at first; spectral norm has sigma 1", async () => {
    const inner = new Conv2d(3, 5, 3);
    const model = new WeightNorm(inner).init(4);
    const x = normal(1, [2, 5, 5, 3]);
    await expectClose(model.forward(x), inner.forward(x), { relative: 1e-5 });
    const spectral = new SpectralNorm(new Linear(6, 4, { bias: false })).init(0);
    const rows = spectral.forward(
      tensor(
        Float32Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 1 : 0)),
        { shape: [6, 6] },
      ),
    );
    // The rows are weight / sigma: its largest singular value by many steps of the power iteration.
    let u = normal(3, [4]);
    for (let i = 0; i < 200; i++) {
      u = rows.transpose().matmul(rows.matmul(u));
      u = await u.div(u.square().sum().sqrt()).realize();
    }
    expect(await rows.matmul(u).square().sum().sqrt().item()).toBeCloseTo(1, 3);
  });

  test("equal seeds give equal values, also of what starts from other values", async () => {
    const model = () => new Sequential(new WeightNorm(new Linear(3, 2)), new SpectralNorm(new Linear(2, 2)));
    const all = async (m: Module) =>
      Promise.all(Object.values({ ...m.parameters(), ...m.buffers() }).map(numbers));
    expect(await all(model().init(5))).toEqual(await all(model().init(5)));
    expect(Object.keys(model().init(0).parameters())).toEqual([
      "layers/0/layer/weight",
      "layers/0/layer/bias",
      "layers/0/magnitude",
      "layers/1/layer/weight",
      "layers/1/layer/bias",
    ]);
  });

  test("parameters as documented", () => {
    const count = (layer: Module) => summary(layer).trainable;
    expect(count(new Conv2d(6, 8, [3, 5], { groups: 2 }))).toBe(3 * 5 * 3 * 8 + 8);
    expect(count(new Conv1d(6, 8, 3, { bias: false }))).toBe(3 * 6 * 8);
    expect(count(new Conv3d(2, 4, 3))).toBe(27 * 2 * 4 + 4);
    expect(count(new DepthwiseConv2d(6, 3, { depthMultiplier: 2 }))).toBe(9 * 12 + 12);
    expect(count(new SeparableConv2d(6, 8, 3, { depthMultiplier: 2 }))).toBe(9 * 12 + 12 * 8 + 8);
    expect(count(new ConvTranspose2d(6, 8, 3, { groups: 2 }))).toBe(9 * 4 * 6 + 8);
    expect(count(new BatchNorm(7))).toBe(14);
    expect(count(new LayerNorm([3, 4]))).toBe(24);
    expect(count(new RmsNorm(5))).toBe(5);
    expect(count(new InstanceNorm(5))).toBe(0);
  });
});

describe("batch norm", () => {
  test("in a compiled step the statistics move with what was compiled once", async () => {
    const model = new Sequential(new BatchNorm(2, { momentum: 0.5 })).init(0);
    const step = jit((buffers: Tensors, x: Tensor) =>
      apply(model, buffers, () => {
        const ctx = context({ train: true });
        model.forward(x, ctx);
        return ctx.updates();
      }),
    );
    let buffers: Tensors = model.buffers();
    const x = tensor([
      [1, 10],
      [3, 30],
    ]);
    for (let i = 0; i < 3; i++) buffers = step(buffers, x);
    // mean 2 and 20, unbiased variance 2 and 200: halfway three times
    expect(await numbers(buffers["layers/0/runningMean"])).toEqual([1.75, 17.5]);
    expect(await numbers(buffers["layers/0/runningVar"])).toEqual([1.875, 175.125]);
    expect(step.compilations).toBe(1);
  });

  test("frozen, it uses its running statistics and leaves them alone", async () => {
    const model = new Sequential(new BatchNorm(2)).init(0);
    freeze(model, "layers/0");
    const ctx = context({ train: true });
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    await expectClose(model.forward(x, ctx), x, { relative: 1e-5 }); // mean 0, variance 1
    expect(ctx.updates()).toEqual({});
  });

  test("a shared layer moves its statistics twice in a pass", async () => {
    const shared = new BatchNorm(1, { momentum: 0.5, affine: false });
    const model = new Parallel([shared, new Sequential((x: Tensor) => x.mul(2), shared)]).init(0);
    const ctx = context({ train: true });
    model.forward(tensor([[1], [3]]), ctx);
    expect(await numbers(ctx.updates()["branches/0/runningMean"])).toEqual([2.5]); // (0 -> 1 -> (1 + 4) / 2)
  });
});

describe("defaults", () => {
  test("padding counts in a mean unless it is same", async () => {
    const x = tensor([[[[4], [8]]]]);
    expect(await numbers(new AvgPool2d([1, 3], { stride: 1, padding: [0, 1] }).forward(x))).toEqual([4, 4]);
    expect(await numbers(new AvgPool2d([1, 3], { stride: 1, padding: "same" }).forward(x))).toEqual([6, 6]);
    const counted = new AvgPool2d([1, 3], { stride: 1, padding: "same", countIncludePad: true });
    expect(await numbers(counted.forward(x))).toEqual([4, 4]);
  });

  test("shapes", () => {
    const x = zeros([2, 10, 13, 4]);
    expect(new AdaptiveAvgPool(7).forward(x).shape).toEqual([2, 7, 7, 4]);
    expect(new AdaptiveMaxPool([1, null]).forward(x).shape).toEqual([2, 1, 13, 4]);
    expect(new GlobalAvgPool().forward(x).shape).toEqual([2, 4]);
    expect(new GlobalMaxPool({ keepDims: true }).forward(x).shape).toEqual([2, 1, 1, 4]);
    expect(new Reshape([-1, 4]).forward(x).shape).toEqual([2, 130, 4]);
    expect(new ZeroPad([1, [0, 2]]).forward(x).shape).toEqual([2, 12, 15, 4]);
    expect(new ZeroPad(-1).forward(x).shape).toEqual([2, 8, 11, 4]);
    expect(new Upsample({ scale: 1.5 }).forward(x).shape).toEqual([2, 15, 19, 4]);
    expect(new ConvTranspose2d(4, 3, 3, { stride: 2, padding: "same" }).init(0).forward(x).shape).toEqual([
      2, 20, 26, 3,
    ]);
    expect(new MaxPool2d(3, { stride: 2, padding: "same" }).forward(x).shape).toEqual([2, 5, 7, 4]);
  });

  test("residual and parallel", async () => {
    const x = tensor([[1, -2]]);
    const double = (t: Tensor) => t.mul(2);
    expect(await numbers(new Residual(relu).forward(x))).toEqual([2, -2]);
    expect(await numbers(new Residual(relu, double).forward(x))).toEqual([3, -4]);
    expect(await numbers(new Parallel([relu, double]).forward(x))).toEqual([1, 0, 2, -4]);
    expect(await numbers(new Parallel([relu, double], { axis: 0 }).forward(x))).toEqual([1, 0, 2, -4]);
    expect(await numbers(new Parallel([relu, double], { join: "add" }).forward(x))).toEqual([3, -4]);
  });
});

describe("what layers refuse when they are made", () => {
  test.each<[string, () => unknown]>([
    ["sizes", () => new Conv2d(0, 8, 3)],
    ["groups", () => new Conv2d(6, 8, 3, { groups: 4 })],
    ["kernel", () => new Conv2d(3, 8, [3, 3, 3])],
    ["stride", () => new Conv1d(3, 8, 3, { stride: 0 })],
    ["padding", () => new Conv2d(3, 8, 3, { padding: -1 })],
    ["padding axes", () => new Conv2d(3, 8, 3, { padding: [1, 1, 1] })],
    ["padding name", () => new Conv2d(3, 8, 3, { padding: "full" as "same" })],
    ["padding mode", () => new Conv2d(3, 8, 3, { paddingMode: "mirror" as "reflect" })],
    ["depthwise", () => new DepthwiseConv2d(3.5, 3)],
    ["output padding", () => new ConvTranspose2d(3, 8, 3, { stride: 2, outputPadding: 2 })],
    [
      "output padding of same",
      () => new ConvTranspose2d(3, 8, 3, { stride: 2, padding: "same", outputPadding: 1 }),
    ],
    ["pool padding", () => new MaxPool2d(2, { padding: 2 })],
    ["adaptive", () => new AdaptiveAvgPool([0, 1])],
    ["upsample", () => new Upsample({})],
    ["upsample size", () => new Upsample({ size: 2.5 })],
    ["upsample mode", () => new Upsample({ scale: 2, mode: "cubic" as "linear" })],
    ["upsample corners", () => new Upsample({ scale: 2, alignCorners: true })],
    ["reshape", () => new Reshape([-1, -1])],
    ["zero pad", () => new ZeroPad([0.5])],
    ["batch norm", () => new BatchNorm(4, { momentum: 1.5 })],
    ["group norm", () => new GroupNorm(3, 4)],
    ["layer norm", () => new LayerNorm([])],
    ["weight norm", () => new WeightNorm(new BatchNorm(3) as unknown as Linear)],
    ["spectral norm", () => new SpectralNorm(new Linear(2, 2), { iterations: 0 })],
    ["residual", () => new Residual(null as unknown as Layer)],
    ["parallel", () => new Parallel([])],
    ["parallel join", () => new Parallel([relu], { join: "mul" as "add" })],
  ])("%s", (_name, make) => {
    expect(make).toThrowErrorMatchingSnapshot();
  });
});

describe("what layers refuse when they run, and where", () => {
  test.each<[string, Module, number[]]>([
    ["channels", new Conv2d(3, 8, 3), [2, 8, 8, 4]],
    ["channels first", new Conv2d(3, 8, 3), [2, 3, 8, 8]],
    ["no batch", new Conv2d(3, 8, 3), [8, 8, 3]],
    ["rank", new Conv1d(3, 8, 3), [2, 8]],
    ["kernel", new Conv2d(3, 8, 5, { dilation: 2 }), [2, 6, 8, 3]],
    ["stride", new Conv2d(3, 8, [3, 4], { stride: 2, padding: [0, 1] }), [2, 8, 1, 3]],
    ["reflect", new Conv2d(3, 8, 3, { padding: 2, paddingMode: "reflect" }), [2, 2, 8, 3]],
    ["transposed channels", new ConvTranspose2d(3, 8, 3), [2, 8, 8, 4]],
    ["transposed padding", new ConvTranspose2d(3, 8, 2, { padding: 2 }), [2, 3, 8, 3]],
    ["pool", new MaxPool2d(3), [2, 2, 8, 3]],
    ["adaptive", new AdaptiveAvgPool([2, 2]), [2, 8, 3]],
    ["global", new GlobalAvgPool(), [2, 3]],
    ["upsample", new Upsample({ scale: [2, 2] }), [2, 8, 3]],
    ["reshape", new Reshape([28, 28, 1]), [2, 783]],
    ["zero pad", new ZeroPad(-2), [2, 4, 8, 3]],
    ["batch norm", new BatchNorm(4), [2, 3]],
    ["batch norm of one", new BatchNorm(4), [1, 4]],
    ["layer norm", new LayerNorm([3, 4]), [2, 4, 3]],
    ["rms norm", new RmsNorm(4), [2, 3]],
    ["group norm", new GroupNorm(2, 4), [2, 3]],
    ["inside weight norm", new WeightNorm(new Linear(4, 3)), [2, 3]],
    ["residual", new Residual(new Linear(3, 4)), [2, 3]],
    ["residual part", new Residual(new Linear(4, 4), new Linear(3, 4)), [2, 3]],
    ["parallel", new Parallel([new MaxPool2d(2), relu]), [2, 4, 4, 3]],
  ])("%s", (_name, layer, shape) => {
    expect(error(layer, shape)).toThrowErrorMatchingSnapshot();
  });
});

test("a constant weight", async () => {
  const layer = new Conv2d(1, 1, 2, { weightInit: constant(1), biasInit: constant(0.5) }).init(0);
  expect(
    await numbers(
      layer.forward(
        tensor([
          [
            [[1], [2]],
            [[3], [4]],
          ],
        ]),
      ),
    ),
  ).toEqual([10.5]);
});
