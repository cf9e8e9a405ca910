/** Streams: every row once, orders by seed and epoch, going on, and what does not fit. */
import fc from "fast-check";
import { type Cursor, dataset, type HostBatch, type Stream, stream } from "nabla/data";
import { describe, expect, it } from "vitest";

const all = (length: number) => Array.from({ length }, (_, row) => row);
const chunk = (rows: readonly number[]): HostBatch =>
  dataset({ x: rows.map((row) => [row, -row]), y: [...rows] });

async function* chunksOf(rows: readonly number[], size: number): AsyncGenerator<HostBatch> {
  for (let from = 0; from < rows.length; from += size) yield chunk(rows.slice(from, from + size));
}

async function labels(
  batches: AsyncIterable<{
    x: { data(): Promise<ArrayLike<number>> };
    y: { data(): Promise<ArrayLike<number>> };
  }>,
): Promise<number[][]> {
  const out: number[][] = [];
  for await (const { x, y } of batches) {
    const [a, b] = [Array.from(await x.data()), Array.from(await y.data())];
    expect(a).toEqual(b.flatMap((label) => [label, -label].map(Math.fround)));
    out.push(b);
  }
  return out;
}

const shards = (count: number, each: number) => ({
  length: count,
  open: (shard: number) =>
    chunksOf(
      all(each).map((row) => shard * each + row),
      3,
    ),
});

it("gives rows in the order they come, in batches that do not follow the chunks", async () => {
  const batches = stream(() => chunksOf(all(7), 3), { batchSize: 2 });
  expect(await labels(batches)).toEqual([[0, 1], [2, 3], [4, 5], [6]]);
  expect(await labels(stream(() => chunksOf(all(7), 3), { batchSize: 2, dropLast: true }))).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  expect(await labels(stream(shards(3, 4), { batchSize: 5 }))).toEqual([all(5), [5, 6, 7, 8, 9], [10, 11]]);
});

it("has every row exactly once, for any size, chunk, batch and buffer", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 50 }),
      fc.nat(99),
      async (rows, size, batchSize, shuffleBuffer, seed) => {
        const made = stream(() => chunksOf(all(rows), size), { batchSize, shuffleBuffer, seed, rows });
        const seen = await labels(made);
        expect(seen.flat().sort((a, b) => a - b)).toEqual(all(rows));
        expect(seen.slice(0, -1).every((batch) => batch.length === batchSize)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

describe("a shuffled stream", () => {
  const make = (seed = 5, from?: Cursor): Stream =>
    stream(shards(6, 10), { batchSize: 8, shuffleBuffer: 16, seed, ...(from && { from }) });

  it("is a function of seed and epoch, and mixes shards", async () => {
    const one = make();
    const [first, second] = [await labels(one), await labels(one)];
    expect(await labels(make().epoch(1))).toEqual(second);
    expect(await labels(make())).toEqual(first);
    expect(await labels(make(6))).not.toEqual(first);
    expect(second).not.toEqual(first);
    expect(new Set(first[0]?.map((row) => Math.floor(row / 10))).size).toBeGreaterThan(1);
  });

  it("goes on from any batch to the same rows", async () => {
    const whole = [...(await labels(make().epoch(0))), ...(await labels(make().epoch(1)))];
    const one = make();
    const states: Cursor[] = [];
    for (let epoch = 0; epoch < 2; epoch++) for await (const _ of one) states.push(one.state());
    expect(states[2]).toEqual({ epoch: 0, batch: 3 });
    for (const done of [1, 5, 9]) {
      const rest = make(5, JSON.parse(JSON.stringify(states[done - 1])));
      expect([...(await labels(rest)), ...(await labels(rest))].slice(0, 16 - done)).toEqual(
        whole.slice(done, 16),
      );
    }
  });
});

it("says what does not fit, and passes on what its chunks throw", async () => {
  const read = (made: Stream) => labels(made);
  await expect(read(stream(() => chunksOf(all(5), 2), { batchSize: 2, rows: 6 }))).rejects.toThrow(
    "the 6 rows that { rows } says; got 5",
  );
  await expect(read(stream(() => chunksOf(all(5), 2), { batchSize: 2, rows: 4 }))).rejects.toThrow(
    "got more",
  );
  await expect(read(stream(() => [], { batchSize: 2 }))).rejects.toThrow("an epoch must have a batch");
  const mixed = () => [chunk([1]), dataset({ x: [[1, 2, 3]], y: [2] })];
  await expect(read(stream(mixed, { batchSize: 2 }))).rejects.toThrow("x has f32[2] and f32[3]");
  const torn = async function* () {
    yield chunk([1, 2]);
    throw new Error("the wire is cut");
  };
  await expect(read(stream(torn, { batchSize: 1 }))).rejects.toThrow("the wire is cut");
  expect(() => stream(torn, { batchSize: 1, bufer: 3 } as never)).toThrow("there is no option");
  expect(() => stream([] as never, { batchSize: 1 })).toThrow("chunks must be a function");
});

it("closes its chunks when the loop is left early", async () => {
  let closed = false;
  const chunks = async function* () {
    try {
      yield* chunksOf(all(100), 4);
    } finally {
      closed = true;
    }
  };
  for await (const _ of stream(chunks, { batchSize: 8, shuffleBuffer: 4 })) break;
  expect(closed).toBe(true);
});
