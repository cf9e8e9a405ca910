import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors, type SafeTensor } from "../../src/io/safetensors.ts";

const join = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const f32 = (...values: number[]): SafeTensor => ({
  dtype: "F32",
  shape: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

/** A file with any header text and data. */
function file(header: string, data: number[] = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(text.length), true);
  return join([size, text, Uint8Array.from(data)]);
}

describe("safetensors", () => {
  it("writes what the format's description says", () => {
    const bytes = join(encodeSafetensors(new Map([["w", f32(1, 2)]]), { made: "here" }));
    const size = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(size % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)))).toEqual({
      __metadata__: { made: "here" },
      w: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    });
    expect(new Float32Array(bytes.slice(8 + size).buffer)).toEqual(Float32Array.of(1, 2));
  });

  it("reads back what it wrote, bit by bit, in any order of insertion", () => {
    const tensor = fc
      .tuple(
        fc.constantFrom("F32", "I32", "U32", "BOOL", "F16", "I8", "U8"),
        fc.array(fc.nat(4), { maxLength: 3 }),
        fc.nat(255),
      )
      .map(([dtype, shape, byte]): SafeTensor => {
        const width = { F32: 4, I32: 4, U32: 4, BOOL: 1, F16: 2, I8: 1, U8: 1 }[dtype] as number;
        const size = shape.reduce((a, b) => a * b, 1) * width;
        return { dtype: dtype as SafeTensor["dtype"], shape, bytes: new Uint8Array(size).fill(byte) };
      });
    const name = fc
      .string()
      .filter(
        (text) =>
          text !== "__metadata__" && new TextDecoder().decode(new TextEncoder().encode(text)) === text,
      );
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 }),
        (entries) => {
          const bytes = join(encodeSafetensors(new Map(entries)));
          expect(join(encodeSafetensors(new Map([...entries].reverse())))).toEqual(bytes);
          const { tensors } = decodeSafetensors(bytes, "f");
          expect(tensors.size).toBe(entries.length);
          for (const [key, value] of entries) expect(tensors.get(key)).toEqual(value);
        },
      ),
    );
  });

  const w = (extra: object) =>
    JSON.stringify({ w: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...extra } });
  it.each<[string, Uint8Array, string]>([
    ["empty", new Uint8Array(0), "must start with an 8-byte header size; got 0 bytes"],
    [
      "huge header",
      new Uint8Array(8).fill(255),
      "the header must be at most 100000000 bytes; got 18446744073709551615",
    ],
    ["short header", file("{}").subarray(0, 9), "the header takes 2 bytes; got 1 (truncated)"],
    ["not JSON", file("{"), "the header must be JSON in UTF-8"],
    ["not UTF-8", join([file("").fill(1, 0, 1), Uint8Array.of(0xff)]), "the header must be JSON in UTF-8"],
    ["not an object", file("[]"), "the header must be a JSON object"],
    ["bad entry", file('{"w":1}'), "w must be described by an object"],
    ["bad dtype", file(w({ dtype: "F31" }), [0, 0, 0, 0]), 'w has the unknown dtype "F31"'],
    [
      "dtype of the prototype",
      file(w({ dtype: "toString" }), [0, 0, 0, 0]),
      'w has the unknown dtype "toString"',
    ],
    [
      "negative shape",
      file(w({ shape: [-1] }), [0, 0, 0, 0]),
      "the shape of w must be a list of whole numbers",
    ],
    [
      "bad offsets",
      file(w({ data_offsets: [0] }), [0, 0, 0, 0]),
      "data_offsets of w must be two whole numbers",
    ],
    [
      "swapped offsets",
      file(w({ data_offsets: [4, 0] }), [0, 0, 0, 0]),
      "data_offsets of w must be in order; got 4 and 0",
    ],
    ["size", file(w({ shape: [2] }), [0, 0, 0, 0]), "w F32[2] takes 8 bytes; got 4"],
    [
      "overflowing shape",
      file(w({ shape: [2 ** 40, 2 ** 40] }), [0, 0, 0, 0]),
      "w F32[1099511627776,1099511627776] takes 4.835703278458517e+24 bytes",
    ],
    ["truncated", file(w({}), [0, 0]), "w ends at byte 4 of 2 (truncated)"],
    ["left over", file(w({}), [0, 0, 0, 0, 9]), "bytes 4 to 5 belong to no tensor"],
    ["gap", file(w({ data_offsets: [1, 5] }), [0, 0, 0, 0, 0]), "bytes 0 to 1 belong to no tensor"],
    ["metadata", file('{"__metadata__":{"a":1}}'), "__metadata__ must be an object of strings"],
    [
      "overlap",
      file(
        '{"a":{"dtype":"I8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"I8","shape":[2],"data_offsets":[2,4]}}',
        [1, 2, 3, 4],
      ),
      "b overlaps the tensor before it, at byte 2",
    ],
  ])("refuses a damaged file: %s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, "f")).toThrow(`f: ${message}`);
  });

  it("throws DataError and nothing else on any damaged byte", () => {
    const bytes = join(
      encodeSafetensors(
        new Map([
          ["a", f32(1, 2)],
          ["b", f32(3)],
        ]),
      ),
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, end) => {
        const damaged = bytes.slice(0, Math.max(end, 1));
        damaged[at % damaged.length] = value;
        try {
          for (const { dtype, shape, bytes: data } of decodeSafetensors(damaged, "f").tensors.values()) {
            expect([dtype.length > 0, shape.length >= 0, data.length >= 0]).toEqual([true, true, true]);
          }
        } catch (error) {
          expect((error as Error).name).toBe("DataError");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("refuses to write wrong sizes and the reserved name", () => {
    expect(() => encodeSafetensors(new Map([["w", { ...f32(1), shape: [2] }]]))).toThrow(
      "w F32[2] takes 8 bytes; got 4",
    );
    expect(() => encodeSafetensors(new Map([["__metadata__", f32(1)]]))).toThrow(
      "no tensor may be named __metadata__",
    );
  });
});
