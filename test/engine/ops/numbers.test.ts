import { describe, expect, it } from "vitest";
import {
  converter,
  decodeElements,
  encodeElements,
  erf,
  f16FromBits,
  f16ToBits,
  randomWord,
  roundBF16,
  roundF16,
} from "../../../src/engine/ops/index.ts";
import { philox } from "../../../src/util/index.ts";

describe("erf", () => {
  // From the C library's erf.
  it.each([
    [1e-300, 1.1283791670955126e-300],
    [1e-9, 1.1283791670955127e-9],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.3, 0.9340079449406524],
    [1.999, 0.9953015566513705],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3.5, 0.9999992569016276],
    [5, 0.9999999999984626],
    [6.5, 1],
  ])("of %f", (x, expected) => {
    expect(Math.abs(erf(x) / expected - 1)).toBeLessThan(1e-15);
    expect(erf(-x)).toBe(-erf(x));
  });

  it("of the ends", () => {
    expect([erf(Number.POSITIVE_INFINITY), erf(Number.NEGATIVE_INFINITY), erf(0)]).toEqual([1, -1, 0]);
    expect(erf(Number.NaN)).toBeNaN();
    expect(Object.is(erf(-0), -0)).toBe(true);
  });
});

describe("philox", () => {
  const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");
  const ones = 0xffffffff;

  // Known answers of Random123 (Salmon et al.).
  it("gives the known answers", () => {
    expect(hex(philox(0, 0, [0, 0, 0, 0]))).toBe("6627e8d5 e169c58d bc57ac4c 9b00dbd8");
    expect(hex(philox(ones, ones, [ones, ones, ones, ones]))).toBe("408f276d 41c83b0e a20bc7c6 6d5451fd");
    expect(hex(philox(0xa4093822, 0x299f31d0, [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]))).toBe(
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    );
  });

  it("lays 64 elements out as 16 blocks", () => {
    const words = Array.from({ length: 130 }, (_, element) => randomWord(1, 2, element));
    expect(words[0]).toBe(philox(1, 2, [0, 0, 0, 0])[0]);
    expect(words[16]).toBe(philox(1, 2, [0, 0, 0, 0])[1]);
    expect(words[63]).toBe(philox(1, 2, [15, 0, 0, 0])[3]);
    expect(words[64]).toBe(philox(1, 2, [16, 0, 0, 0])[0]);
    expect(new Set(words).size).toBe(130);
  });
});

describe("rounding", () => {
  // From PyTorch's casts.
  it("to f16", () => {
    const from = [3.0029296875, 65519, 65520, 1e-8, 6e-8, 3e-8, -1.5 * 2 ** -24, 2049, 2051];
    const to = [3.00390625, 65504, Infinity, 0, 2 ** -24, 2 ** -24, -(2 ** -23)];
    expect(from.map(roundF16)).toEqual([...to, 2048, 2052]);
    expect([Number.NaN, -Infinity, -0].map(roundF16)).toEqual([Number.NaN, -Infinity, -0]);
  });

  it("to bf16", () => {
    const from = [3.0029296875, 65519, 1e-8, 6e-8, 2049, 2051, 3.4e38];
    expect(from.map(roundBF16)).toEqual([
      3,
      65536,
      1.0011717677116394e-8,
      6.007030606269836e-8,
      2048,
      2048,
      Infinity,
    ]);
  });

  it("keeps every f16 there is", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = f16FromBits(bits);
      if (Number.isNaN(value)) expect(f16ToBits(value) & 0x7e00).toBe(0x7e00);
      else expect(f16ToBits(value)).toBe(bits);
    }
  });
});

describe("casts", () => {
  const cast = (from: Parameters<typeof converter>[0], to: typeof from, values: number[]) =>
    values.map(converter(from, to));

  it("float to integer: towards zero, saturating, NaN to 0", () => {
    expect(cast("f32", "i32", [1.9, -1.9, 3e9, -3e9, Number.NaN])).toEqual([
      1, -1, 2147483647, -2147483648, 0,
    ]);
    expect(cast("f32", "u32", [1.9, -1.9, 5e9, Number.NaN])).toEqual([1, 0, 4294967295, 0]);
    expect(cast("f32", "i8", [127.9, 128, -129, 300])).toEqual([127, -128, 127, 44]);
    expect(cast("f32", "u8", [255.9, 256, -1.5, 3e9, -3e9, Number.NaN])).toEqual([255, 0, 255, 255, 0, 0]);
  });

  it("integer to integer: modulo", () => {
    expect(cast("i32", "u32", [-1, 5])).toEqual([4294967295, 5]);
    expect(cast("u32", "i32", [4294967295, 2147483648])).toEqual([-1, -2147483648]);
    expect(cast("i32", "i8", [128, 255, -129])).toEqual([-128, -1, 127]);
    expect(cast("i32", "u8", [128, 256, -1])).toEqual([128, 0, 255]);
    expect(cast("u8", "i8", [128, 255, 7])).toEqual([-128, -1, 7]);
  });

  it("to bool and back", () => {
    expect(cast("f32", "bool", [0, -0, 0.1, Number.NaN])).toEqual([0, 0, 1, 1]);
    expect(cast("bool", "f32", [0, 1])).toEqual([0, 1]);
  });
});

describe("bytes", () => {
  it.each([
    ["f32", [1.5, -0, Number.NaN, Infinity]],
    ["i32", [-1, 2147483647]],
    ["u32", [4294967295, 0]],
    ["bool", [0, 1]],
    ["i8", [-128, 127]],
    ["u8", [0, 255]],
    ["f16", [1.5, -65504, 2 ** -24, Infinity, Number.NaN]],
    ["bf16", [1.5, -3, Infinity, Number.NaN]],
  ] as const)("of %s come back", (dtype, values) => {
    expect([...decodeElements(encodeElements(values, dtype), dtype)]).toEqual([...values]);
  });

  it("are little endian", () => {
    expect([...encodeElements([1], "f32")]).toEqual([0, 0, 0x80, 0x3f]);
    expect([...encodeElements([1], "bf16")]).toEqual([0x80, 0x3f]);
    expect([...encodeElements([1], "f16")]).toEqual([0, 0x3c]);
  });
});
