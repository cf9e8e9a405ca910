/** Attention against PyTorch (goldens/attention.py), and what must hold between its forms. */
import fc from "fast-check";
import { arange, grad, jit, ones, random, setDefaultDevice, type Tensor, tensor, zeros } from "nabla";
import {
  apply,
  attentionFromPyTorch,
  causalMask,
  context,
  MultiHeadAttention,
  paddingMask,
  rotary,
  scaledDotProductAttention,
  type Tensors,
} from "nabla/nn";
import { checkGradient, expectClose } from "nabla/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { devices } from "../devices.ts";
import { given, type Listed, matches, readGolden, weighed } from "./golden.ts";

type Lists = Readonly<Record<string, Listed>>;
interface Dot {
  readonly inputs: Lists;
  readonly visible: Listed | null;
  readonly causal: boolean;
  readonly scale: number | null;
  readonly y: Listed;
  readonly gradients: Lists;
}
interface Layer {
  readonly bias: boolean;
  readonly parameters: Lists;
  readonly x: Listed;
  readonly context: Listed | null;
  readonly added?: Listed;
  readonly y: Listed;
  readonly gradients: Lists;
}
const golden = readGolden<{ dots: Readonly<Record<string, Dot>>; layers: Readonly<Record<string, Layer>> }>(
  "attention",
);
const mapped = (record: Lists): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(record).map(([name, each]) => [name, given(each)]));
const numbers = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), [...shape]);

describe.each(devices)("PyTorch's, on %s", (device) => {
  beforeAll(() => setDefaultDevice(device));
  afterAll(() => setDefaultDevice(devices.at(-1) as string));

  test.each(Object.keys(golden.dots))("scaledDotProductAttention, %s", async (name) => {
    const { inputs, visible, causal, scale, y, gradients } = golden.dots[name] as Dot;
    const seen = visible && given(visible).gt(0);
    const of = (all: Tensors): Tensor => {
      const mask = all.mask ?? seen;
      return scaledDotProductAttention(all.q as Tensor, all.k as Tensor, all.v as Tensor, {
        causal,
        ...(mask && { mask }),
        ...(scale === null ? {} : { scale }),
      });
    };
    const args = mapped(inputs);
    await matches(jit(of)(args), y, "result");
    const grads = jit((all: Tensors) => grad((each: Tensors) => weighed(of(each)))(all))(args);
    for (const [part, expected] of Object.entries(gradients)) {
      // One score of a row outweighs the others: what is left of differences is their rounding, times the scale.
      const terms = name === "large scores" && part !== "v" ? 10 : undefined;
      await matches(grads[part] as Tensor, expected, `gradient of ${part}`, terms);
    }
  });

  test.each(Object.keys(golden.layers))("MultiHeadAttention, %s", async (name) => {
    const each = golden.layers[name] as Layer;
    const contextWidth = each.context?.shape[2] ?? 6;
    const layer = new MultiHeadAttention(6, {
      heads: 3,
      bias: each.bias,
      contextWidth,
      causal: name === "causal",
    });
    const mask =
      name === "padded" ? paddingMask(tensor([5, 3], { dtype: "i32" }), 5) : each.added && given(each.added);
    const args = { parameters: attentionFromPyTorch(mapped(each.parameters)), x: given(each.x) };
    const other = each.context === null ? {} : { context: given(each.context) };
    const of = (all: typeof args & { context?: Tensor }): Tensor =>
      apply(layer, all.parameters, () =>
        layer.forward(all.x, undefined, {
          ...(all.context && { context: all.context }),
          ...(mask && { mask }),
        }),
      );
    await matches(of({ ...args, ...other }), each.y, "result");
    const grads = grad((all: Parameters<typeof of>[0]) => weighed(of(all)))({ ...args, ...other });
    await matches(grads.x, each.gradients.x as Listed, "gradient of x");
    if (grads.context)
      await matches(grads.context, each.gradients.context as Listed, "gradient of the context");
    // Back to PyTorch's layout by the same function: the projections' gradients side by side.
    const expected = attentionFromPyTorch(
      mapped(Object.fromEntries(Object.keys(each.parameters).map((n) => [n, each.gradients[n] as Listed]))),
    );
    for (const [path, g] of Object.entries(expected)) {
      const list = { shape: g.shape, data: [...(await g.data())] };
      // What all keys have in common does not change a softmax: that gradient is 0, but for rounding.
      const terms = path === "key/bias" ? 0.1 : undefined;
      await matches(grads.parameters[path] as Tensor, list, `gradient of ${path}`, terms);
    }
  });
});

describe("what must hold", () => {
  const size = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    each: fc.integer({ min: 1, max: 3 }),
    time: fc.integer({ min: 1, max: 7 }),
    width: fc.constantFrom(2, 4, 6),
    seed: fc.nat({ max: 999 }),
  });
  const property = <T>(arbitrary: fc.Arbitrary<T>, hold: (value: T) => Promise<void>) =>
    fc.assert(fc.asyncProperty(arbitrary, hold), { numRuns: 12, seed: 5 });
  const random3 = ({
    batch,
    groups,
    each,
    time,
    width,
    seed,
  }: typeof size extends fc.Arbitrary<infer T> ? T : never) =>
    [groups * each, groups, groups].map((heads, i) => numbers(seed + i, [batch, heads, time, width])) as [
      Tensor,
      Tensor,
      Tensor,
    ];

  test("causal is masked with a triangle, as boolean and as something added", () =>
    property(size, async (at) => {
      const [q, k, v] = random3(at);
      const causal = scaledDotProductAttention(q, k, v, { causal: true });
      const mask = causalMask(at.time, at.time);
      await expectClose(scaledDotProductAttention(q, k, v, { mask }), causal);
      const added = zeros([at.time, at.time]).add(mask.astype("f32").sub(1).mul(1e30));
      await expectClose(scaledDotProductAttention(q, k, v, { mask: added }), causal);
    }));

  test("groups are heads whose keys and values are repeated", () =>
    property(size, async (at) => {
      const [q, k, v] = random3(at);
      const whole = scaledDotProductAttention(q, k.repeat(at.each, 1), v.repeat(at.each, 1));
      await expectClose(scaledDotProductAttention(q, k, v), whole);
    }));

  test("rows are means of the values: of equal values, that value", () =>
    property(size, async (at) => {
      const [q, k, v] = random3(at);
      await expectClose(scaledDotProductAttention(q, k, ones(v.shape), { causal: true }), ones(q.shape));
    }));

  test("with a cache it is as without, in pieces of any length", () =>
    property(
      fc.tuple(size, fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }), fc.boolean()),
      async ([at, pieces, turn]) => {
        const heads = at.groups * at.each;
        const width = heads * at.width;
        const layer = new MultiHeadAttention(width, {
          heads,
          groups: at.groups,
          causal: true,
          rotary: turn,
        }).init(at.seed);
        const x = numbers(at.seed + 1, [at.batch, at.time, width]);
        const whole = layer.forward(x);
        let cache = layer.cache(at.batch, at.time + 1);
        let from = 0;
        for (const piece of [...pieces, at.time]) {
          const to = Math.min(at.time, from + piece);
          if (to === from) continue;
          const attended = layer.extend(x.slice([], [from, to]), cache);
          await expectClose(attended.output, whole.slice([], [from, to]), { absolute: 1e-5 });
          cache = attended.cache;
          from = to;
        }
        expect(await cache.length.item()).toBe(at.time);
      },
    ));

  test("second derivatives of a small one are those by differences", async () => {
    const [q, k, v] = [numbers(1, [2, 3, 2]), numbers(2, [1, 3, 2]), numbers(3, [1, 3, 2])];
    for (const options of [{}, { causal: true }, { mask: causalMask(3, 3).logicalNot() }]) {
      const loss = (...all: Tensor[]) =>
        weighed(
          scaledDotProductAttention(all[0] as Tensor, all[1] as Tensor, all[2] as Tensor, options).sin(),
        );
      const first = grad((...all: Tensor[]) => loss(...all), { argnums: [0, 1, 2] });
      await checkGradient((...all) => loss(...all), [q, k, v]);
      await checkGradient(
        (...all) => first(...all).reduce((sum, g) => sum.add(weighed(g)), zeros([])),
        [q, k, v],
      );
    }
  });

  test("a bias learns, and -Infinity in it hides", async () => {
    const [q, k, v] = [numbers(1, [2, 3, 4]), numbers(2, [2, 3, 4]), numbers(3, [2, 3, 4])];
    const bias = tensor([
      [0.5, -1, 2],
      [0, Number.NEGATIVE_INFINITY, 1],
      [1, 1, 1],
    ]);
    const of = (b: Tensor) => weighed(scaledDotProductAttention(q, k, v, { mask: b }));
    const g = await grad(of)(bias).data();
    expect([...g].map(Number.isFinite)).toEqual(new Array(9).fill(true));
    expect(g[4]).toBe(0);
    expect(g[0]).not.toBe(0);
  });

  test("nothing depends on what a boolean mask hides", async () => {
    const layer = new MultiHeadAttention(8, { heads: 2 }).init(0);
    const x = numbers(4, [2, 5, 8]);
    const mask = paddingMask(tensor([3, 5], { dtype: "i32" }), 5);
    const there = arange(5)
      .lt(tensor([3, 5], { dtype: "i32" }).unsqueeze(-1))
      .astype("f32")
      .unsqueeze(-1);
    const other = x.mul(there).add(there.sub(1).mul(100));
    const of = async (y: Tensor) => await layer.forward(y, undefined, { mask }).mul(there).data();
    await expectClose(await of(other), await of(x));
  });
});

describe("dropout", () => {
  const [q, k, v] = [numbers(1, [4, 6, 8]), numbers(2, [4, 6, 8]), ones([4, 6, 8])];
  test("drops shares and keeps their mean", async () => {
    const draw = async (seed: number) =>
      scaledDotProductAttention(q, k, v, { dropout: 0.5, key: random.key(seed) })
        .mean()
        .item();
    const means = await Promise.all(Array.from({ length: 64 }, (_, seed) => draw(seed)));
    expect(new Set(means).size).toBeGreaterThan(60);
    // Each is a mean over 24 rows of weights 0 or 2: the mean of 64 has a deviation of about 0.02.
    expect(Math.abs(means.reduce((a, b) => a + b, 0) / 64 - 1)).toBeLessThan(0.08);
    expect(await draw(3)).toBe(await draw(3));
  });

  test("in a layer only while training", async () => {
    const layer = new MultiHeadAttention(8, { heads: 2, dropout: 0.5 }).init(0);
    const x = numbers(3, [2, 5, 8]);
    const train = () => context({ train: true, key: 1 });
    expect(await layer.forward(x, context()).data()).toEqual(await layer.forward(x).data());
    expect(await layer.forward(x, train()).data()).not.toEqual(await layer.forward(x).data());
    expect(await layer.forward(x, train()).data()).toEqual(await layer.forward(x, train()).data());
    expect(() => layer.forward(x, context({ train: true }))).toThrow(
      "MultiHeadAttention: a random key must be given",
    );
  });
});

describe("rotary and caches", () => {
  test("rotary turns queries and keys of each head", async () => {
    const layer = new MultiHeadAttention(8, {
      heads: 2,
      rotary: { base: 100, pairs: "interleaved" },
      bias: false,
    }).init(0);
    const x = numbers(2, [1, 4, 8]);
    const heads = (w: Tensor) => x.matmul(w).reshape([1, 4, 2, 4]).permute([0, 2, 1, 3]);
    const turned = (w: Tensor) => rotary(heads(w), { base: 100, pairs: "interleaved" });
    const mixed = scaledDotProductAttention(
      turned(layer.query.weight.value),
      turned(layer.key.weight.value),
      heads(layer.value.weight.value),
    );
    const expected = mixed.permute([0, 2, 1, 3]).reshape([1, 4, 8]).matmul(layer.output.weight.value);
    await expectClose(layer.forward(x), expected);
  });

  test("what does not fit in a cache is NaN rather than plausible", async () => {
    const layer = new MultiHeadAttention(4, { heads: 2, causal: true }).init(0);
    const first = layer.extend(numbers(1, [1, 3, 4]), layer.cache(1, 4));
    const second = layer.extend(numbers(2, [1, 2, 4]), first.cache);
    expect([...(await second.output.data())].every(Number.isNaN)).toBe(true);
  });
});

describe("errors", () => {
  const x = (...shape: number[]) => zeros(shape);
  const layer = new MultiHeadAttention(6, { heads: 3, contextWidth: 5 }).init(0);
  const own = new MultiHeadAttention(6, { heads: 3 }).init(0);
  test.each([
    [
      () => scaledDotProductAttention(x(2, 3), x(4, 2), x(4, 2)),
      "q must be [..., heads, queries, width], k [..., groups, keys, width], v [..., groups, keys, valueWidth]; got q f32[2,3], k f32[4,2], v f32[4,2].",
    ],
    [
      () => scaledDotProductAttention(x(1, 2, 3), x(1, 4, 3), x(1, 5, 3)),
      "got q f32[1,2,3], k f32[1,4,3], v f32[1,5,3].",
    ],
    [
      () => scaledDotProductAttention(x(3, 2, 4), x(2, 2, 4), x(2, 2, 4)),
      "scaledDotProductAttention: the heads of k and v must divide those of q; got 2 and 3.",
    ],
    [
      () => scaledDotProductAttention(x(2, 3), x(4, 3), x(4, 3), { mask: x(3, 4) }),
      "scaledDotProductAttention: mask must broadcast to [2,4]; got f32[3,4].",
    ],
    [
      () => scaledDotProductAttention(x(2, 3), x(4, 3), x(4, 3), { mask: zeros([2, 4], "i32") }),
      "scaledDotProductAttention: mask must be bool, or f32 to be added; got i32[1,1,2,4].",
    ],
    [
      () => scaledDotProductAttention(x(2, 3), x(4, 3), x(4, 3), { dropout: 1 }),
      "dropout must be at least 0 and below 1; got 1.",
    ],
    [
      () => scaledDotProductAttention(x(2, 3), x(4, 3), x(4, 3), { dropout: 0.1 }),
      "dropout needs a random key; got none. Pass key: random.key(seed).",
    ],
    [
      () => new MultiHeadAttention(10, { heads: 4 }),
      "MultiHeadAttention: width must be divisible by heads; got 10 and 4.",
    ],
    [
      () => new MultiHeadAttention(12, { heads: 4, groups: 3 }),
      "MultiHeadAttention: heads must be divisible by groups; got 4 and 3.",
    ],
    [
      () => new MultiHeadAttention(12, { heads: 4, rotary: true }),
      "MultiHeadAttention: with rotary the width of a head must be even; got 3.",
    ],
    [
      () => new MultiHeadAttention(12, { heads: 4, dropout: -1 }),
      "MultiHeadAttention: dropout must be at least 0 and below 1; got -1.",
    ],
    [() => own.forward(x(2, 5)), "MultiHeadAttention: input must be [batch, time, 6]; got f32[2,5]."],
    [
      () => layer.forward(x(2, 5, 6), context(), { context: x(2, 4, 6) }),
      "MultiHeadAttention: input must be [batch, time, 6], context [batch, keys, 5]; got f32[2,5,6] and context f32[2,4,6].",
    ],
    [
      () => own.forward(x(2, 5, 6), context(), { mask: x(5, 4) }),
      "MultiHeadAttention: mask must be [5,5], [2,5,5] or [2,3,5,5], or 1 where it is the same for all; got f32[5,4].",
    ],
    [
      () => attentionFromPyTorch({ weight: x(2) }),
      'attentionFromPyTorch: names must be those of nn.MultiheadAttention, as in_proj_weight; got "weight".',
    ],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
  });
});
