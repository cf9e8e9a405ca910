/** jit: what is traced when, what is donated, what is captured, what repeats. */
import { arange, jit, ones, scope, setDefaultDevice, type Tensor, tensor, zeros } from "nabla";
import { describe, expect, test, vi } from "vitest";

describe.each(["reference", "cpu"])("jit on %s", (device) => {
  test("traces once per signature and computes what the function computes", async () => {
    setDefaultDevice(device);
    const body = vi.fn((x: Tensor, y: Tensor) => x.mul(y).add(1).sum());
    const f = jit(body);
    expect(await f(tensor([1, 2, 3]), tensor([4, 5, 6])).item()).toBe(35);
    expect(await f(tensor([0, 0, 1]), tensor([4, 5, 6])).item()).toBe(9);
    expect(body).toHaveBeenCalledTimes(1);
    expect(await f(tensor([2]), tensor([3])).item()).toBe(7);
    expect(body).toHaveBeenCalledTimes(2);
    expect(f.compilations).toBe(2);
  });

  test("numbers are inputs, not part of the key", async () => {
    setDefaultDevice(device);
    const f = jit((x: Tensor, rate: number) => x.mul(rate).sub(rate));
    for (const rate of [0.5, 2, -3]) expect(await f(tensor([1, 3]), rate).array()).toEqual([0, 2 * rate]);
    expect(f.compilations).toBe(1);
  });

  test("strings, booleans and null are part of the key and come through", async () => {
    setDefaultDevice(device);
    const f = jit((x: Tensor, options: { negate: boolean; tag: string | null }) => ({
      y: options.negate ? x.neg() : x.add(0),
      tag: options.tag,
      fixed: 7,
    }));
    const negated = f(tensor([1]), { negate: true, tag: "a" });
    expect(await negated.y.array()).toEqual([-1]);
    expect(negated.tag).toBe("a");
    expect(negated.fixed).toBe(7);
    expect(await f(tensor([1]), { negate: false, tag: null }).y.array()).toEqual([1]);
    expect(f.compilations).toBe(2);
  });

  test("trees go in and come out in their structure", async () => {
    setDefaultDevice(device);
    const f = jit((p: { w: Tensor; layers: Tensor[] }) => ({
      layers: p.layers.map((t) => t.add(p.w)),
      w: p.w,
    }));
    const out = f({ w: tensor(1), layers: [tensor([1, 2]), tensor([[3]])] });
    expect(await out.layers[0]?.array()).toEqual([2, 3]);
    expect(await out.layers[1]?.array()).toEqual([[4]]);
    expect(await out.w.item()).toBe(1);
  });

  test("an object without a prototype is a tree on both sides", async () => {
    setDefaultDevice(device);
    const bare = (x: Tensor): { x: Tensor } => Object.assign(Object.create(null), { x });
    const out = jit((p: { x: Tensor }) => bare(p.x.add(1)))(bare(tensor([1])));
    expect(await out.x.array()).toEqual([2]);
  });

  test("a result that is an argument is a copy, never an alias", async () => {
    setDefaultDevice(device);
    const x = tensor([1, 2]);
    const y = jit((a: Tensor) => a)(x);
    x.dispose();
    expect(await y.array()).toEqual([1, 2]);
  });

  test("donated state is updated in place; reading the old one says where it went", async () => {
    setDefaultDevice(device);
    const step = jit(
      (state: { w: Tensor }, g: Tensor) => [{ w: state.w.sub(g.mul(0.5)) }, g.sum()] as const,
      {
        donate: [0],
        name: "step",
      },
    );
    const first = { w: tensor([1, 2]) };
    const [second, total] = step(first, tensor([2, 4]));
    expect(await second.w.array()).toEqual([0, 0]);
    expect(await total.item()).toBe(6);
    await expect(first.w.data()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DonatedError: f32[2]: its memory was donated to step. Use that call's result, or pass a copy.]`,
    );
    expect(() => step(first, tensor([2, 4]))).toThrow(/donated to step/);
  });

  test("memory that is given away may not be passed twice", () => {
    setDefaultDevice(device);
    const f = jit((a: Tensor, b: Tensor) => a.add(b), { donate: [0], name: "f" });
    const x = tensor([1, 2]);
    expect(() => f(x, x)).toThrowErrorMatchingInlineSnapshot(
      `[DonatedError: f: a donated tensor must not be passed twice; got the same f32[2] again. Pass a copy.]`,
    );
  });

  test("successors are found whatever the order of the keys, and new values of the same signature are taken", async () => {
    setDefaultDevice(device);
    const f = jit((s: { a: Tensor; b: Tensor }, k: number) => ({ b: s.b.add(k), a: s.a.mul(2) }), {
      donate: [0],
    });
    const one = await f.repeat(3, { a: tensor([1]), b: tensor([1]) }, 2);
    expect([await one.a.item(), await one.b.item()]).toEqual([8, 7]);
    const two = f({ b: tensor([5]), a: tensor([4]) }, -1);
    expect([await two.a.item(), await two.b.item()]).toEqual([8, 4]);
    expect(f.compilations).toBe(1);
  });

  test("donation is right when values swap places", async () => {
    setDefaultDevice(device);
    const swap = jit((s: { a: Tensor; b: Tensor }) => ({ a: s.b, b: s.a.add(s.b) }), { donate: [0] });
    let s = { a: tensor([0, 1]), b: tensor([1, 1]) };
    for (let i = 0; i < 5; i++) s = swap(s);
    expect(await s.a.array()).toEqual([5, 8]);
    expect(await s.b.array()).toEqual([8, 13]);
  });

  test("repeat equals calling as often, off the event loop", async () => {
    setDefaultDevice(device);
    const step = jit(
      (s: { a: Tensor; b: Tensor; n: Tensor }, c: Tensor) => [
        { a: s.b, b: s.a.mul(0.5).add(s.b).add(c), n: s.n.add(1) },
        s.a.sum(),
      ],
      {
        donate: [0],
      },
    );
    const start = () => ({ a: tensor([0, 1, 2]), b: tensor([1, 1, 1]), n: tensor(0, { dtype: "i32" }) });
    const c = tensor([0.25, 0.5, 1]);
    let calls = start() as Parameters<typeof step>[0];
    for (let i = 0; i < 100; i++) calls = step(calls, c)[0] as typeof calls;
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const [many, last] = (await step.repeat(100, start(), c)) as [typeof calls, Tensor];
    clearInterval(timer);
    expect(await many.a.array()).toEqual(await calls.a.array());
    expect(await many.b.array()).toEqual(await calls.b.array());
    expect(await many.n.item()).toBe(100);
    expect(Number.isFinite(await last.item())).toBe(true);
  });

  test("repeat refuses state without a successor", async () => {
    setDefaultDevice(device);
    const f = jit((s: Tensor) => s.sum(), { donate: [0], name: "f" });
    await expect(f.repeat(3, ones([4]))).rejects.toThrow(
      /f\.repeat: each tensor of the donated arguments needs a successor/,
    );
  });

  test("captured tensors are read at each call and are never donated", async () => {
    setDefaultDevice(device);
    const scale = tensor([10]).mul(2);
    const f = jit((x: Tensor) => x.mul(scale));
    expect(await f(tensor([1])).array()).toEqual([20]);
    expect(await f(tensor([2])).array()).toEqual([40]);
    scale.dispose();
    expect(() => f(tensor([1]))).toThrow(/freed/);
  });

  test("a compiled function inside another becomes part of it", async () => {
    setDefaultDevice(device);
    const inner = jit((x: Tensor, k: number) => x.mul(k));
    const outer = jit((x: Tensor) => inner(inner(x, 2), 3));
    expect(await outer(tensor([1])).array()).toEqual([6]);
    expect(inner.compilations).toBe(0);
  });

  test("reading a traced tensor, async functions and odd arguments are errors that say what to do", async () => {
    setDefaultDevice(device);
    let escaped: Tensor | undefined;
    jit((x: Tensor) => {
      escaped = x.add(1);
      return x;
    })(tensor([1]));
    await expect(escaped?.data()).rejects.toThrow(/has no value to read \(at .*jit\.test\.ts:\d+:\d+\)/);
    let inside: Promise<unknown> = Promise.resolve();
    jit((x: Tensor) => {
      inside = x.data();
      return x;
    })(tensor([1]));
    await expect(inside).rejects.toThrow(
      /cannot be read inside jit.*f32\[1\] \(at .*jit\.test\.ts:\d+:\d+\)/,
    );
    expect(() => jit(async (x: Tensor) => x)(tensor([1]))).toThrow(/must not be async/);
    expect(() => jit((f: () => void) => f)(() => {})).toThrow(
      /argument 0 must be a tensor, number.*got a function/,
    );
  });

  test("empty tensors pass through", async () => {
    setDefaultDevice(device);
    const out = jit((x: Tensor) => [x.mul(2), x.sum()])(zeros([0, 3])) as [Tensor, Tensor];
    expect(out[0].shape).toEqual([0, 3]);
    expect(await out[1].item()).toBe(0);
  });

  test("a scope frees what it does not return", async () => {
    setDefaultDevice(device);
    let inside: Tensor | undefined;
    const kept = scope(() => {
      inside = tensor([1, 2, 3]);
      return { sum: jit((t: Tensor) => t.sum())(inside) };
    });
    expect(await kept.sum.item()).toBe(6);
    await expect(inside?.data()).rejects.toThrow(/freed/);
  });

  test("a long lazy loop does not build an endless graph", async () => {
    setDefaultDevice(device);
    let x = arange(4);
    for (let i = 0; i < 25_000; i++) x = x.add(1);
    expect(await x.array()).toEqual([25_000, 25_001, 25_002, 25_003]);
  });
});

test("more than eight signatures warn once and name shapes", () => {
  setDefaultDevice("reference");
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const f = jit((x: Tensor) => x.add(1), { name: "grow" });
  for (let n = 1; n <= 12; n++) f(zeros([n]));
  expect(warn).toHaveBeenCalledTimes(1);
  expect(String(warn.mock.calls[0]?.[0])).toMatch(/grow was compiled for 9 signatures.*f32\[9\]/);
  warn.mockRestore();
});
