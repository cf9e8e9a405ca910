/** Constants, scalars, the arena and what is overwritten, against the reference device, on every instruction set. */
import { describe, expect, it } from "vitest";
import { encodeElements } from "../../../../src/engine/ops/index.ts";
import { agree, devices } from "./agree.ts";
import { aval, BodyMaker, f32, numbers, PlanMaker, runPlan, segment, whole } from "./plans.ts";

describe("what a plan holds", () => {
  it("constants, scalars of every type and arena buffers", async () => {
    const n = 5;
    const maker = new PlanMaker();
    const table = maker.constant(f32(n), [1, 2, 3, 4, 5]);
    const between = maker.arena(f32(n));
    const [rate, steps, flag] = [maker.scalar("f32"), maker.scalar("i32"), maker.scalar("bool")];
    const body = new BodyMaker();
    const product = body.scalar("mul", body.load(), body.load("f32"));
    const count = body.cast(body.load("i32"), "f32");
    body.store(body.scalar("where", body.load("bool"), body.scalar("add", product, count), product));
    const still = (buffer: number) => ({ buffer, offset: 0, strides: [0] });
    maker.step({
      kind: "fused",
      body: body.body(),
      segments: [
        segment([n], 0, [whole(table, [n]), still(rate), still(steps), still(flag)], [whole(between, [n])]),
      ],
    });
    maker.step({ kind: "collective", op: "allReduce", axis: 0, src: between, out: maker.output(f32(n)) });
    await agree(maker.plan(), [], 0, [0.5, -3, 1]);
    await agree(maker.plan(), [], 0, [2, 7, 0]);
  });

  it("random words, counted on and scattered", async () => {
    const n = 1000;
    const maker = new PlanMaker();
    const key = maker.input(aval("u32", 2));
    const body = new BodyMaker();
    const word = body.random(body.load("u32"), body.load("u32"), body.index("u32"));
    body.store(word);
    const loads = [0, 1].map((offset) => ({ buffer: key, offset, strides: [0] }));
    const counters = [
      { offset: 0, strides: [1] },
      { offset: 37, strides: [1] },
      { offset: 4294967000, strides: [1] },
      { offset: 5, strides: [3] },
    ];
    for (const index of counters) {
      const out = maker.output(aval("u32", n));
      maker.step({
        kind: "fused",
        body: body.body(),
        segments: [segment([n], 0, loads, [whole(out, [n])], [index])],
      });
    }
    await agree(maker.plan(), [[0x12345678, 0x9abcdef0]]);
  });
});

it("writes in place of what it reads: one Adam step over several tensors", async () => {
  const sizes = [1, 10, 256, 1000, 30_000];
  const body = new BodyMaker();
  const [p, g, m, v] = [body.load(), body.load(), body.load(), body.load()];
  const [rate, c1, c2] = [body.load(), body.load(), body.load()];
  const mul = (a: number, b: number) => body.scalar("mul", a, b);
  const first = body.scalar("add", mul(body.literal(0.9), m), mul(body.literal(0.1), g));
  const second = body.scalar("add", mul(body.literal(0.999), v), mul(body.literal(0.001), mul(g, g)));
  const root = body.scalar("add", body.scalar("sqrt", body.scalar("div", second, c2)), body.literal(1e-8));
  body.store(body.scalar("sub", p, mul(rate, body.scalar("div", body.scalar("div", first, c1), root))));
  body.store(first);
  body.store(second);
  const maker = new PlanMaker();
  const scalars = [maker.scalar("f32"), maker.scalar("f32"), maker.scalar("f32")];
  const inputs: ArrayLike<number>[] = [];
  const segments = sizes.map((n) => {
    const own = [true, false, true, true].map((donated) => {
      inputs.push(numbers(n, inputs.length + 1).map(donated ? Math.abs : (x) => x));
      return maker.input(f32(n), donated);
    });
    const loads = [
      ...own.map((buffer) => whole(buffer, [n])),
      ...scalars.map((buffer) => ({ buffer, offset: 0, strides: [0] })),
    ];
    const stores = [0, 2, 3].map((which) => whole(own[which] as number, [n]));
    for (const which of [0, 2, 3]) maker.giveBack(own[which] as number);
    return segment([n], 0, loads, stores);
  });
  maker.step({ kind: "fused", body: body.body(), segments });
  await agree(maker.plan(), inputs, 1e-6, [1e-3, 0.1, 0.001]);
});

it("swaps two tensors in place", async () => {
  const n = 300;
  const maker = new PlanMaker();
  const [a, b] = [maker.input(f32(n), true), maker.input(f32(n), true)];
  const body = new BodyMaker();
  const [x, y] = [body.load(), body.load()];
  body.store(y);
  body.store(x);
  maker.step({
    kind: "fused",
    body: body.body(),
    segments: [segment([n], 0, [whole(a, [n]), whole(b, [n])], [whole(a, [n]), whole(b, [n])])],
  });
  maker.giveBack(a);
  maker.giveBack(b);
  for (const [, device] of devices) {
    const { bytes } = await runPlan(device, maker.plan(), [numbers(n, 1), numbers(n, 2)]);
    expect(bytes).toEqual([encodeElements(numbers(n, 2), "f32"), encodeElements(numbers(n, 1), "f32")]);
  }
});
