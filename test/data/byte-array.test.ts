/** Bytes that stand for numbers: the same to every reader, whether they have been spread out or not. */
import { beforeEach, describe, expect, it } from "vitest";
import { ByteArray } from "../../src/data/byte-array.ts";
import { Dataset, type HostArray, standardise, toTensor } from "../../src/data/index.ts";

const halves = Float32Array.from({ length: 256 }, (_, value) => value / 2);
const bytes = () => Uint8Array.of(0, 1, 2, 3, 4, 255);
const numbers = Float32Array.of(0, 0.5, 1, 1.5, 2, 127.5);
const plain: HostArray = { dtype: "f32", shape: [3, 2], data: numbers };

describe.each(["compact", "spread"])("%s", (state) => {
  let array: ByteArray;
  beforeEach(() => {
    array = new ByteArray([3, 2], bytes(), halves);
    if (state === "spread") void array.data;
  });

  it("reads as numbers", async () => {
    expect(array.compact).toBe(state === "compact");
    const part = new Float32Array(3);
    array.read(2, part);
    expect(part).toEqual(numbers.subarray(2, 5));
    expect(await toTensor(array).data()).toEqual(numbers);
    expect(array.compact).toBe(state === "compact");
    expect(array.data).toEqual(numbers);
  });

  it("gives rows, standardises and selects as an array of numbers does", () => {
    const y: HostArray = { dtype: "i32", shape: [3], data: Int32Array.of(7, 8, 9) };
    const [mine, theirs] = [new Dataset(array, y), new Dataset(plain, y)];
    const rows = mine.select([2, 0, 2]);
    expect(rows.x.shape).toEqual([3, 2]);
    expect(rows.x.data).toEqual(theirs.select([2, 0, 2]).x.data);
    expect(standardise(mine).apply(mine).x.data).toEqual(standardise(theirs).apply(theirs).x.data);
    expect(String(mine)).toBe("Dataset(x f32[3,2], y i32[3])");
  });
});

it("keeps what is written to its numbers", async () => {
  const array = new ByteArray([3, 2], bytes(), halves);
  array.data[1] = 9;
  expect(array.data[1]).toBe(9);
  expect((await toTensor(array).data())[1]).toBe(9);
});
