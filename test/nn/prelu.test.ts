/** PRelu: its slope is a parameter of the model. */
import { random, type Tensor, tensor, valueAndGrad } from "nabla";
import * as nn from "nabla/nn";
import { checkGradient } from "nabla/testing";
import { expect, test } from "vitest";

const x = tensor([
  [2, -4, -1],
  [-8, 3, 0],
]);

test("a slope for each channel, from 0.25, with its gradient", async () => {
  const layer = new nn.PRelu(3).init(0);
  const loss = (params: nn.Tensors) => nn.apply(layer, params, () => layer.forward(x).sum());
  const [value, { weight }] = valueAndGrad(loss)(layer.parameters()) as [Tensor, { weight: Tensor }];
  expect(await layer.forward(x).array()).toEqual([
    [2, -1, -0.25],
    [-2, 3, 0],
  ]);
  expect(await value.item()).toBe(1.75);
  expect(await weight.array()).toEqual([-8, -4, -1]);
  const slope = tensor([0.5, 0.1, -0.3]);
  await checkGradient((z, w) => nn.prelu(z, w), [random.normal(random.key(2), [4, 3]), slope]);
});

test("one slope for all", async () => {
  const layer = new nn.PRelu(1, 0.5).init(0);
  expect(await layer.forward(tensor([-2, 4])).array()).toEqual([-1, 4]);
});

test("what does not fit is refused", () => {
  expect(() => new nn.PRelu(0)).toThrow("PRelu: channels must be a positive integer; got 0.");
  const model = new nn.Sequential(new nn.PRelu(4)).init(0);
  expect(() => model.forward(x)).toThrow("PRelu layers/0: input's last axis must be 4; got f32[2,3].");
  expect(() => nn.glu(x)).toThrow("glu: axis -1 must have an even size, to be halved; got f32[2,3].");
});
