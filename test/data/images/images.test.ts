import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { imageFiles, imageFolder, type ProgressOfImages } from "../../../src/data/index.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nabla-images-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const put = (path: string, bytes: Uint8Array | string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), bytes);
};
/** A picture of one colour. */
const plain = (colour: string, width = 8, height = 8) =>
  sharp({ create: { width, height, channels: 3, background: colour } });
const noisy = (side: number) => {
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, at) => (at * 2654435761) >>> 24);
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
};
const putPlain = async (path: string, colour: string) => put(path, await plain(colour).png().toBuffer());

/** A PNG that says it is of this size and has one line of data. */
function lyingPng(width: number, height: number): Uint8Array {
  const chunk = (name: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(100))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

async function twoClasses() {
  for (let at = 0; at < 5; at++) {
    await putPlain(`dogs/${at}.png`, `rgb(${10 * at}, 200, 0)`);
    await putPlain(`cats/${at}.png`, `rgb(${10 * at}, 0, 200)`);
  }
}

describe("imageFolder", () => {
  test("labels by folder, pixels by rows as red, green, blue in [0, 1]", async () => {
    await twoClasses();
    await putPlain("cats/below/z.png", "rgb(255, 128, 1)");
    put("cats/notes.txt", "no image");
    put(".hidden/x.png", "no image");
    const { train, validation, classes, skipped } = await imageFolder(folder, {
      size: [2, 3],
      validation: 0,
    });
    expect([classes, skipped, validation]).toEqual([["cats", "dogs"], [], undefined]);
    expect(train.x.shape).toEqual([11, 2, 3, 3]);
    expect([...train.y.data]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    const pixel = (row: number) =>
      [...train.x.data.slice(row * 18, row * 18 + 3)].map((v) => Math.round(v * 255));
    expect([pixel(0), pixel(4), pixel(5), pixel(6)]).toEqual([
      [0, 0, 200],
      [40, 0, 200],
      [255, 128, 1],
      [0, 200, 0],
    ]);
    expect(train.x.data[15]).toBe(0);
    expect(train.x.data[16]).toBe(0);
    expect(train.x.data[17]).toBe(Math.fround(200 / 255));
  });

  test("splits by seed, the same way each time", async () => {
    await twoClasses();
    const read = (seed: number) => imageFolder(folder, { size: 1, seed });
    const [one, two, other] = [await read(3), await read(3), await read(4)];
    expect([one.train.length, one.validation?.length]).toEqual([8, 2]);
    expect(two.train.x.data).toEqual(one.train.x.data);
    expect(other.train.x.data).not.toEqual(one.train.x.data);
  });

  test("takes folders of parts as they are, with the classes of train", async () => {
    for (const part of ["train", "val", "test"]) {
      await putPlain(`${part}/b/1.png`, "white");
      if (part !== "test") await putPlain(`${part}/a/1.png`, "black");
    }
    const made = await imageFolder(folder, { size: 1, channels: 1 });
    expect([made.train, made.validation, made.test].map((part) => [...(part?.y.data ?? [])])).toEqual([
      [0, 1],
      [0, 1],
      [1],
    ]);
    expect([...made.train.x.data]).toEqual([0, 1]);
    await putPlain("test/c/1.png", "white");
    await expect(imageFolder(folder, { size: 1 })).rejects.toThrow("c: the class must be in train, too");
  });

  test("fits as asked, drops transparency, turns as the camera was held", async () => {
    const left = { input: await plain("white", 8, 8).png().toBuffer(), left: 0, top: 0 };
    put("a/wide.png", await plain("black", 16, 8).composite([left]).png().toBuffer());
    const read = async (fit: "cover" | "contain" | "fill") =>
      [...(await imageFiles(folder, { size: [4, 4], channels: 1, fit })).x.data].map((v) => Math.round(v));
    const row = (line: number[]) => [...line, ...line, ...line, ...line];
    expect(await read("fill")).toEqual(row([1, 1, 0, 0]));
    expect(await read("cover")).toEqual(row([1, 1, 0, 0]));
    expect(await read("contain")).toEqual([0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
    const clear = { width: 4, height: 4, channels: 4, background: "#ffffff00" } as const;
    put("a/wide.png", await sharp({ create: clear }).png().toBuffer());
    expect(new Set(await read("cover"))).toEqual(new Set([0]));
    const turned = plain("black", 16, 8).composite([left]).withMetadata({ orientation: 6 });
    put("a/wide.png", await turned.png().toBuffer());
    expect(await read("fill")).toEqual([...Array(8).fill(1), ...Array(8).fill(0)]);
  });

  test("says how far it is", async () => {
    await twoClasses();
    const heard: ProgressOfImages[] = [];
    await imageFolder(folder, { size: 1, onProgress: (progress) => heard.push(progress) });
    expect(heard.map(({ done, total }) => [done, total])).toEqual(
      Array.from({ length: 10 }, (_, i) => [i + 1, 10]),
    );
    expect(heard.at(-1)?.secondsLeft).toBe(0);
    expect(heard[0]?.secondsLeft).toBeGreaterThan(0);
  });

  test("names folders that are not there, empty or no folders", async () => {
    const read = (path: string) => imageFolder(join(folder, path), { size: 4 });
    await expect(read("nowhere")).rejects.toThrow(
      "nowhere: cannot list the folder: it does not exist. Check the path.",
    );
    await expect(read("")).rejects.toThrow("must have a folder of images for each class");
    await twoClasses();
    await expect(read("cats/1.png")).rejects.toThrow(
      "1.png: cannot list the folder: a part of the path is a file",
    );
    mkdirSync(join(folder, "birds"));
    await expect(read("")).rejects.toThrow("birds: a class must have an image; got none");
  });

  test("refuses wrong options", async () => {
    const read = (options: object) => imageFolder(folder, { size: 4, ...options } as never);
    await expect(read({ size: 0 })).rejects.toThrow("size must be a whole number from 1 to 16384");
    await expect(read({ size: [4] })).rejects.toThrow("got [4]");
    await expect(read({ channels: 4 })).rejects.toThrow("channels must be 1 or 3; got 4");
    await expect(read({ fits: "fill" })).rejects.toThrow('Did you mean "fit"?');
    await expect(read({ fit: "inside" })).rejects.toThrow("fit must be one of cover, contain, fill");
    await expect(read({ onBadImage: "drop" })).rejects.toThrow('"error" or "skip"; got "drop"');
    await expect(read({ validation: 1 })).rejects.toThrow("validation must be at least 0 and below 1");
    await expect(read({ maxPixels: 0.5 })).rejects.toThrow("maxPixels must be a whole number");
    await expect(imageFiles(folder, { size: 4, seed: 1 } as never)).rejects.toThrow(
      'there is no option "seed"',
    );
  });
});

describe("images that are none", () => {
  const whole = () => noisy(64);
  const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
  const bad: Record<string, () => Promise<Uint8Array> | Uint8Array> = {
    "truncated.png": async () => half(await whole().png().toBuffer()),
    "truncated.jpg": async () => half(await whole().jpeg().toBuffer()),
    "headOnly.webp": async () => (await whole().webp().toBuffer()).subarray(0, 40),
    "text.png": () => Buffer.from("this is no picture"),
    "empty.jpg": () => new Uint8Array(),
    "zeros.png": () => new Uint8Array(5000),
    "lying.png": () => lyingPng(60_000, 60_000),
    "lyingLess.png": () => lyingPng(3000, 3000),
    "huge.png": () => lyingPng(2 ** 31 - 1, 2 ** 31 - 1),
    "vector.png": () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
  };

  test.each(Object.keys(bad))("%s is named, and left out where asked", async (name) => {
    await twoClasses();
    put(`cats/${name}`, await (bad[name] as () => Uint8Array)());
    await expect(imageFolder(folder, { size: 4 })).rejects.toThrow(`${name}: the image cannot be read (`);
    const { train, skipped } = await imageFolder(folder, { size: 4, onBadImage: "skip", validation: 0 });
    expect(train.length).toBe(10);
    expect(train.x.data.every((value) => value <= 1)).toBe(true);
    expect(skipped.map(({ path }) => path)).toEqual([join(folder, "cats", name)]);
    expect([...train.y.data]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  });

  test("more pixels than allowed, by the header alone", async () => {
    put("a/1.png", await plain("white", 20, 20).png().toBuffer());
    await expect(imageFiles(folder, { size: 4, maxPixels: 399 })).rejects.toThrow(
      "it has more than 399 pixels",
    );
    expect((await imageFiles(folder, { size: 4, maxPixels: 400 })).files).toHaveLength(1);
  });

  test("a class of nothing else, and a folder of nothing else, are errors", async () => {
    await twoClasses();
    put("birds/1.png", "none");
    const options = { size: 4, onBadImage: "skip" } as const;
    await expect(imageFolder(folder, options)).rejects.toThrow("birds: no image of the class can be read");
    await expect(imageFiles(join(folder, "birds"), options)).rejects.toThrow("birds: no image can be read");
  });

  test("of many bad ones it is always the first by name", async () => {
    for (let at = 0; at < 20; at++) put(`a/${String(at).padStart(2, "0")}.png`, at % 2 ? "none" : "neither");
    for (let turn = 0; turn < 3; turn++) {
      await expect(imageFiles(folder, { size: 4 })).rejects.toThrow("00.png: the image cannot be read");
    }
  });
});

describe("imageFiles", () => {
  test("reads a folder sorted by path, or files as they are named", async () => {
    await putPlain("b.png", "white");
    await putPlain("a/z.png", "black");
    const all = await imageFiles(folder, { size: 1, channels: 1 });
    expect(all.files).toEqual([join(folder, "a/z.png"), join(folder, "b.png")]);
    expect([...all.x.data]).toEqual([0, 1]);
    const named = await imageFiles([...all.files].reverse(), { size: 1, channels: 1 });
    expect([...named.x.data]).toEqual([1, 0]);
    await expect(imageFiles([join(folder, "no.png")], { size: 1 })).rejects.toThrow(
      "no.png: cannot read: it does not exist",
    );
    await expect(imageFiles([], { size: 1 })).rejects.toThrow("at least one image; got none");
  });
});

describe("the cache", () => {
  const cached = () => readdirSync(join(folder, ".nabla"));
  const read = async (size = 4) => {
    const heard: number[] = [];
    const options = { size, cache: true, validation: 0, onBadImage: "skip" } as const;
    const made = await imageFolder(folder, { ...options, onProgress: ({ done }) => heard.push(done) });
    return { ...made, decoded: heard.length };
  };

  test("gives the same bits without decoding, skipped images told again", async () => {
    await twoClasses();
    put("cats/bad.png", "none");
    const first = await read();
    const second = await read();
    expect([first.decoded, second.decoded]).toEqual([11, 0]);
    expect(second.train.x.data).toEqual(first.train.x.data);
    expect(second.train.y.data).toEqual(first.train.y.data);
    expect(second.skipped).toEqual(first.skipped);
    expect(cached()).toHaveLength(1);
  });

  test("is made anew for files that changed, came or went, and for other options", async () => {
    await twoClasses();
    await read();
    expect((await read(2)).decoded).toBe(10);
    utimesSync(join(folder, "cats/1.png"), 1, 1);
    expect((await read()).decoded).toBe(10);
    await putPlain("cats/new.png", "white");
    expect((await read()).decoded).toBe(11);
    rmSync(join(folder, "cats/new.png"));
    expect((await read()).decoded).toBe(10);
    expect((await read()).decoded).toBe(0);
    expect(cached()).toHaveLength(2);
  });

  test("that is damaged anywhere is told and made anew", async () => {
    await twoClasses();
    const { train } = await read();
    const path = join(folder, ".nabla", cached()[0] as string);
    const good = readFileSync(path);
    const told = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    const flipped = (at: number) => Buffer.from(good).fill((good[at] as number) ^ 4, at, at + 1);
    const damaged = [
      good.subarray(0, good.length - 1),
      good.subarray(0, 20),
      Buffer.alloc(0),
      flipped(good.length - 1),
    ];
    damaged.push(
      Buffer.concat([good, Buffer.alloc(1)]),
      Buffer.from(good.toString("latin1").replace("[0,", "[1,"), "latin1"),
    );
    for (const [turn, bytes] of damaged.entries()) {
      writeFileSync(path, bytes);
      const again = await read();
      expect(again.decoded).toBe(10);
      expect(again.train.x.data).toEqual(train.x.data);
      expect(told).toHaveBeenCalledTimes(turn + 1);
      expect(told.mock.lastCall?.[0]).toContain("the kept images are damaged");
    }
    expect(readFileSync(path)).toEqual(good);
  });

  test("that cannot be written is told, and costs nothing else", async () => {
    await twoClasses();
    put("file", "no folder");
    const told = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    const made = await imageFolder(folder, { size: 2, cache: join(folder, "file", "cache") });
    expect(made.train.length).toBe(8);
    expect(told.mock.lastCall?.[0]).toContain("The decoded images are not kept");
  });
});
