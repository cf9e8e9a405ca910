/** withLayerOutput: what a layer gives inside a model. */
import { type Tensor, tensor } from "nabla";
import { type Context, Linear, Module, relu, Sequential, withLayerOutput } from "nabla/nn";
import { describe, expect, test } from "vitest";

class Twice extends Module {
  readonly inner = new Sequential(new Linear(2, 2), relu);
  readonly once = new Linear(2, 1);
  readonly never = new Linear(2, 1);
  forward(x: Tensor, ctx: Context): Tensor {
    return this.once.forward(this.inner.forward(this.inner.forward(x, ctx), ctx), ctx);
  }
}

const x = () => tensor([[1, -2]]);

test("of a module, of a function and of the model itself; forward is as before afterwards", async () => {
  const model = new Sequential(new Linear(2, 3), relu, new Sequential(new Linear(3, 2))).init(0);
  const at = (path: string) => withLayerOutput(model, path, (ctx) => model.forward(x(), ctx));
  const first = await (model.layers[0] as Linear).forward(x()).array();
  expect(await at("layers/0").output.array()).toEqual(first);
  expect(await at("layers/1").output.array()).toEqual(await relu(tensor(first as number[][])).array());
  expect(await at("layers/2/layers/0").output.array()).toEqual(await model.forward(x()).array());
  const { result, output } = at("");
  expect(output).toBe(result);
  expect(Object.hasOwn(model, "forward")).toBe(false);
});

describe("errors", () => {
  const model = new Twice().init(0);
  const at = (path: string) => () => withLayerOutput(model, path, (ctx) => model.forward(x(), ctx));
  test.each([
    [
      "onec",
      'layer "onec": must be a layer that the model runs; there is none at this path. Did you mean "once"?',
    ],
    ["never", 'layer "never": must be a layer that the model runs'],
    ["inner/layers/1", "must run once for an input; it runs 2 times. Name a layer around it."],
  ])("%s", (path, message) => {
    expect(at(path)).toThrow(message);
  });
  test("an error inside leaves the layers as they were", () => {
    expect(() => withLayerOutput(model, "once", () => model.forward(tensor([[1]]), {} as Context))).toThrow();
    expect(Object.hasOwn(model.once, "forward")).toBe(false);
  });
});
