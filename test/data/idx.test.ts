import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fashionMnist, mnist, parseIdx, readIdx } from "../../src/data/index.ts";
import { DataError, FileError } from "../../src/util/index.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "nabla-idx-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** An IDX file of the type code with these sizes and element bytes. */
const idx = (type: number, sizes: number[], elements: number[]) =>
  new Uint8Array([
    0,
    0,
    type,
    sizes.length,
    ...sizes.flatMap((size) => [0, 0, size >> 8, size & 255]),
    ...elements,
  ]);

describe("parseIdx", () => {
  it("reads bytes with their shape, as a copy", () => {
    const file = idx(8, [2, 3], [1, 2, 3, 4, 5, 255]);
    const { shape, data } = parseIdx(file, "a");
    expect(shape).toEqual([2, 3]);
    expect(data).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 255));
    file.fill(0);
    expect(data[5]).toBe(255);
  });

  it("reads every element type, big-endian and at any alignment", () => {
    expect(parseIdx(idx(9, [2], [0xff, 1]), "a").data).toEqual(Int8Array.of(-1, 1));
    expect(parseIdx(idx(11, [2], [0xff, 0xfe, 1, 2]), "a").data).toEqual(Int16Array.of(-2, 258));
    expect(parseIdx(idx(12, [1], [0xff, 0xff, 0xff, 0xfd]), "a").data).toEqual(Int32Array.of(-3));
    expect(parseIdx(idx(13, [1], [0x3f, 0xc0, 0, 0]), "a").data).toEqual(Float32Array.of(1.5));
    expect(parseIdx(idx(14, [1], [0xc0, 0x04, 0, 0, 0, 0, 0, 0]), "a").data).toEqual(Float64Array.of(-2.5));
    const shifted = new Uint8Array([9, ...idx(13, [1], [0x3f, 0xc0, 0, 0])]).subarray(1);
    expect(parseIdx(shifted, "a").data[0]).toBe(1.5);
  });

  it("reads no element and a scalar", () => {
    expect(parseIdx(idx(8, [0, 28], []), "a")).toEqual({ shape: [0, 28], data: new Uint8Array(0) });
    expect(parseIdx(idx(8, [], [7]), "a")).toEqual({ shape: [], data: Uint8Array.of(7) });
  });

  it.each([
    [
      "empty",
      new Uint8Array(0),
      "a: an IDX file starts with 4 magic bytes; got 0 bytes. The file is damaged: fetch it again.",
    ],
    [
      "not IDX",
      new TextEncoder().encode("<html>"),
      "a: an IDX file starts with the magic bytes 00 00; got 3c 68 74 6d. Is it an IDX file?",
    ],
    [
      "unknown type",
      idx(10, [1], [0]),
      "a: the IDX element type must be one of 8, 9, 11, 12, 13, 14; got 10. The file is damaged: fetch it again.",
    ],
    [
      "short header",
      idx(8, [1, 2], []).subarray(0, 9),
      "a: the IDX header of 2 dimensions takes 12 bytes; got 9 (truncated). The file is damaged: fetch it again.",
    ],
    [
      "truncated",
      idx(8, [2, 3], [1, 2, 3, 4, 5]),
      "a: 2x3 elements take 18 bytes; got 17 (truncated). The file is damaged: fetch it again.",
    ],
    [
      "too long",
      idx(8, [2], [1, 2, 3]),
      "a: 2 elements take 10 bytes; got 11 (1 bytes left over). The file is damaged: fetch it again.",
    ],
  ])("says what is wrong: %s", (_, bytes, message) => {
    expect(() => parseIdx(bytes, "a")).toThrow(new DataError(message));
  });

  it("of any bytes, and of a file with bytes changed, gives only data errors", () => {
    const changed = fc.tuple(fc.nat(15), fc.nat(255)).map(([at, byte]) => {
      const bytes = idx(8, [2, 2], [1, 2, 3, 4]);
      bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), changed), (bytes) => {
        try {
          const { shape, data } = parseIdx(bytes, "a");
          expect(data.length).toBe(shape.reduce((size, dim) => size * dim, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("is not fooled by sizes whose product overflows", () => {
    const huge = new Uint8Array([0, 0, 8, 3, ...Array.from({ length: 12 }, () => 255)]);
    expect(() => parseIdx(huge, "a")).toThrow("(truncated)");
  });
});

describe("readIdx", () => {
  it("unpacks gzip", async () => {
    const path = join(dir, "labels.gz");
    await writeFile(path, gzipSync(idx(8, [2], [4, 5])));
    expect((await readIdx(path)).data).toEqual(Uint8Array.of(4, 5));
  });

  it("names a missing file, a folder and a broken gzip", async () => {
    await expect(readIdx(join(dir, "none"))).rejects.toThrow(
      new FileError(`${join(dir, "none")}: cannot read: it does not exist. Check the path.`, "ENOENT"),
    );
    await expect(readIdx(dir)).rejects.toThrow("it is a folder");
    const path = join(dir, "broken.gz");
    await writeFile(path, gzipSync(idx(8, [2], [4, 5])).subarray(0, 15));
    await expect(readIdx(path)).rejects.toThrow(`${path}: the gzip data is damaged`);
  });
});

describe("mnist", () => {
  it("loads the whole of MNIST, scaled, from the package", async () => {
    const { train, test } = await mnist();
    expect([train.x.shape, train.y.shape, test.x.shape]).toEqual([[60000, 784], [60000], [10000, 784]]);
    expect(Array.from(train.y.data.subarray(0, 10))).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    // The mean and standard deviation of the training pixels that everybody quotes.
    let sum = 0;
    let squares = 0;
    for (const value of train.x.data) {
      sum += value;
      squares += value * value;
    }
    const mean = sum / train.x.data.length;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(squares / train.x.data.length - mean * mean)).toBeCloseTo(0.3081, 4);
  });

  it("reads a folder, and says what is wrong in it", async () => {
    const write = (name: string, bytes: Uint8Array) => writeFile(join(dir, name), bytes);
    const image = Array.from({ length: 784 }, (_, i) => i & 255);
    for (const part of ["train", "t10k"]) {
      await write(`${part}-images-idx3-ubyte`, idx(8, [1, 28, 28], image));
      await write(`${part}-labels-idx1-ubyte`, idx(8, [1], [3]));
    }
    const { test } = await mnist({ dir });
    expect(test.x.data[51]).toBe(Math.fround(51 / 255));
    expect((await fashionMnist({ dir })).train.y.data).toEqual(Int32Array.of(3));
    await write("t10k-labels-idx1-ubyte", idx(8, [1], [10]));
    await expect(mnist({ dir })).rejects.toThrow("labels must be 0 to 9; row 0 is 10");
    await write("t10k-labels-idx1-ubyte", idx(8, [2], [1, 1]));
    await expect(mnist({ dir })).rejects.toThrow("must hold one byte for each of 1 images; got [2]");
    await write("t10k-images-idx3-ubyte", idx(8, [1, 28, 27], image.slice(28)));
    await expect(mnist({ dir })).rejects.toThrow("must hold bytes of shape [n,28,28]; got [1,28,27]");
    await expect(mnist({ dir: join(dir, "none") })).rejects.toThrow(
      "train-images-idx3-ubyte: cannot read: it does not exist",
    );
  });

  it("finds files that are gzipped and named so", async () => {
    const packed = join(dir, "packed");
    await mkdir(packed);
    for (const part of ["train", "t10k"]) {
      await writeFile(
        join(packed, `${part}-images-idx3-ubyte.gz`),
        gzipSync(idx(8, [1, 28, 28], Array(784).fill(255))),
      );
      await writeFile(join(packed, `${part}-labels-idx1-ubyte.gz`), gzipSync(idx(8, [1], [7])));
    }
    const { train, test } = await fashionMnist({ dir: packed });
    expect([train.x.data[0], test.y.data[0]]).toEqual([1, 7]);
  });
});
