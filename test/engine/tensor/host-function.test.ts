/** hostFunction: a compiled function called with arrays of the host. */
import { hostFunction, type Tensor, tensor } from "nabla";
import { describe, expect, test } from "vitest";
import { devices } from "../../nn/devices.ts";

const scale = (x: Tensor, w: Tensor) => x.mul(w).sum(0);

describe.each(devices)("on %s", (device) => {
  const make = (w: number[][]) =>
    hostFunction(scale, [2, 3], tensor(w, { device }), { device, name: "scale" });
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);

  test("computes the output from the input, call after call", () => {
    const f = make([[10, 20, 30]]);
    const y = new Float32Array(3);
    f.call(x, y);
    expect([...y]).toEqual([50, 140, 270]);
    f.call(
      x.map((v) => -v),
      y,
    );
    expect([...y]).toEqual([-50, -140, -270]);
    expect([f.inputShape, f.outputShape]).toEqual([[2, 3], [3]]);
  });

  test("takes over other tensors, of other shapes too", () => {
    const f = make([[10, 20, 30]]);
    const y = new Float32Array(3);
    f.use(tensor([[1, 1, 1]], { device }));
    f.call(x, y);
    expect([...y]).toEqual([5, 7, 9]);
    f.use(tensor([[1], [0]], { device }));
    f.call(x, y);
    expect([...y]).toEqual([1, 2, 3]);
  });

  test("returns its input as well as a constant", () => {
    const same = hostFunction((v: Tensor) => v, [3], null, { device });
    const y = new Float32Array(3);
    same.call(Float32Array.of(7, 8, 9), y);
    expect([...y]).toEqual([7, 8, 9]);
  });

  test("errors say what must hold", () => {
    const f = make([[1, 1, 1]]);
    expect(() => f.call(new Float32Array(5), new Float32Array(3))).toThrow(
      "scale: the input must have the 6 elements of [2,3]; got 5.",
    );
    expect(() => f.call(x, new Float32Array(2))).toThrow("scale: the output must have the 3 elements of [3]");
    const wrong = (fn: unknown, rest: unknown) => () =>
      hostFunction(fn as typeof scale, [2], rest as Tensor, { device });
    expect(wrong((v: Tensor) => [v, v], null)).toThrow("must return one tensor");
    expect(wrong((v: Tensor) => v.astype("i32"), null)).toThrow("must be f32; got i32[2]");
    expect(wrong((v: Tensor, w: Tensor) => v.mul(w), 3)).toThrow("must be tensors; got a number");
    f.dispose();
    expect(() => f.call(x, new Float32Array(3))).toThrow("freed");
  });
});
