/** The loader's workers: the same bytes for any number of them, errors with the row, and no thread left behind. */
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { type Cursor, type Loader, type LoaderOptions, loader, type RowSource, rowSource } from "nabla/data";
import { afterEach, describe, expect, it } from "vitest";

const module = new URL("./rows-module.ts", import.meta.url);
const source = (name: string, options: unknown = {}, length = 40): RowSource =>
  rowSource({ module, export: name, options, length });

const open: Loader[] = [];
const make = (from: RowSource, options: LoaderOptions): Loader => {
  const made = loader(from, options);
  open.push(made);
  return made;
};
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Batches as bytes, epoch after epoch, `count` in all, with the state after each. */
async function take(batches: Loader, count: number): Promise<{ bytes: string[]; states: Cursor[] }> {
  const bytes: string[] = [];
  const states: Cursor[] = [];
  while (bytes.length < count) {
    for await (const { x, y } of batches) {
      const [a, b] = [await x.data(), await y.data()];
      bytes.push(`${x.shape}|${Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64")}|${b}`);
      states.push(batches.state());
      if (bytes.length === count) break;
    }
  }
  return { bytes, states };
}

const shuffledRows = { batchSize: 4, shuffle: true, seed: 11 } as const;

describe("the same bytes", () => {
  const rows = () => source("noisy", { width: 7 }, 103); // 26 batches an epoch, the last of 3 rows

  it("in the first 100 batches for 0, 1 and 4 workers, which differ from epoch to epoch", async () => {
    const [none, one, four] = await Promise.all(
      [0, 1, 4].map(async (workers) => (await take(make(rows(), { ...shuffledRows, workers }), 100)).bytes),
    );
    expect(none).toHaveLength(100);
    expect(new Set(none).size).toBe(100);
    expect(one).toEqual(none);
    expect(four).toEqual(none);
  });

  it("after going on from any state, with another number of workers", async () => {
    const { bytes, states } = await take(make(rows(), { ...shuffledRows, workers: 2 }), 60);
    expect(states.slice(24, 28)).toEqual([
      { epoch: 0, batch: 25 },
      { epoch: 1, batch: 0 },
      { epoch: 1, batch: 1 },
      { epoch: 1, batch: 2 },
    ]);
    for (const [done, workers] of [
      [1, 0],
      [25, 1],
      [26, 0],
      [40, 3],
    ] as const) {
      const from = JSON.parse(JSON.stringify(states[done - 1])) as Cursor;
      const rest = await take(make(rows(), { ...shuffledRows, workers, from }), 60 - done);
      expect(rest.bytes).toEqual(bytes.slice(done));
    }
  });
});

it("gives every row exactly once an epoch, for any size and batch size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 12 }),
      fc.boolean(),
      fc.boolean(),
      async (length, batchSize, dropLast, shuffle) => {
        const whole = Math.floor(length / batchSize) * batchSize;
        fc.pre(!dropLast || whole > 0);
        const batches = loader(source("throws", { bad: -1 }, length), { batchSize, dropLast, shuffle });
        const seen: number[] = [];
        const sizes: number[] = [];
        for await (const { y, size } of batches) {
          seen.push(...(await y.data()));
          sizes.push(size);
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen.length).toBe(dropLast ? whole : length);
        expect(sizes.slice(0, -1).every((size) => size === batchSize)).toBe(true);
        expect(sizes.length).toBe(batches.length);
      },
    ),
    { numRuns: 40 },
  );
});

describe("errors", () => {
  const failing = async (
    name: string,
    options: LoaderOptions,
  ): Promise<{ message: string; seen: number }> => {
    const batches = make(source(name, { bad: 9 }), options);
    let seen = 0;
    const run = async () => {
      for await (const { size } of batches) seen += size;
    };
    const message = await run().then(
      () => "none",
      (error: Error) => `${error.name}: ${error.message}`,
    );
    return { message, seen };
  };

  it.each([
    ["throws", "DataError: loader: row 9: the picture is torn"],
    ["exits", "DataError: loader: a worker ended at row 9 with exit code 3."],
    ["hangs", "DataError: loader: a worker has not answered for 0.4 s at row 9."],
    ["spins", "DataError: loader: a worker has not answered for 0.4 s at row 9."],
  ])("of a worker that %s name the row and arrive at the loop", async (name, text) => {
    const { message, seen } = await failing(name, {
      batchSize: 4,
      workers: 1,
      timeout: name === "throws" ? 60 : 0.4,
    });
    expect(message).toContain(text);
    expect(seen).toBeLessThanOrEqual(8); // never the batch of row 9, nor one after it
  });

  it("come at their batch, after those before it, from one of several workers", async () => {
    const { message, seen } = await failing("throws", { batchSize: 4, workers: 3 });
    expect(message).toContain("row 9: the picture is torn");
    expect(seen).toBe(8);
  });

  it("name rows of another shape, and modules that are not what they must be", async () => {
    for (const workers of [0, 1]) {
      const reading = async (rows: RowSource) => {
        for await (const _ of make(rows, { batchSize: 4, workers }));
      };
      await expect(reading(source("ragged"))).rejects.toThrow(
        "row 3: x must be f32[2] as in the first row asked for; got f32[3]",
      );
      await expect(reading(source("missing"))).rejects.toThrow('must export a function "missing"');
      await expect(reading(source("opensNothing"))).rejects.toThrow("must give a function (row, at)");
    }
  });

  it("refuse what cannot be", () => {
    expect(() => rowSource({ module: "./rows.ts" as never, length: 3 })).toThrow("must be the URL of a file");
    expect(() => rowSource({ module, length: 0 })).toThrow("length must be a whole number of at least 1");
    const other = { length: 2, gather: () => ({ x: null as never, y: null as never }) };
    expect(() => loader(other, { batchSize: 1, workers: 2 })).toThrow("rowSource({ module })");
    expect(() => loader(source("noisy"), { batchSize: 4, from: { epoch: 0, batch: 11 } })).toThrow(
      "at most the 10 batches",
    );
    expect(() => loader(source("noisy"), { batchSize: 4, worker: 1 } as never)).toThrow('"workers"');
  });
});

it.runIf(process.platform === "linux")(
  "leaves no thread alive: early, on error and after close",
  async () => {
    const threads = () => readdirSync("/proc/self/task").length;
    const rows = () => source("noisy", { width: 3 });
    for await (const _ of loader(rows(), { batchSize: 4 })) break; // what this process needs itself is there
    const before = threads();
    for await (const _ of loader(rows(), { batchSize: 4, workers: 3 })) {
      expect(threads()).toBeGreaterThan(before);
      break;
    }
    expect(threads()).toBeLessThanOrEqual(before);
    const failing = async () => {
      for await (const _ of loader(source("throws", { bad: 5 }), { batchSize: 4, workers: 3 }));
    };
    await expect(failing()).rejects.toThrow("row 5");
    expect(threads()).toBeLessThanOrEqual(before);
    const whole = loader(rows(), { batchSize: 4, workers: 3 });
    for await (const _ of whole);
    expect(threads()).toBeGreaterThan(before);
    await whole.close();
    expect(threads()).toBeLessThanOrEqual(before);
  },
);
