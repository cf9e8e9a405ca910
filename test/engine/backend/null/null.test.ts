import { describe, expect, test } from "vitest";
import { nullBackend, planCounts } from "../../../../src/engine/backend/null/index.ts";
import { compile } from "../../../../src/engine/compile/index.ts";
import { build as b, make } from "../../../../src/engine/ops/index.ts";

const input = (...shape: number[]) => make("input", [], {}, shape, "f32");

describe("the null device", () => {
  test("counts what plans would run, loops once per round", async () => {
    const device = nullBackend();
    const [x, xs] = [input(4), input(5, 4)];
    const [carry, slice] = [input(4), input(4)];
    const body = { params: [carry, slice], outs: [b.add(carry, b.exp(slice))] };
    const loop = make("loop", [x, xs], { body, length: 5, carry: 1, xs: 1, reverse: false });
    const plan = compile({ inputs: [x, xs], outputs: [loop], donated: [false, false] }, device.caps);
    expect(planCounts(plan)).toEqual({
      steps: 6,
      byKind: { fused: 6 },
      segments: 6,
      arenaBytes: plan.arenaBytes,
    });
    const exe = device.compile(plan);
    const inputs = [device.alloc(16), device.alloc(80)];
    device.run(exe, inputs, [device.alloc(16)], []);
    await device.runMany(exe, inputs, [], [], 3);
    expect(device.ran).toEqual({ plans: 4, steps: 24 });
  });

  test("keeps account of memory", async () => {
    const device = nullBackend({ maxBuffersPerKernel: 8 });
    expect(device.caps).toMatchObject({ maxBuffersPerKernel: 8, segments: true });
    const [a, c] = [device.alloc(100), device.alloc(50)];
    device.free(a);
    expect(device.stats()).toEqual({ live: 50, peak: 150, arenas: 0 });
    device.write(c, new Uint8Array(40), 10);
    expect(await device.read(c, 0, 4)).toEqual(new Uint8Array(4));
    expect(() => device.write(c, new Uint8Array(41), 10)).toThrow(
      "null: buffer 2 has 50 bytes; got 41 from 10.",
    );
    expect(() => device.free(a)).toThrow("null: there is no buffer 1; it was freed or never allocated.");
  });

  test("arenas count while a plan is loaded", () => {
    const device = nullBackend();
    const x = input(4, 4);
    const product = make("matmul", [b.exp(x), x], { transposeA: false, transposeB: false });
    const exe = device.compile(compile({ inputs: [x], outputs: [product], donated: [false] }, device.caps));
    expect(device.stats().arenas).toBe(64);
    exe.release();
    exe.release();
    expect(device.stats().arenas).toBe(0);
  });
});
