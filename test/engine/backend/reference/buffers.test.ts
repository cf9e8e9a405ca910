/** What the reference device keeps: bytes as they came, and f64 between plans. */
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import { access, body, buffer, f32, fused, get, input, load, output, planOf, put, scalar } from "./plans.ts";

describe("buffers", () => {
  it("give bytes back as they came, whatever they hold", async () => {
    const backend = referenceBackend();
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 200) & 255);
    const id = backend.alloc(64);
    expect([...(await backend.read(id, 0, 64))]).toEqual(new Array(64).fill(0));
    backend.write(id, bytes);
    backend.write(id, Uint8Array.of(1, 2), 10);
    const got = await backend.read(id, 8, 6);
    expect([...got]).toEqual([bytes[8], bytes[9], 1, 2, bytes[12], bytes[13]]);
    bytes.fill(0); // what was written is a copy
    expect((await backend.read(id, 0, 1))[0]).toBe(200);
  });

  it("keep a NaN's bits when a plan only reads them", async () => {
    const backend = referenceBackend();
    const id = backend.alloc(4);
    backend.write(id, Uint8Array.of(1, 2, 0xc0, 0x7f));
    const plan = planOf(
      [input(0, f32(1)), output(0, f32(1))],
      [
        fused(body([load(0)], ["f32"], [[0, "f32"]]), {
          shape: [1],
          loads: [access(0, [1])],
          stores: [access(1, [1])],
        }),
      ],
    );
    backend.run(backend.compile(plan), [id], [backend.alloc(4)], []);
    expect([...(await backend.read(id, 0, 4))]).toEqual([1, 2, 0xc0, 0x7f]);
  });

  it("keep f64 precision between plans, and are rounded when read", async () => {
    const backend = referenceBackend();
    const third = planOf(
      [input(0, f32(1)), output(0, f32(1))],
      [
        fused(
          body(
            [load(0), { op: "literal", value: 3, dtype: "f32", level: "inner" }, scalar("div", [0, 1])],
            ["f32"],
            [[2, "f32"]],
          ),
          { shape: [1], loads: [access(0, [1])], stores: [access(1, [1])] },
        ),
      ],
    );
    const times = planOf(
      [input(0, f32(1)), output(0, f32(1))],
      [
        fused(
          body(
            [load(0), { op: "literal", value: 1 / 3, dtype: "f32", level: "inner" }, scalar("sub", [0, 1])],
            ["f32"],
            [[2, "f32"]],
          ),
          { shape: [1], loads: [access(0, [1])], stores: [access(1, [1])] },
        ),
      ],
    );
    const [a, b, c] = [put(backend, [1], "f32"), backend.alloc(4), backend.alloc(4)];
    backend.run(backend.compile(third), [a], [b], []);
    expect(await get(backend, b, f32(1))).toEqual([Math.fround(1 / 3)]);
    backend.run(backend.compile(times), [b], [c], []);
    expect(await get(backend, c, f32(1))).toEqual([0]);
  });

  it("are counted", () => {
    const backend = referenceBackend();
    const [a] = [backend.alloc(100), backend.alloc(28)];
    backend.free(a);
    const plan = planOf(
      [input(0, f32(1)), buffer({ in: "arena", offset: 64 }, f32(4)), output(0, f32(1))],
      [
        fused(body([load(0)], ["f32"], [[0, "f32"]]), {
          shape: [1],
          loads: [access(0, [1])],
          stores: [access(2, [1])],
        }),
      ],
    );
    const exe = backend.compile(plan);
    expect(backend.stats()).toEqual({ live: 28, peak: 128, arenas: 160 });
    exe.release();
    exe.release();
    expect(backend.stats().arenas).toBe(0);
    expect(() => backend.run(exe, [backend.alloc(4)], [backend.alloc(4)], [])).toThrow(
      "the plan has been released",
    );
    expect(backend.describe()).toBe("reference (TypeScript, f64 arithmetic)");
  });

  it("refuse what does not fit", async () => {
    const backend = referenceBackend();
    const id = backend.alloc(4);
    expect(() => backend.write(id, new Uint8Array(5))).toThrowErrorMatchingInlineSnapshot(
      `[InternalError: write: 5 bytes at 0 do not fit a buffer of 4]`,
    );
    await expect(backend.read(id, 2, 4)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[InternalError: read: 4 bytes at 2 do not fit a buffer of 4]`,
    );
    expect(() => backend.free(99)).toThrowErrorMatchingInlineSnapshot(
      `[InternalError: reference: there is no buffer 99]`,
    );
    expect(() => backend.alloc(2 ** 60)).toThrowErrorMatchingInlineSnapshot(
      `[OutOfMemoryError: reference: there is no room for 1152921504606847000 bytes; 4 are in use.]`,
    );
    backend.free(id);
    expect(() => backend.write(id, new Uint8Array(1))).toThrowErrorMatchingInlineSnapshot(
      `[InternalError: reference: there is no buffer 1]`,
    );
  });
});
