/** Parquet files of pyarrow come out as they went in, whatever their compression; damaged ones are told. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parquetChunks, readParquet, type Table, valueAt } from "../../../src/data/index.ts";
import { ConfigError, DataError } from "../../../src/util/index.ts";
import { bytesOf, goldens } from "../goldens/files.ts";

const rows = (table: Table) =>
  Array.from({ length: table.length }, (_, row) => table.columns.map((column) => valueAt(column, row)));

/** As test/data/goldens/generate.py has it. */
const day = "2026-01-31T00:00:00.000Z";
const time = "2026-01-31T12:30:00.250Z";
const expected = [
  [1.5, 1.5, 1, 1, "true", "Bern", "a", day, time],
  [null, null, 2 ** 53, 255, "false", "Oslo", "b", null, time],
  [-2.25, -2.25, null, null, null, null, null, day, time],
  [1e300, 8, -5, 5, "true", "Bern", "a", day, time],
  [0, 0, 0, 0, "true", "Zürich", "b", day, time],
  [3, 3, 3, 3, "false", "東京", "b", "1969-12-31T00:00:00.000Z", null],
];
const names = ["f64", "f32", "i64", "u8", "flag", "town", "coded", "day", "time"];
const file = (kind = "snappy 2.6"): Uint8Array => bytesOf(goldens.parquet[kind] ?? "");

describe("readParquet", () => {
  test.each(Object.keys(goldens.parquet))("%s", async (kind) => {
    const table = await readParquet(file(kind));
    expect(table.names).toEqual(names);
    expect(rows(table)).toEqual(expected);
  });

  test("some columns, of kinds that are said", async () => {
    const table = await readParquet(file(), { only: ["u8", "town"], columns: { u8: "category" } });
    expect(table.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ["u8", "category"],
      ["town", "category"],
    ]);
  });

  test("by row groups, with categories numbered alike", async () => {
    const parts: Table[] = [];
    for await (const part of parquetChunks(file())) parts.push(part);
    expect(parts.map(({ length }) => length)).toEqual([4, 2]);
    expect(parts.flatMap(rows)).toEqual(expected);
    expect(parts[1]?.column("town")).toMatchObject({ categories: ["Bern", "Oslo", "Zürich", "東京"] });
  });

  test("refuses lists, naming row and column; they can be left out", async () => {
    const nested = bytesOf(goldens.nested);
    await expect(readParquet(nested)).rejects.toThrow('row 1, column "b"');
    expect(rows(await readParquet(nested, { only: ["a"] }))).toEqual([[1], [2]]);
  });

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["text", Uint8Array.from(Buffer.from("a,b\n1,2\n"))],
    ["half a file", file().subarray(0, 600)],
    ["a file without its beginning", file().subarray(100)],
    [
      "a metadata length past the file",
      Uint8Array.of(...file().subarray(0, -8), 0xff, 0xff, 0xff, 0x7f, 80, 65, 82, 49),
    ],
  ])("refuses %s", async (_, bytes) => {
    await expect(readParquet(bytes)).rejects.toThrow(DataError);
  });

  test("refuses columns that do not exist", async () => {
    await expect(readParquet(file(), { only: ["twon"] })).rejects.toThrow('Did you mean "town"?');
    await expect(readParquet(file(), { onyl: [] } as object)).rejects.toThrow(ConfigError);
  });

  test("of files with bytes changed only data errors come out", async () => {
    const kinds = Object.keys(goldens.parquet);
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...kinds), changes, async (kind, places) => {
        const changed = file(kind);
        for (const [at, byte] of places) changed[at % changed.length] = byte;
        await readParquet(changed).catch((error: unknown) => expect(error).toBeInstanceOf(DataError));
      }),
      { numRuns: 12 }, // each starts a thread
    );
  });

  test("a file that keeps the decoder busy for ever, and one that makes it throw where nobody catches, are told", async () => {
    const changed = (kind: string, places: readonly (readonly [number, number])[]): Uint8Array => {
      const bytes = file(kind);
      for (const [at, byte] of places) bytes[at] = byte;
      return bytes;
    };
    const busy = changed("snappy 2.6", [
      [885, 204],
      [1680, 149],
    ]);
    await expect(readParquet(busy)).rejects.toThrow("decoding it took more than 10 s");
    const thrown = changed("gzip 1.0", [
      [4357, 180],
      [3204, 138],
    ]);
    await expect(readParquet(thrown)).rejects.toThrow(DataError);
  });
});
