/** Lent memory: the device reads the host's bytes in place, never writes to them, and lets go of them when it is told to. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { jit, type Tensor, tensor } from "nabla";
import { describe, expect, it } from "vitest";
import { cpuBackend } from "../../../../src/engine/backend/cpu/index.ts";
import { onBytes } from "../../../../src/engine/tensor/index.ts";
import { BodyMaker, f32, PlanMaker, segment, whole } from "./plans.ts";

const cpu = cpuBackend({ threads: 1 });
const lend = (bytes: Uint8Array) => cpu.lend?.(bytes) ?? null;
const bytesOf = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** out = x + 1, in place where x is donated. */
function increment(donated: boolean) {
  const maker = new PlanMaker();
  const x = maker.input(f32(4), donated);
  const body = new BodyMaker();
  body.store(body.scalar("add", body.load(), body.literal(1)));
  const to = donated ? x : maker.output(f32(4));
  const at = whole(x, [4]);
  maker.step({ kind: "fused", body: body.body(), segments: [segment([4], 0, [at], [whole(to, [4])])] });
  if (donated) maker.giveBack(x);
  return cpu.compile(maker.plan());
}

describe("a lent block", () => {
  it("is read in place, from wherever a word may lie", async () => {
    const room = new Uint8Array(4 + 16 + 4);
    const bytes = room.subarray(4, 20);
    bytes.set(bytesOf(1, 2, 3, 4));
    const { live } = cpu.stats();
    const x = lend(bytes) as number;
    expect(cpu.stats().live).toBe(live);
    const out = cpu.alloc(16);
    cpu.run(increment(false), [x], [out], []);
    expect(new Float32Array((await cpu.read(out, 0, 16)).buffer)).toEqual(Float32Array.of(2, 3, 4, 5));
    expect(await cpu.read(x, 4, 4)).toEqual(bytesOf(2));
    bytes.set(bytesOf(9));
    expect(await cpu.read(x, 0, 4)).toEqual(bytesOf(9));
    expect(lend(room.subarray(1, 17))).toBe(null);
    expect(lend(new Uint8Array(0))).toBe(null);
  });

  it("is not written to by any route", async () => {
    const bytes = bytesOf(1, 2, 3, 4);
    const x = lend(bytes) as number;
    const own = cpu.alloc(16);
    expect(() => cpu.write(x, new Uint8Array(4))).toThrow();
    expect(() => cpu.run(increment(true), [x], [], [])).toThrow(`buffer ${x} is lent, to be read only`);
    expect(() => cpu.run(increment(false), [own], [x], [])).toThrow(`buffer ${x} is lent, to be read only`);
    const bound = cpu.bind?.(increment(false), [x], [own]);
    expect(() => bound?.(new Float32Array(4), new Float32Array(4))).toThrow();
    await expect(cpu.runMany(increment(true), [x], [], [], 2)).rejects.toThrow("lent");
    expect(bytes).toEqual(bytesOf(1, 2, 3, 4));
  });

  it("is kept from collection until it is freed, and its number is used again", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const collect = async () => {
      for (let i = 0; i < 3; i++) {
        gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    let x = -1;
    const watch = (() => {
      const bytes = new Uint8Array(1 << 16).fill(7);
      x = lend(bytes) as number;
      return new WeakRef(bytes);
    })();
    await collect();
    expect(watch.deref()).toBeDefined();
    expect(await cpu.read(x, 65535, 1)).toEqual(Uint8Array.of(7));
    cpu.free(x);
    await collect();
    expect(watch.deref()).toBeUndefined();
    expect(() => cpu.free(x)).toThrow();
    expect(cpu.alloc(8)).toBe(x);
    expect(await cpu.read(x, 0, 8)).toEqual(new Uint8Array(8));
  });

  it("stays until the work in flight is done", async () => {
    const x = lend(bytesOf(1, 2, 3, 4)) as number;
    const out = cpu.alloc(16);
    const running = cpu.runMany(increment(false), [x], [out], [], 20_000);
    cpu.free(x);
    await running;
    expect(new Float32Array((await cpu.read(out, 0, 16)).buffer)[3]).toBe(5);
  });
});

describe("a tensor on lent bytes", () => {
  it("computes, is copied, and cannot be donated", async () => {
    const x = onBytes(Uint8Array.of(1, 2, 255), "u8", [3], "cpu");
    expect(await x.astype("f32").add(1).array()).toEqual([2, 3, 256]);
    expect(await (await x.to("reference")).array()).toEqual([1, 2, 255]);
    const twice = jit((t: Tensor) => t.astype("i32").mul(2).astype("u8"), { donate: [0], name: "twice" });
    expect(() => twice(x)).toThrowErrorMatchingInlineSnapshot(
      `[DonatedError: twice: what is donated must be the device's own memory; got u8[3] on the host's. Pass a copy.]`,
    );
    expect(await twice(tensor([1, 200], { dtype: "u8", device: "cpu" })).array()).toEqual([2, 144]);
    expect(await x.array()).toEqual([1, 2, 255]);
    expect(() => onBytes(new Uint8Array(3), "f32", [1])).toThrow("onBytes: f32[1] takes 4 bytes; got 3.");
    x.dispose();
    await expect(x.data()).rejects.toThrow("its memory was freed");
  });
});
