/** JSON lines and lines of text. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { jsonLinesChunks, lines, readJsonLines, type Table, valueAt } from "../../../src/data/index.ts";
import { ConfigError, DataError } from "../../../src/util/index.ts";
import { Folder } from "../workspace.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const rows = (table: Table) =>
  Array.from({ length: table.length }, (_, row) => table.columns.map((column) => valueAt(column, row)));
async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

describe("readJsonLines", () => {
  test("numbers, strings, booleans, days, and fields that lines lack", async () => {
    const { table } = await readJsonLines(
      bytes(
        '{"n":1,"town":"Bern","ok":true}\n\n{"n":null,"day":"2026-01-31","zip":"0123"}\r\n{"town":"Oslo","n":2.5}',
      ),
    );
    expect(table.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ["n", "number"],
      ["town", "category"],
      ["ok", "category"],
      ["day", "date"],
      ["zip", "category"],
    ]);
    expect(rows(table)).toEqual([
      [1, "Bern", "true", null, null],
      [null, null, null, "2026-01-31T00:00:00.000Z", "0123"],
      [2.5, "Oslo", null, null, null],
    ]);
  });

  test("a string of digits stays a string; mixed values are strings", async () => {
    const { table } = await readJsonLines(bytes('{"a":"12","b":1}\n{"a":"13","b":"x"}'));
    expect(table.columns.map(({ kind }) => kind)).toEqual(["category", "category"]);
    expect(rows(table)).toEqual([
      ["12", "1"],
      ["13", "x"],
    ]);
  });

  test.each<[string, string, string]>([
    ["no JSON", '{"a":1}\n{"a":\n', "line 2: a line must be a JSON object ("],
    ["a list", "[1,2]\n", "line 1: a line must be a JSON object; got a list"],
    ["a number", '{"a":1}\n\n7\n', "line 3: a line must be a JSON object; got 7"],
    ["a nested field", '{"a":1}\n{"a":{"b":1}}\n', 'line 2, column "a": must be a number, a string'],
    ["a list in a field", '{"a":[1]}\n', 'line 1, column "a"'],
    ["nothing", "\n", "there must be a line with a JSON object"],
    ["a NUL character", '{"a":1}\n\0\n', "line 2: must be text"],
  ])("refuses %s", async (_, text, message) => {
    const error = await readJsonLines(bytes(text)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toContain(message);
  });

  test("bad lines are skipped and counted where that is asked for", async () => {
    const { table, skipped, problems } = await readJsonLines(bytes('{"a":1}\nx\n{"a":2}\n'), {
      onBadRow: "skip",
    });
    expect([rows(table).flat(), skipped]).toEqual([[1, 2], 1]);
    expect(problems[0]).toContain("line 2");
  });

  test("the names of an object's own kind are columns like any other", async () => {
    const { table } = await readJsonLines(bytes('{"__proto__":1,"constructor":2}\n{"toString":3}'));
    expect(table.names).toEqual(["__proto__", "constructor", "toString"]);
    expect(rows(table)).toEqual([
      [1, 2, null],
      [null, null, 3],
    ]);
  });

  test("of any bytes only data errors come out", async () => {
    const unit = fc.constantFrom("{", "}", '"', "a", ":", "1", ",", "\n", "[", "]", "null", "\0");
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, maxLength: 40 }), async (text) => {
        await readJsonLines(bytes(text)).catch((error: unknown) => expect(error).toBeInstanceOf(DataError));
      }),
      { numRuns: 1000 },
    );
  });

  test("what JSON.stringify writes comes back", async () => {
    const row = fc.record({
      n: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
      s: fc.option(fc.string({ minLength: 1 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (given) => {
        fc.pre(given.some(({ n }) => n !== null));
        const file = bytes(given.map((value) => JSON.stringify(value)).join("\n"));
        const { table } = await readJsonLines(file, { columns: { s: "text" } });
        expect(rows(table)).toEqual(
          given.map(({ n, s }) => [n === null ? null : n + 0, s === null || s.trim() === "" ? null : s]),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe("jsonLinesChunks", () => {
  const text = Array.from({ length: 250 }, (_, i) =>
    JSON.stringify({ n: i, town: ["b", "a", "c"][i % 3] }),
  ).join("\n");

  test("gives what the whole file has, in parts", async () => {
    const path = folder.write("rows.jsonl", text);
    const tables = await all(jsonLinesChunks(path, { rows: 100 }));
    expect(tables.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(tables.flatMap(rows)).toEqual(rows((await readJsonLines(path)).table));
    expect(tables[2]?.column("town")).toMatchObject({ categories: ["b", "a", "c"] });
  });

  test("a column that comes later is told", async () => {
    const path = folder.write("later.jsonl", `${text}\n{"n":1,"late":2}\n`);
    await expect(all(jsonLinesChunks(path, { rows: 100 }))).rejects.toThrow('"late" comes later');
    expect(() => jsonLinesChunks(path, { rows: 0 })).toThrow(ConfigError);
  });
});

describe("lines", () => {
  test("are those of the text, whatever their endings, across parts of the file", async () => {
    const line = fc.string({ unit: fc.constantFrom("a", "é", "東", " ", "🙂"), maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 30 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        async (given, ending) => {
          const found = await all(lines(folder.write("lines.txt", given.join(ending) + ending)));
          expect(found).toEqual(given);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("of a file longer than what is read at once", async () => {
    const given = Array.from({ length: 200_000 }, (_, i) => `line ${i} 東京`);
    expect(await all(lines(folder.write("long.txt", given.join("\r\n"))))).toEqual(given);
  });

  test("of a file that is not there, or no text", async () => {
    await expect(all(lines(`${folder.path}/none.txt`))).rejects.toThrow("does not exist");
    await expect(all(lines(folder.write("b.txt", Uint8Array.of(65, 10, 0xff, 10))))).rejects.toThrow(
      "must be utf-8 text",
    );
  });
});
