/** CSV files: what is in them comes out, whatever their dialect; what cannot be read is told with its place. */
import { mkdirSync } from "node:fs";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  type CsvOptions,
  csvChunks,
  readCsv,
  readTable,
  readTsv,
  type Table,
  valueAt,
} from "../../../src/data/index.ts";
import { ConfigError, DataError } from "../../../src/util/index.ts";
import { Folder } from "../workspace.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const utf16 = (text: string, little: boolean): Uint8Array => {
  const out = new DataView(new ArrayBuffer(2 * text.length + 2));
  out.setUint16(0, 0xfeff, little);
  for (let i = 0; i < text.length; i++) out.setUint16(2 + 2 * i, text.charCodeAt(i), little);
  return new Uint8Array(out.buffer);
};
const rows = (table: Table) =>
  Array.from({ length: table.length }, (_, row) => table.columns.map((column) => valueAt(column, row)));
const kinds = (table: Table) => Object.fromEntries(table.columns.map(({ name, kind }) => [name, kind]));

async function problem(text: string | Uint8Array, options: CsvOptions = {}): Promise<string> {
  const error = await readCsv(typeof text === "string" ? bytes(text) : text, options).catch(
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(DataError);
  return (error as Error).message;
}

const simple = "rooms,town\n3,Bern\n5.5,Zürich\n";
const expected = [
  [3, "Bern"],
  [5.5, "Zürich"],
];

describe("dialects", () => {
  test.each<[string, Uint8Array, CsvOptions]>([
    ["plain", bytes(simple), {}],
    ["CRLF", bytes(simple.replaceAll("\n", "\r\n")), {}],
    ["CR", bytes(simple.replaceAll("\n", "\r")), {}],
    ["mixed endings", bytes("rooms,town\r\n3,Bern\n5.5,Zürich"), {}],
    ["a mark of byte order", bytes(`\ufeff${simple}`), {}],
    ["UTF-16, little-endian", utf16(simple, true), {}],
    ["UTF-16, big-endian", utf16(simple, false), {}],
    ["windows-1252", Uint8Array.from(Buffer.from(simple, "latin1")), { encoding: "windows-1252" }],
    ["semicolons", bytes(simple.replaceAll(",", ";")), {}],
    ["tabs", bytes(simple.replaceAll(",", "\t")), {}],
    ["bars", bytes(simple.replaceAll(",", "|")), {}],
    ["empty lines", bytes(`\n${simple.replaceAll("\n", "\n\n")}`), {}],
    ["comments", bytes(`# by hand; really\n${simple}`), { comment: "#" }],
    ["quotes", bytes('"rooms","town"\n"3","Bern"\n"5.5","Zürich"\n'), {}],
    ["another quote", bytes("rooms,town\n3,'Bern'\n5.5,'Zürich'\n"), { quote: "'" }],
  ])("%s", async (_, file, options) => {
    const { table, skipped } = await readCsv(file, options);
    expect(table.names).toEqual(["rooms", "town"]);
    expect(rows(table)).toEqual(expected);
    expect(skipped).toBe(0);
  });

  test("quotes, delimiters and line ends inside of cells", async () => {
    const { table } = await readCsv(bytes('a,b\n"x ""y"", z","1\n2"\n"","q"\n'));
    expect(rows(table)).toEqual([
      ['x "y", z', "1\n2"],
      [null, "q"],
    ]);
  });

  test("without a header, and with columns that have no name", async () => {
    expect((await readCsv(bytes("3,Bern\n5.5,Zürich\n"), { header: false })).table.names).toEqual([
      "column1",
      "column2",
    ]);
    expect((await readCsv(bytes("a,,c\n1,2,3\n"))).table.names).toEqual(["a", "column2", "c"]);
  });

  test("by the file's ending", async () => {
    const tsv = folder.write("a.tsv", "a\tb\n1,5\t2\n");
    expect(rows((await readTable(tsv)).table)).toEqual([["1,5", 2]]);
    expect(rows((await readTsv(tsv)).table)).toEqual([["1,5", 2]]);
    expect(rows((await readTable(folder.write("a.csv", simple))).table)).toEqual(expected);
    await expect(readTable("a.xlsx")).rejects.toThrow(ConfigError);
  });
});

describe("what columns are", () => {
  test.each<[string, string[], string]>([
    ["whole numbers", ["1", "-2", "+3"], "number"],
    ["numbers with spaces, points and exponents", [" 1 ", ".5", "2.", "-1e-3", "1E5"], "number"],
    ["numbers, some missing", ["1", "", "NA", "?", "null"], "number"],
    ["nothing at all", ["", "NA", ""], "number"],
    ["zero and numbers below one", ["0", "0.5", "-0.5"], "number"],
    ["postcodes", ["01234", "12345"], "category"],
    ["hexadecimal", ["0x10", "0x11"], "category"],
    ["decimal commas", ["1,5", "2,5"], "category"],
    ["days", ["2026-01-31", "2024-02-29", "0099-12-31"], "date"],
    ["times", ["2026-01-31T12:00:00Z", "2026-01-31 12:00", "2026-01-31T12:00:00.25+01:00"], "date"],
    ["days that do not exist", ["2026-02-29", "2026-01-01"], "category"],
    ["days in an order that is not said", ["31/01/2026", "01/02/2026"], "category"],
    ["yes and no", ["true", "false", "true"], "category"],
    ["a number among words", ["1", "two"], "category"],
    ["many different strings", Array.from({ length: 60 }, (_, i) => `note ${i}`), "text"],
    ["a long string", ["x".repeat(101), "y"], "text"],
  ])("%s", async (_, cells, kind) => {
    const { table } = await readCsv(bytes(`a;b\n${cells.map((cell) => `${cell};1`).join("\n")}\n`));
    expect(kinds(table).a).toBe(kind);
  });

  test("times are in UTC unless they say otherwise", async () => {
    const { table } = await readCsv(bytes("t\n2026-01-31 12:00\n2026-01-31T12:00:00+01:00\n1969-12-31\n"));
    expect(rows(table)).toEqual([
      ["2026-01-31T12:00:00.000Z"],
      ["2026-01-31T11:00:00.000Z"],
      ["1969-12-31T00:00:00.000Z"],
    ]);
  });

  test("categories are numbered by their characters, whatever the order of the rows", async () => {
    const codes = async (text: string) => (await readCsv(bytes(text))).table.column("a");
    expect(await codes("a\nz\nb\nz\n")).toMatchObject({
      categories: ["b", "z"],
      codes: Int32Array.of(1, 0, 1),
    });
    expect(await codes("a\nb\nz\nz\n")).toMatchObject({
      categories: ["b", "z"],
      codes: Int32Array.of(0, 1, 1),
    });
  });

  test("can be said", async () => {
    const { table } = await readCsv(bytes("zip,n\n01,x\n02,y\n"), { columns: { zip: "number", n: "text" } });
    expect(rows(table)).toEqual([
      [1, "x"],
      [2, "y"],
    ]);
    expect(kinds(table)).toEqual({ zip: "number", n: "text" });
    expect(await problem("a,b\n1,x\n", { columns: { b: "number" } })).toContain(
      'line 2, column "b": must be a number; got "x"',
    );
    expect(await problem("a,b\n1,x\n", { columns: { b: "date" } })).toContain("ISO 8601");
  });

  test("missing markers can be said", async () => {
    const { table } = await readCsv(bytes("a\n1\n-\nNA\n"), { missing: ["-"] });
    expect(rows(table)).toEqual([["1"], [null], ["NA"]]);
  });
});

describe("hostile files", () => {
  test.each<[string, string, string]>([
    ["a short row", "a,b\n1,2\n3\n", "line 3: a row must have as many cells as the first; got 1"],
    ["a long row", "a,b\n1,2\n3,4,5\n", "line 3: a row must have as many cells as the first; got 3"],
    ["a quote not closed", 'a,b\n1,"2\n3,4\n', "a quote must be closed; the file ends within one"],
    ["a quote within a cell", 'a,b\n1,2"3\n', "line 2, column 2: a quote must open at the beginning"],
    ["text after a quote", 'a,b\n1,"2"3\n', "line 2, column 2: after a closing quote the cell must end"],
    ["two columns of one name", "a,b,a\n1,2,3\n", 'columns 1 and 3 are both "a"'],
    ["an empty file", "", "there must be a row; got an empty file"],
    ["empty lines alone", "\n\n", "there must be a row; got an empty file"],
    ["a header alone", "a,b\n", "there must be a row below the header"],
    ["a NUL character", "a,b\n1,\u0000\n", "line 2: must be text; got a NUL character"],
  ])("%s", async (_, text, message) => {
    expect(await problem(text)).toContain(message);
    // The same without all in memory.
    const path = folder.write("hostile.csv", text);
    const error = await all(csvChunks(path)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toContain(path);
  });

  test("a field as long as the file", async () => {
    const text = `a,b\n1,"${"x".repeat(2_000_000)}\n`;
    expect(await problem(text)).toContain("must be shorter than maxRowBytes");
    const { table } = await readCsv(bytes(`a,b\n1,"${"x".repeat(2000)}"\n`), { maxRowBytes: 10_000 });
    expect(String(valueAt(table.column("b"), 0)).length).toBe(2000);
  });

  test("bytes that are no text", async () => {
    const file = Uint8Array.of(...bytes("a,b\n1,2\n3,"), 0xff, ...bytes("\n"));
    expect(await problem(file)).toContain("line 3: must be utf-8 text");
    await expect(all(csvChunks(folder.write("bad.csv", file)))).rejects.toThrow("must be utf-8 text");
  });

  test("the line of a cell after rows of several lines", async () => {
    expect(await problem('a,b\n"x\ny",1\nz,q\n', { columns: { b: "number" } })).toContain("line 4");
  });

  test("bad rows are skipped and counted where that is asked for", async () => {
    const { table, skipped, problems } = await readCsv(bytes("a,b\n1,2\n3\n4,5,6\n7,8\n"), {
      onBadRow: "skip",
    });
    expect(rows(table)).toEqual([
      [1, 2],
      [7, 8],
    ]);
    expect(skipped).toBe(2);
    expect(problems[0]).toContain("line 3");
    expect(problems[1]).toContain("line 4");
  });

  test("a file that is not there, a folder, and one that may not be read", async () => {
    await expect(readCsv(`${folder.path}/none.csv`)).rejects.toThrow("cannot read: it does not exist");
    mkdirSync(`${folder.path}/folder.csv`);
    await expect(readCsv(`${folder.path}/folder.csv`)).rejects.toThrow("it is a folder");
    await expect(all(csvChunks(`${folder.path}/folder.csv`))).rejects.toThrow("it is a folder");
  });

  test("options that do not exist or make no sense", async () => {
    await expect(readCsv(bytes("a\n1\n"), { delimeter: ";" } as CsvOptions)).rejects.toThrow(
      'Did you mean "delimiter"?',
    );
    await expect(readCsv(bytes("a\n1\n"), { columns: { b: "number" } })).rejects.toThrow(
      'there is no column "b"',
    );
    await expect(readCsv(bytes("a\n1\n"), { encoding: "utf-99" })).rejects.toThrow(ConfigError);
    await expect(readCsv(bytes("a\n1\n"), { delimiter: '"', quote: '"' })).rejects.toThrow(ConfigError);
  });

  test("of any bytes only data errors come out", async () => {
    const text = fc.string({
      unit: fc.constantFrom('"', ",", ";", "\n", "\r", "a", "1", "\0", "é", "\ufeff", "#"),
      maxLength: 60,
    });
    const any = fc.oneof(text.map(bytes), fc.uint8Array({ maxLength: 80 }));
    const options = fc.record(
      { onBadRow: fc.constantFrom("skip", "error"), header: fc.boolean(), comment: fc.constant("#") },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(any, options, async (file, how) => {
        await readCsv(file, how as CsvOptions).catch((error: unknown) =>
          expect(error).toBeInstanceOf(DataError),
        );
      }),
      { numRuns: 1000 },
    );
  });
});

describe("round trip", () => {
  test("cells of any text come back, quoted", async () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !text.includes("\0"));
    const tables = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(tables, async (cells) => {
        const file = bytes(`a,b\n${cells.map((row) => row.map(quoted).join(",")).join("\n")}\n`);
        const options = { columns: { a: "text", b: "text" }, missing: [] } as const;
        const { table } = await readCsv(file, { ...options, delimiter: "," });
        expect(rows(table)).toEqual(cells);
      }),
      { numRuns: 300 },
    );
  });

  test("numbers come back to the bit", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }),
        async (numbers) => {
          const { table } = await readCsv(bytes(`a\n${numbers.join("\n")}\n`));
          expect(rows(table).flat()).toEqual(numbers.map((value) => value + 0)); // -0 is written as 0
        },
      ),
      { numRuns: 300 },
    );
  });
});

async function all(chunks: AsyncIterable<Table>): Promise<Table[]> {
  const tables: Table[] = [];
  for await (const table of chunks) tables.push(table);
  return tables;
}

describe("csvChunks", () => {
  const text = `n,town,note\n${Array.from({ length: 1000 }, (_, i) => `${i},${["b", "a", "c"][i % 3]},"row\n${i}"`).join("\n")}\n`;

  test("gives what the whole file has, in parts, and numbers categories alike in all", async () => {
    const path = folder.write("chunks.csv", text);
    const tables = await all(csvChunks(path, { rows: 300, columns: { note: "text" } }));
    expect(tables.map(({ length }) => length)).toEqual([300, 300, 300, 100]);
    const { table } = await readCsv(path, { columns: { note: "text" } });
    expect(tables.flatMap(rows)).toEqual(rows(table));
    expect(
      new Set(tables.map((part) => JSON.stringify(part.column("town")).includes('["b","a","c"]'))),
    ).toEqual(new Set([true]));
  });

  test("reads UTF-16, and can be read again", async () => {
    const chunks = csvChunks(folder.write("chunks16.csv", utf16(text, true)), { rows: 700 });
    const [first, again] = [await all(chunks), await all(chunks)];
    expect(first.map(({ length }) => length)).toEqual([700, 300]);
    expect(again.flatMap(rows)).toEqual(first.flatMap(rows));
  });

  test("a later cell of another kind is told with its line", async () => {
    const path = folder.write("kinds.csv", "n\n1\n2\n3\nfour\n");
    await expect(all(csvChunks(path, { rows: 2 }))).rejects.toThrow(
      'line 5, column "n": must be a number; got "four"',
    );
  });

  test("a loop may be left early, and rows be skipped", async () => {
    const skipped: string[] = [];
    const path = folder.write("skip.csv", "a,b\n1,2\n3\n4,5\n6,7\n");
    for await (const table of csvChunks(path, {
      rows: 2,
      onBadRow: "skip",
      onSkip: (why) => skipped.push(why),
    })) {
      expect(rows(table)).toEqual([
        [1, 2],
        [4, 5],
      ]);
      break;
    }
    expect(skipped[0]).toContain("line 3");
  });
});
