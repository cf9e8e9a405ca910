/** Storage accounting: what is live is what is reachable; limits and errors name the culprits. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { jit, memory, ones, setDefaultDevice, setMemoryLimit, type Tensor, tensor, zeros } from "nabla";
import { afterEach, describe, expect, test } from "vitest";

describe.each(["reference", "cpu"])("memory on %s", (device) => {
  afterEach(() => setMemoryLimit(null));
  const live = () => memory()[device]?.live ?? 0;

  test("live bytes follow creation and dispose", async () => {
    setDefaultDevice(device);
    const before = live();
    const x = tensor(new Float32Array(1000));
    expect(live() - before).toBeGreaterThanOrEqual(4000);
    x.dispose();
    x.dispose();
    expect(live()).toBe(before);
    expect(() => x.add(1).dispose()).not.toThrow();
    await expect(x.data()).rejects.toThrow(/freed/);
  });

  test("a training loop holds its state and nothing else", () => {
    setDefaultDevice(device);
    const step = jit((w: Tensor) => w.mul(0.5), { donate: [0] });
    let w = ones([1000]);
    w = step(w);
    const before = live();
    for (let i = 0; i < 1000; i++) w = step(w);
    expect(live()).toBe(before);
    w.dispose();
  });

  test("near the limit a reading loop lets what nobody holds be collected", async () => {
    setDefaultDevice(device);
    const limit = live() + 400_000_000;
    setMemoryLimit(limit);
    // 800 MB in all: it would throw OutOfMemoryError if nothing were collected.
    for (let i = 0; i < 200; i++) await tensor(new Float32Array(1_000_000)).slice([0, 4]).sum().item();
    expect(live()).toBeLessThan(limit);
  }, 120_000);

  test("a loop that only awaits reads frees what was collected, though it never leaves the microtasks", async () => {
    setDefaultDevice(device);
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const tensors = () => memory()[device]?.tensors ?? 0;
    const before = tensors();
    for (let i = 0; i < 2000; i++) await tensor(i).item();
    collect();
    for (let i = 0; i < 2000; i++) await tensor(i).item();
    expect(tensors() - before).toBeLessThan(3000);
  });

  test("running out names the largest tensors", async () => {
    setDefaultDevice(device);
    const big = tensor(new Float32Array(5000));
    setMemoryLimit(live() + 1000);
    await expect(zeros([100, 100]).data()).rejects.toThrow(
      /no room for f32\[100,100\] \(39\.1 KiB\).*the largest: f32\[/,
    );
    big.dispose();
  });
});

test("an unknown device is named with the known ones", () => {
  expect(() => setDefaultDevice("gpu")).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: device: must be one of cpu, reference; got "gpu".]`,
  );
});
