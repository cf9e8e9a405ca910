import { describe, expect, it } from "vitest";
import { dataset, loader, permutation, type Source } from "../../src/data/index.ts";
import { ConfigError, DataError } from "../../src/util/index.ts";

const rows = (n: number) =>
  dataset({ x: Array.from({ length: n }, (_, i) => [i, 10 * i]), y: Array.from({ length: n }, (_, i) => i) });

async function labels(batches: AsyncIterable<{ y: { array(): Promise<unknown> } }>): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const { y } of batches) out.push(await y.array());
  return out;
}

describe("loader", () => {
  it("gives batches of tensors in the order of the data, the last one smaller", async () => {
    const batches = loader(rows(5), { batchSize: 2 });
    expect(batches.length).toBe(3);
    const seen: unknown[] = [];
    for await (const { x, y, size } of batches) {
      expect([x.dtype, y.dtype]).toEqual(["f32", "i32"]);
      seen.push([size, await x.array(), await y.array()]);
    }
    expect(seen).toEqual([
      [
        2,
        [
          [0, 0],
          [1, 10],
        ],
        [0, 1],
      ],
      [
        2,
        [
          [2, 20],
          [3, 30],
        ],
        [2, 3],
      ],
      [1, [[4, 40]], [4]],
    ]);
  });

  it("drops the last batch on request", async () => {
    const batches = loader(rows(5), { batchSize: 2, dropLast: true });
    expect(batches.length).toBe(2);
    expect(await labels(batches)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it("shuffles anew each epoch, by the seed, and gives any epoch again", async () => {
    const batches = loader(rows(8), { batchSize: 4, shuffle: true, seed: 3 });
    const first = await labels(batches);
    const second = await labels(batches);
    expect(first.flat()).toEqual(Array.from(permutation(8, 3, 0)));
    expect(second.flat()).toEqual(Array.from(permutation(8, 3, 1)));
    expect(await labels(batches.epoch(0))).toEqual(first);
  });

  it.each([0, 1, 3, 100])("gives the same with prefetch %i", async (prefetch) => {
    expect(await labels(loader(rows(7), { batchSize: 2, prefetch }))).toEqual([[0, 1], [2, 3], [4, 5], [6]]);
  });

  it("asks a source ahead while the loop awaits, and no further", async () => {
    const data = rows(10);
    const asked: number[] = [];
    const source: Source = {
      length: 10,
      gather: async (wanted) => {
        asked.push(wanted[0] as number);
        return data.gather(wanted);
      },
    };
    const seen: number[][] = [];
    for await (const _ of loader(source, { batchSize: 2, prefetch: 2 })) {
      await new Promise((done) => setTimeout(done, 5));
      seen.push([...asked]);
    }
    expect(seen).toEqual([
      [0, 2, 4],
      [0, 2, 4, 6],
      [0, 2, 4, 6, 8],
      [0, 2, 4, 6, 8],
      [0, 2, 4, 6, 8],
    ]);
  });

  it("passes on a source's error, at the batch it belongs to", async () => {
    const data = rows(6);
    const source: Source = {
      length: 6,
      gather: (wanted) => {
        if (wanted[0] === 2) throw new DataError("row 2 is gone");
        return data.gather(wanted);
      },
    };
    const seen: number[] = [];
    const run = async () => {
      for await (const { size } of loader(source, { batchSize: 2, prefetch: 3 })) seen.push(size);
    };
    await expect(run()).rejects.toThrow("row 2 is gone");
    expect(seen).toEqual([2]);
  });

  it("may be left early", async () => {
    for await (const { y } of loader(rows(9), { batchSize: 2, prefetch: 4 })) {
      expect(await y.array()).toEqual([0, 1]);
      break;
    }
  });

  it("refuses wrong options", () => {
    expect(() => loader(rows(2), { batchSize: 0 })).toThrow(ConfigError);
    expect(() => loader(rows(2), { batchSize: 1, prefetch: 0.5 })).toThrow(ConfigError);
    expect(() => loader(rows(2), { batchSize: 3, dropLast: true })).toThrow("got 2 rows and batchSize 3");
    expect(() =>
      loader({ length: 0, gather: () => rows(1).gather(Int32Array.of(0)) }, { batchSize: 1 }),
    ).toThrow(DataError);
  });
});
