/** What holds between layers whatever the sizes: convolutions as products and each other, norms as each other, ties. */
import fc from "fast-check";
import { concat, conv, convTranspose, grad, random, type Tensor, tensor } from "nabla";
import {
  apply,
  BatchNorm,
  Conv2d,
  ConvTranspose2d,
  context,
  DepthwiseConv2d,
  GroupNorm,
  InstanceNorm,
  LayerNorm,
  Linear,
  Module,
  Parallel,
  type Parameter,
  Sequential,
  summary,
  type Tensors,
} from "nabla/nn";
import { describe, expect, test } from "vitest";
import { runs } from "../property/recipe.ts";

const normal = (seed: number, shape: number[]) => random.normal(random.key(seed), shape);

async function expectNear(a: Tensor, b: Tensor): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = [await a.data(), await b.data()];
  const scale = [...y].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  x.forEach((value, i) => {
    expect(Math.abs(value - (y[i] as number)), `${i}: ${value} and ${y[i]}`).toBeLessThanOrEqual(
      2e-5 * scale,
    );
  });
}

const size = (most: number) => fc.integer({ min: 1, max: most });
const images = fc.record({
  batch: size(3),
  height: fc.integer({ min: 4, max: 8 }),
  width: fc.integer({ min: 4, max: 8 }),
  channels: size(5),
  outputs: size(4),
  kernel: fc.tuple(size(3), size(3)),
  stride: fc.tuple(size(3), size(3)),
  padding: fc.tuple(fc.tuple(fc.nat(2), fc.nat(2)), fc.tuple(fc.nat(2), fc.nat(2))),
  dilation: fc.tuple(size(2), size(2)),
  groups: size(3),
  seed: fc.nat(1000),
});
type Image = typeof images extends fc.Arbitrary<infer T> ? T : never;

const check = (property: (image: Image) => Promise<void>, count = 25) =>
  fc.assert(fc.asyncProperty(images, property), runs(count));

/** The patches under the kernel, [batch, out height, out width, kernel height * kernel width * channels]. */
function unfold(x: Tensor, { kernel, stride, padding, dilation }: Image): Tensor {
  const padded = x.pad([0, ...padding, 0]);
  const [, height, width] = padded.shape as [number, number, number];
  const places = (length: number, axis: 0 | 1) =>
    Math.floor((length - (kernel[axis] - 1) * dilation[axis] - 1) / stride[axis]) + 1;
  const [rows, columns] = [places(height, 0), places(width, 1)];
  const taps = Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => {
    const [i, j] = [Math.floor(tap / kernel[1]) * dilation[0], (tap % kernel[1]) * dilation[1]];
    return padded.slice(
      [],
      [i, i + (rows - 1) * stride[0] + 1, stride[0]],
      [j, j + (columns - 1) * stride[1] + 1, stride[1]],
    );
  });
  return concat(taps, -1);
}

describe("convolution", () => {
  test("is a product with unfolded patches", () =>
    check(async (image) => {
      const { batch, height, width, channels, outputs, kernel, stride, padding, dilation, seed } = image;
      const layer = new Conv2d(channels, outputs, kernel, { stride, padding, dilation }).init(seed);
      const x = normal(seed, [batch, height, width, channels]);
      const patches = unfold(x, image);
      const weight = layer.weight.value.reshape([-1, outputs]);
      await expectNear(layer.forward(x), patches.matmul(weight).add((layer.bias as Parameter).value));
    }));

  test("depthwise is a group for each channel, and each channel by itself", () =>
    check(async ({ batch, height, width, channels, kernel, stride, padding, dilation, seed }) => {
      const options = { stride, padding, dilation, bias: false };
      const layer = new DepthwiseConv2d(channels, kernel, { ...options, depthMultiplier: 2 }).init(seed);
      const grouped = new Conv2d(channels, 2 * channels, kernel, { ...options, groups: channels });
      grouped.load(layer.parameters());
      const x = normal(seed, [batch, height, width, channels]);
      const y = layer.forward(x);
      await expectNear(grouped.forward(x), y);
      const weight = layer.weight.value;
      const alone = Array.from({ length: channels }, (_, c) =>
        conv(x.slice([], [], [], [c, c + 1]), weight.slice([], [], [], [2 * c, 2 * c + 2]), options),
      );
      await expectNear(concat(alone, -1), y);
    }));

  test("groups are convolutions of their own", () =>
    check(
      async ({
        batch,
        height,
        width,
        channels,
        outputs,
        kernel,
        stride,
        padding,
        dilation,
        groups,
        seed,
      }) => {
        const [inputs, results] = [channels * groups, outputs * groups];
        const options = { stride, padding, dilation, bias: false };
        const layer = new Conv2d(inputs, results, kernel, { ...options, groups }).init(seed);
        const x = normal(seed, [batch, height, width, inputs]);
        const parts = Array.from({ length: groups }, (_, g) => {
          const own = new Conv2d(channels, outputs, kernel, options);
          own.load({ weight: layer.weight.value.slice([], [], [], [g * outputs, (g + 1) * outputs]) });
          return own.forward(x.slice([], [], [], [g * channels, (g + 1) * channels]));
        });
        await expectNear(concat(parts, -1), layer.forward(x));
      },
    ));

  test("transposed is the gradient by the input", () =>
    check(async ({ batch, height, width, channels, outputs, kernel, stride, dilation, groups, seed }) => {
      const [inputs, results] = [channels * groups, outputs * groups];
      const options = { stride, dilation, groups };
      const layer = new ConvTranspose2d(inputs, results, kernel, { ...options, bias: false }).init(seed);
      const x = normal(seed, [batch, height, width, inputs]);
      const y = layer.forward(x);
      // Linear in its input, so the point does not matter.
      const at = normal(seed + 1, [...y.shape]);
      const back = grad((image: Tensor) => conv(image, layer.weight.value, options).mul(x).sum());
      await expectNear(back(at), y);
      await expectNear(convTranspose(x, layer.weight.value, options), y);
    }));
});

describe("norms", () => {
  /** With weights that do something. */
  const spread = <M extends Module>(layer: M, seed: number): M => {
    layer.init(seed);
    const values = Object.entries(layer.parameters()).map(([path, { shape }], i) => [
      path,
      normal(seed + i + 7, [...shape]),
    ]);
    return layer.load(Object.fromEntries(values));
  };

  test("group norm with one group is layer norm over all, with a group each instance norm", () =>
    check(async ({ batch, height, width, channels, seed }) => {
      const x = normal(seed, [batch, height, width, channels]).mul(3).add(2);
      const one = spread(new GroupNorm(1, channels), seed);
      const row = new LayerNorm([height, width, channels], { affine: false }).forward(x);
      const { weight, bias } = one.parameters() as { weight: Tensor; bias: Tensor };
      await expectNear(one.forward(x), row.mul(weight).add(bias));
      const each = new GroupNorm(channels, channels).load({ weight, bias });
      const instance = new InstanceNorm(channels, { affine: true }).load({ weight, bias });
      await expectNear(each.forward(x), instance.forward(x));
      // and an instance is a batch of one
      const alone = new BatchNorm(channels, { trackRunningStats: false }).load({ weight, bias });
      await expectNear(alone.forward(x.slice([0, 1])), instance.forward(x.slice([0, 1])));
    }));

  test("batch norm in inference equals training once its statistics are the batch's", () =>
    check(async ({ batch, height, width, channels, seed }) => {
      const layer = spread(new BatchNorm(channels, { momentum: 1 }), seed);
      const x = normal(seed, [batch, height, width, channels]).mul(2).add(5);
      const ctx = context({ train: true });
      const y = layer.forward(x, ctx);
      layer.load(ctx.updates());
      const n = batch * height * width;
      const { runningVar } = layer.buffers() as { runningVar: Tensor };
      layer.load({ runningVar: runningVar.mul((n - 1) / n) }); // kept unbiased
      await expectNear(layer.forward(x), y);
    }));

  test("batch norm in training does not see scale and shift of its channels", () =>
    check(async ({ batch, height, width, channels, seed }) => {
      const layer = spread(new BatchNorm(channels, { epsilon: 0 }), seed);
      const x = normal(seed, [batch, height, width, channels]);
      const scaled = x
        .mul(
          normal(seed + 1, [channels])
            .abs()
            .add(0.5),
        )
        .add(normal(seed + 2, [channels]));
      const train = () => context({ train: true });
      await expectNear(layer.forward(scaled, train()), layer.forward(x, train()));
    }));
});

test("a parameter in two places counts once and gets the sum of both gradients", async () => {
  const twin = () => new Conv2d(2, 2, 3, { padding: 1, bias: false });
  const tied = (shared: Conv2d) => new Parallel([shared, new Sequential(shared)], { join: "add" });
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), async (seed) => {
      const shared = twin().init(seed);
      const [model, apart] = [tied(shared), new Parallel([twin(), new Sequential(twin())], { join: "add" })];
      expect(Object.keys(model.parameters())).toEqual(["branches/0/weight"]);
      expect(summary(model).trainable).toBe(36);
      expect(summary(apart).trainable).toBe(72);
      const weight = shared.weight.value;
      const x = normal(seed, [1, 4, 4, 2]);
      const loss = (m: Module) => (params: Tensors) =>
        apply(m, params, () => m.forward(x, context()).square().sum());
      const both = grad(loss(model))({ "branches/0/weight": weight })["branches/0/weight"] as Tensor;
      const each = grad(loss(apart))({
        "branches/0/weight": weight,
        "branches/1/layers/0/weight": weight,
      }) as Record<string, Tensor>;
      const sum = (each["branches/0/weight"] as Tensor).add(each["branches/1/layers/0/weight"] as Tensor);
      await expectNear(both, sum);
    }),
    runs(10),
  );
});

test("tied weights of an own module", async () => {
  class Tied extends Module {
    readonly encode = new Linear(3, 3, { bias: false });
    readonly decode = new Linear(3, 3, { bias: false });
    constructor() {
      super();
      (this.decode as { weight: Parameter }).weight = this.encode.weight;
    }
    forward(x: Tensor): Tensor {
      return this.decode.forward(this.encode.forward(x));
    }
  }
  const model = new Tied().init(3);
  const x = tensor([[1, -2, 0.5]]);
  const g = grad((p: Tensors) => apply(model, p, () => model.forward(x).sum()))(model.parameters());
  const w = model.encode.weight.value;
  const ones = tensor([[1, 1, 1]]);
  // x W W 1: once as the first factor, once as the second
  const expected = x.transpose().matmul(ones.matmul(w.transpose())).add(x.matmul(w).transpose().matmul(ones));
  await expectNear(g["encode/weight"] as Tensor, expected);
});
