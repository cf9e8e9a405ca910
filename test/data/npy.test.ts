/** NPY and NPZ files: those of NumPy come out as they went in; damaged ones are told. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { loader, openNpy, readNpy, readNpz } from "../../src/data/index.ts";
import { DataError, FileError } from "../../src/util/index.ts";
import { bytesOf, goldens } from "./goldens/files.ts";
import { Folder } from "./workspace.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const golden = (name: string): Uint8Array =>
  bytesOf(goldens.npy.find((file) => file.name === name)?.file ?? "");

/** With the header's text changed to one of the same length. */
function relabelled(name: string, from: string, to: string): Uint8Array {
  const text = Buffer.from(golden(name)).toString("latin1");
  expect(text).toContain(from);
  return Uint8Array.from(Buffer.from(text.replace(from, to.padEnd(from.length)), "latin1"));
}

describe("readNpy", () => {
  test.each(goldens.npy)("$name", async ({ file, shape, values }) => {
    const array = await readNpy(bytesOf(file));
    expect(array.shape).toEqual(shape);
    const expected = values.map(Number);
    expect(Array.from(array.data)).toEqual(array.dtype === "f32" ? expected.map(Math.fround) : expected);
  });

  test.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "must begin with"],
    ["another kind of file", Uint8Array.from(Buffer.from("a,b\n1,2\n")), "must begin with"],
    ["no version", golden("<f4 C").subarray(0, 6), "the NPY version must be 1, 2 or 3"],
    ["a header cut off", golden("<f4 C").subarray(0, 40), "is cut off"],
    ["elements cut off", golden("<f4 C").subarray(0, -1), "take 176 bytes with the header; got 175"],
    ["bytes left over", Uint8Array.of(...golden("<f4 C"), 0), "take 176 bytes with the header; got 177"],
    ["a larger shape", relabelled("<f4 C", "(3, 2, 2)", "(9, 9, 9)"), "[9,9,9] elements of 4 bytes"],
    ["a huge shape", relabelled("<f4 C", "(3, 2, 2), }   ", "(99999999,9e9)}"), "must name descr"],
    [
      "a shape past all numbers",
      relabelled("<f4 C", "(3, 2, 2), }          ", "(999999999,999999999)}"),
      "is damaged",
    ],
    ["objects", relabelled("<f4 C", "'<f4'", "'|O' "), "must be of one of f2, f4"],
    ["records", relabelled("<f4 C", "'<f4'", "[('a"), "must name descr"],
  ])("refuses %s", async (_, bytes, message) => {
    const error = await readNpy(bytes).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toContain(message);
  });

  test("refuses whole numbers that 32 bits do not hold, and says which", async () => {
    const bytes = golden("<i8 C").slice();
    new DataView(bytes.buffer).setBigInt64(bytes.length - 8, 2n ** 40n, true);
    await expect(readNpy(bytes)).rejects.toThrow("must fit in 32 bits with a sign; element 11 does not");
  });

  test("of any bytes, and of files with any byte changed, only data errors come out", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.constantFrom(...goldens.npy), fc.nat(), fc.nat(255)).map(([{ file }, at, byte]) => {
        const changed = bytesOf(file);
        changed[at % changed.length] = byte;
        return changed;
      }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        await readNpy(input).catch((error: unknown) => expect(error).toBeInstanceOf(DataError));
      }),
      { numRuns: 500 },
    );
  });
});

describe("readNpz", () => {
  test.each(["stored", "deflated"] as const)("%s", async (kind) => {
    const { x, y } = await readNpz(bytesOf(goldens.npz[kind]));
    expect([x?.shape, y?.shape]).toEqual([[4, 3], [4]]);
    expect(Array.from(x?.data ?? [])).toEqual(goldens.npz.x);
    expect(Array.from(y?.data ?? [])).toEqual(goldens.npz.y);
  });

  test("of any bytes, and of files with any byte changed, only data errors come out", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom("stored", "deflated" as const), fc.nat(), fc.nat(255))
        .map(([kind, at, byte]) => {
          const changed = bytesOf(goldens.npz[kind as "stored"]);
          changed[at % changed.length] = byte;
          return changed;
        }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        await readNpz(input).catch((error: unknown) => expect(error).toBeInstanceOf(DataError));
      }),
      { numRuns: 500 },
    );
  });
});

describe("openNpy", () => {
  const write = (name: string, golden: string): string => folder.write(name, bytesOf(golden));
  const find = (name: string): string => goldens.npy.find((file) => file.name === name)?.file ?? "";

  test("reads rows where they lie, as the whole file has them", async () => {
    const paths = { x: write("x.npy", find("<f8 C")), y: write("y.npy", find(">i2 C")) };
    const whole = await readNpy(paths.x);
    const source = await openNpy(paths);
    const { x, y } = await source.gather(Int32Array.of(2, 0, 1, 2));
    expect(x.shape).toEqual([4, 2, 2]);
    const row = (i: number) => Array.from(whole.data.subarray(4 * i, 4 * i + 4));
    expect(Array.from(x.data)).toEqual([2, 0, 1, 2].flatMap(row));
    expect(y.dtype).toBe("i32");
    let rows = 0;
    for await (const batch of loader(source, { batchSize: 2 })) rows += batch.size;
    expect(rows).toBe(3);
    await source.close();
  });

  test("refuses unequal lengths, arrays stored by columns, a file that is not there and a folder", async () => {
    const x = write("x.npy", find("<f8 C"));
    await expect(openNpy({ x, y: write("five.npy", find("version 1")) })).rejects.toThrow(
      "must have as many rows",
    );
    await expect(openNpy({ x: write("f.npy", find("<f8 F")), y: x })).rejects.toThrow("ascontiguousarray");
    await expect(openNpy({ x, y: `${folder.path}/none.npy` })).rejects.toThrow("does not exist");
    await expect(openNpy({ x, y: folder.path })).rejects.toThrow(FileError);
  });
});
