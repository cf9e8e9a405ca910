/** Whatever bytes a file has, it is an image or an error that names it. */

import fc from "fast-check";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { imageFiles } from "../../../src/data/index.ts";
import { DataError } from "../../../src/util/index.ts";
import { Folder } from "../workspace.ts";

const folder = new Folder();
afterAll(() => folder.remove());

test("of any bytes, and of images with bytes changed or cut off, only data errors come out", async () => {
  const pixels = Uint8Array.from({ length: 12 * 12 * 3 }, (_, at) => (at * 2654435761) >>> 24);
  const picture = sharp(pixels, { raw: { width: 12, height: 12, channels: 3 } });
  const good = await Promise.all([
    picture.clone().png().toBuffer(),
    picture.clone().jpeg().toBuffer(),
    picture.clone().webp().toBuffer(),
    picture.clone().gif().toBuffer(),
    picture.clone().tiff().toBuffer(),
  ]);
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  const damaged = fc.tuple(fc.constantFrom(...good), changes, fc.nat()).map(([image, places, cut]) => {
    const bytes = Uint8Array.from(image);
    for (const [at, byte] of places) bytes[at % bytes.length] = byte;
    return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
  });
  let [read, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
        { weight: 4, arbitrary: damaged },
      ),
      async (bytes) => {
        const path = folder.write("a.png", bytes);
        try {
          const { x } = await imageFiles([path], { size: 8 });
          expect(x.shape).toEqual([1, 8, 8, 3]);
          read++;
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
          expect((error as Error).message).toContain(path);
          refused++;
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(Math.min(read, refused)).toBeGreaterThan(0);
});
