/** WeightNoise: the layer itself in inference, noise on its weight alone in training, gradients at the noisy weight. */
import { grad, ones, random, type Tensor, tensor } from "nabla";
import * as nn from "nabla/nn";
import { expect, test } from "vitest";

const training = (seed = 0) => nn.context({ train: true, key: seed });
const rows = [...Array(200).keys()].map((row) =>
  [...Array(200).keys()].map((column) => Number(row === column)),
);

test("is the layer in inference and at 0, and the same for the same key", async () => {
  const layer = new nn.Linear(3, 2).init(0);
  const x = random.normal(random.key(1), [4, 3]);
  const plain = await layer.forward(x).data();
  const values = (noisy: nn.WeightNoise, ctx?: nn.Context) => noisy.forward(x, ctx).data();
  expect(await values(new nn.WeightNoise(layer, 0.5))).toEqual(plain);
  expect(await values(new nn.WeightNoise(layer, 0), training())).toEqual(plain);
  const noisy = new nn.WeightNoise(layer, 0.5);
  expect(await values(noisy, training(1))).toEqual(await values(noisy, training(1)));
  expect(await values(noisy, training(1))).not.toEqual(await values(noisy, training(2)));
  expect(await layer.forward(x).data()).toEqual(plain);
});

test("the noise is normal with its deviation, on the weight and not on the bias", async () => {
  const layer = new nn.Linear(200, 200).init(0);
  layer.load({ weight: ones([200, 200]), bias: ones([200]) });
  // Of the unit vectors the outputs are weight + noise + bias.
  const y = await new nn.WeightNoise(layer, 0.1).forward(tensor(rows), training()).data();
  const noise = [...y].map((value) => value - 2);
  const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
  const deviation = Math.sqrt(noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length);
  expect(Math.abs(mean)).toBeLessThan((5 * 0.1) / 200); // 5 standard errors
  expect(Math.abs(deviation - 0.1)).toBeLessThan((5 * 0.1) / Math.sqrt(80_000));
  const nothing = await new nn.WeightNoise(layer, 0.1).forward(tensor(rows).mul(0), training()).data();
  expect(new Set(nothing)).toEqual(new Set([1]));
});

test("gradients are those at the noisy weight", async () => {
  const model = new nn.WeightNoise(new nn.Linear(1, 1, { bias: false }), 0.5).init(3);
  const loss = (params: nn.Tensors): Tensor =>
    nn.apply(model, params, () =>
      model
        .forward(ones([1, 1]), training(4))
        .square()
        .sum(),
    );
  const params = model.parameters();
  const value = await loss(params).item();
  const slope = await Object.values(grad(loss)(params))[0]?.item();
  // d (w + e)^2 / dw = 2 (w + e)
  expect(Math.abs(slope as number)).toBeCloseTo(2 * Math.sqrt(value), 5);
  expect(Math.sqrt(value)).not.toBeCloseTo(Math.abs((await Object.values(params)[0]?.item()) as number), 3);
});

test("refuses what has no weight, what is no deviation, and training without a key", () => {
  expect(() => new nn.WeightNoise(new nn.LayerNorm(3) as never, 0.1)).toThrow(
    "WeightNoise: the layer must have a",
  );
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new nn.WeightNoise(new nn.Linear(1, 1), wrong)).toThrow(
      `WeightNoise: deviation must be at least 0 and finite; got ${wrong}.`,
    );
  }
  const layer = new nn.WeightNoise(new nn.Linear(1, 1), 0.1).init(0);
  expect(() => layer.forward(ones([1, 1]), nn.context({ train: true }))).toThrow(
    "a random key must be given",
  );
});
