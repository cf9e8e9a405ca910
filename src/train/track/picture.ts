/** Numbers as pictures: rows of image data, and the filters of a first layer. */
import { ByteArray, type Dataset, type HostArray } from "../../data/index.ts";
import type { PngImage } from "../../io/index.ts";

/** Height, width and channels: 1 grey, 3 RGB or 4 RGBA. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/**
 * The shape of rows that are images: [height, width, 1, 3 or 4], or a square of bytes in one row, as those of `mnist`; null for others.
 */
export function imageShape(x: HostArray): ImageShape | null {
  const [, ...shape] = x.shape;
  const [height = 0, width = 0, channels = 0] = shape;
  if (shape.length === 3 && [1, 3, 4].includes(channels) && Math.min(height, width) > 1)
    return [height, width, channels];
  const side = Math.round(Math.sqrt(height));
  return shape.length === 1 && x instanceof ByteArray && side >= 8 && side * side === height
    ? [side, side, 1]
    : null;
}

/** One row of image data; black is the least number in the row and white the greatest. */
export async function rowPicture(data: Dataset, row: number, shape: ImageShape): Promise<PngImage> {
  return picture(Float32Array.from(data.gather(Int32Array.of(row)).x.data), shape);
}

/** Values [height, width, channels] as a PNG; from black to white is from their least to their greatest, or the range given. */
export async function picture(
  values: Float32Array,
  shape: ImageShape,
  range?: readonly [low: number, high: number],
): Promise<PngImage> {
  return encode(stretched(values, range), shape);
}

/** Bytes [height, width, channels] as a PNG. */
export async function encode(bytes: Uint8Array, [height, width, channels]: ImageShape): Promise<PngImage> {
  const { default: sharp } = await import("sharp");
  const raw = { width, height, channels: channels as 1 | 3 | 4 };
  const encoded = sharp(bytes, { raw }).png();
  const png = await (channels === 1 ? encoded.toColourspace("b-w") : encoded).toBuffer();
  return { width, height, channels, png };
}

/** From the least to the greatest value, or over the range given: 0 to 255. What is not finite is black. */
export function stretched(values: Float32Array, range = rangeOf(values)): Uint8Array {
  const [low, high] = range;
  const scale = high > low ? 255 / (high - low) : 0;
  const byte = (value: number) => Math.min(255, Math.max(0, Math.round((value - low) * scale)));
  return Uint8Array.from(values, (value) => (Number.isFinite(value) ? byte(value) : 0));
}

function rangeOf(values: Float32Array): readonly [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

const most = 64; // filters drawn

/** The filters of a convolution, weights [height, width, 1 or 3, filters], side by side; null for other shapes. */
export async function filtersPicture(
  weights: Float32Array,
  shape: readonly number[],
): Promise<PngImage | null> {
  const [height = 0, width = 0, channels = 0, filters = 0] = shape;
  if (shape.length !== 4 || ![1, 3].includes(channels) || Math.min(height, width) < 2) return null;
  const count = Math.min(filters, most);
  const columns = Math.ceil(Math.sqrt(count));
  const wide = columns * (width + 1) - 1;
  const tall = Math.ceil(count / columns) * (height + 1) - 1;
  const values = new Float32Array(wide * tall * channels).fill(Number.NaN); // lines between them
  for (let filter = 0; filter < count; filter++) {
    const [top, left] = [Math.floor(filter / columns) * (height + 1), (filter % columns) * (width + 1)];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < channels; c++) {
          const to = ((top + y) * wide + left + x) * channels + c;
          values[to] = weights[((y * width + x) * channels + c) * filters + filter] as number;
        }
      }
    }
  }
  return picture(values, [tall, wide, channels]);
}
