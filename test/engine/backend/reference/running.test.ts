/** Plans on the reference device are checked when loaded, and run in the order they were asked for. */
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import { encodeElements } from "../../../../src/engine/ops/index.ts";
import { access, body, buffer, f32, fused, get, input, load, output, planOf, put, scalar } from "./plans.ts";

describe("order of work", () => {
  const countUp = planOf(
    [input(0, f32()), output(0, f32()), buffer({ in: "scalar", index: 0 }, f32())],
    [
      fused(body([load(0), load(1), scalar("add", [0, 1])], ["f32", "f32"], [[2, "f32"]]), {
        loads: [access(0, []), access(2, [])],
        stores: [access(1, [])],
      }),
    ],
    [0],
  );

  it("runs many times over donated memory, letting the event loop turn", async () => {
    const backend = referenceBackend();
    const exe = backend.compile(countUp);
    const id = put(backend, [0], "f32");
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await backend.runMany(exe, [id], [id], [0.5], 20_000);
    clearInterval(timer);
    expect(await get(backend, id, f32())).toEqual([10_000]);
    expect(turns).toBeGreaterThan(0);
  });

  it("keeps reads, writes and runs in the order they were asked for", async () => {
    const backend = referenceBackend();
    const exe = backend.compile(countUp);
    const id = put(backend, [0], "f32");
    const many = backend.runMany(exe, [id], [id], [1], 5_000);
    const first = get(backend, id, f32());
    backend.write(id, encodeElements([100], "f32"));
    backend.run(exe, [id], [id], [1]);
    const second = get(backend, id, f32());
    const again = backend.runMany(exe, [id], [id], [2], 3);
    const third = get(backend, id, f32());
    expect(await Promise.all([first, second, third])).toEqual([[5_000], [101], [107]]);
    await Promise.all([many, again]);
  });

  it("lets a buffer be freed while a run still uses it", async () => {
    const backend = referenceBackend();
    const id = put(backend, [0], "f32");
    const many = backend.runMany(backend.compile(countUp), [id], [id], [1], 1_000);
    backend.free(id);
    await many;
    expect(backend.stats().live).toBe(0);
  });
});

it("checks a plan when it is loaded", () => {
  const bad = planOf(
    [input(0, f32(4)), output(0, f32(4))],
    [
      fused(body([load(0)], ["f32"], [[0, "f32"]]), {
        shape: [4],
        loads: [access(0, [2])],
        stores: [access(1, [1])],
      }),
    ],
  );
  expect(() => referenceBackend().compile(bad)).toThrowErrorMatchingInlineSnapshot(
    `[InternalError: verify: fused 0, segment 0, load 0: elements 0 to 6 do not lie in buffer 0 of 4]`,
  );
});
