/** Rows on a device: bytes give the very floats they stand for, on every instruction set, and nothing copies them. */
import { jit, type Tensor, tensor } from "nabla";
import { type HostArray, mnist } from "nabla/data";
import { describe, expect, it } from "vitest";
import { ByteArray } from "../../src/data/byte-array.ts";
import { deviceRows, gatherRows, type Rows } from "../../src/data/rows.ts";
import { requireAddon } from "../../src/engine/backend/cpu/addon.ts";
import { cpuAvailable, cpuBackend } from "../../src/engine/backend/cpu/index.ts";
import { compile } from "../../src/engine/compile/index.ts";
import { build as b } from "../../src/engine/ops/index.ts";
import { getDevice } from "../../src/engine/runtime/index.ts";

const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const table = (of: (byte: number) => number) => Float32Array.from(every, of);
const bits = (values: ArrayLike<number>) => [...new Uint32Array(Float32Array.from(values).buffer)];
const devices = cpuAvailable().ok ? ["cpu", "reference"] : ["reference"];
const native = cpuAvailable().ok;
const gather = (rows: Rows, at: Tensor) => jit(gatherRows)(rows, at);

const tables: [string, "divisor" | "values", Float32Array][] = [
  ["v / 255", "divisor", table((byte) => byte / 255)],
  ["v", "divisor", table((byte) => byte)],
  ["v / 127.5", "divisor", table((byte) => byte / 127.5)],
  ["-v / 3", "divisor", table((byte) => -byte / 3)],
  ["0", "divisor", table(() => 0)],
  ["one bit off", "values", table((byte) => (byte === 77 ? 78 : byte) / 255)],
  ["0 where -0 would be", "values", table((byte) => (byte === 0 ? 0 : -byte / 3))],
  ["standardised", "values", table((byte) => (byte / 255 - 0.1307) / 0.3081)],
  ["a square root", "values", table((byte) => Math.sqrt(byte) - 4)],
];

describe.each(devices)("on %s", (device) => {
  it.each(tables)("%s: all 256 bytes by their %s, bit by bit", async (_name, form, values) => {
    const array = new ByteArray([256, 1], every, values);
    const rows = deviceRows(array, device);
    expect(Object.keys(rows)).toEqual(["bytes", form]);
    const order = Int32Array.from(every, (byte) => 255 - byte);
    const got = await gather(rows, tensor(order, { device })).data();
    expect(bits(got)).toEqual(bits(values.slice().reverse()));
    expect(array.compact).toBe(true);
  });

  it("out of range is what 0 stands for", async () => {
    const array = new ByteArray(
      [2, 2],
      Uint8Array.of(1, 2, 3, 4),
      table((byte) => byte + 0.5),
    );
    const got = await gather(deviceRows(array, device), tensor(Int32Array.of(1, 2, -1), { device })).array();
    expect(got).toEqual([
      [3.5, 4.5],
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
  });

  it("of numbers are the numbers, also those that were bytes", async () => {
    const spread = new ByteArray(
      [3, 2],
      every.slice(0, 6),
      table((byte) => byte / 2),
    );
    spread.data[3] = 9;
    const labels: HostArray = { dtype: "i32", shape: [3], data: Int32Array.of(7, 8, 9) };
    const at = tensor(Int32Array.of(1, 0), { device });
    expect(await gather(deviceRows(spread, device), at).array()).toEqual([
      [1, 9],
      [0, 0.5],
    ]);
    expect(await gather(deviceRows(labels, device), at).array()).toEqual([8, 7]);
  });
});

it.runIf(native)("v / 255 is the same on every instruction set", async () => {
  const params = [b.make("input", [], {}, [256], "u8"), b.make("input", [], {}, [], "f32")] as const;
  const divided = b.div(b.cast(params[0], "f32"), b.expand(b.reshape(params[1], [1]), [256]));
  for (const isa of requireAddon().isas()) {
    for (const catalogue of [false, true]) {
      const backend = cpuBackend({ isa, catalogue, threads: 1 });
      const graph = { inputs: [...params], outputs: [divided], donated: [false, false] };
      const exe = backend.compile(compile(graph, backend.caps));
      const [x, d, out] = [backend.alloc(256), backend.alloc(4), backend.alloc(1024)];
      backend.write(x, every);
      backend.write(d, new Uint8Array(Float32Array.of(255).buffer));
      backend.run(exe, [x, d], [out], []);
      const got = new Uint32Array((await backend.read(out, 0, 1024)).buffer);
      expect([...got], isa).toEqual(bits(table((byte) => byte / 255)));
    }
  }
});

it.runIf(native)("takes no device memory for MNIST's pixels", async () => {
  const { test } = await mnist();
  const { backend } = getDevice("cpu");
  const before = backend.stats().live;
  const rows = deviceRows(test.x, "cpu") as { bytes: { shape: readonly number[] }; divisor: unknown };
  expect(rows.bytes.shape).toEqual([10_000, 784]);
  expect(rows).toHaveProperty("divisor");
  expect(backend.stats().live - before).toBeLessThan(100);
});
