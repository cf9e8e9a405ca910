/** heatMap: an attribution in colours over its image, as pixels and as a PNG file. */
import { resolve } from "node:path";
import type { Tensor } from "../../engine/tensor/index.ts";
import { writeFileAtomic } from "../../io/index.ts";
import {
  ConfigError,
  DataError,
  formatShape,
  optionNames,
  rejectUnknown,
  ShapeError,
} from "../../util/index.ts";
import { checkWhole } from "../checks.ts";

export interface HeatMapOptions {
  /** The image beneath, [height, width, channels] or [height, width], from 0 to 1, drawn in grey. Default: white. */
  readonly image?: Tensor;
  /** Pixels for each element along both axes. Default 1. */
  readonly zoom?: number;
  /** The part of values, by size, that is told apart: larger ones have the strongest colour. Default 0.99. */
  readonly quantile?: number;
}

const known = optionNames<HeatMapOptions>({ image: true, zoom: true, quantile: true });

/** Red, green and blue, [height, width, 3] in row-major order. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const red = [202, 0, 32] as const;
const blue = [5, 113, 176] as const;

/**
 * Values [height, width] or [height, width, channels], added over the channels, as colours over the image: red above 0, blue below,
 * the stronger the further from it.
 * @throws ShapeError for other shapes; DataError for a value that is not finite; ConfigError for options out of range.
 * @example await writePicture("why.png", await heatMap(values.index(0), { image: images.index(0), zoom: 8 }));
 */
export async function heatMap(values: Tensor, options: HeatMapOptions = {}): Promise<Picture> {
  rejectUnknown("heatMap", options, known);
  const { image, zoom = 1, quantile = 0.99 } = options;
  checkWhole("heatMap", "zoom", zoom, 1);
  if (!(quantile > 0 && quantile <= 1)) {
    throw new ConfigError(`heatMap: quantile must be above 0 and at most 1; got ${quantile}.`);
  }
  const flat = await plane("values", values, (channels) => channels.sum(-1));
  const [height = 0, width = 0] = values.shape;
  const grey = image === undefined ? null : await plane("image", image, (channels) => channels.mean(-1));
  if (image !== undefined && (image.shape[0] !== height || image.shape[1] !== width)) {
    throw new ShapeError(
      `heatMap: the image must be as large as the values; got ${formatShape(image.shape)} for ${formatShape(values.shape)}.`,
    );
  }
  const sizes = Float32Array.from(flat, Math.abs).sort();
  const most = sizes[Math.ceil(quantile * sizes.length) - 1] || sizes.at(-1) || 1;
  const pixels = new Uint8Array(width * zoom * height * zoom * 3);
  for (let row = 0; row < height * zoom; row++) {
    for (let column = 0; column < width * zoom; column++) {
      const at = Math.floor(row / zoom) * width + Math.floor(column / zoom);
      const value = flat[at] as number;
      const share = Math.min(Math.abs(value) / most, 1);
      const ground = grey === null ? 255 : 255 * Math.min(Math.max(grey[at] as number, 0), 1);
      const colour = value > 0 ? red : blue;
      for (let c = 0; c < 3; c++) {
        const mixed = ground * (1 - share) + (colour[c] as number) * share;
        pixels[(row * width * zoom + column) * 3 + c] = Math.round(mixed);
      }
    }
  }
  return { width: width * zoom, height: height * zoom, pixels };
}

/** The numbers of [height, width], or of [height, width, channels] through `join`. */
async function plane(what: string, x: Tensor, join: (channels: Tensor) => Tensor): Promise<Float32Array> {
  if ((x.ndim !== 2 && x.ndim !== 3) || x.size === 0) {
    throw new ShapeError(
      `heatMap: ${what} must be [height, width] or [height, width, channels]; got ${formatShape(x.shape)}.`,
    );
  }
  const flat = (await (x.ndim === 3 ? join(x.astype("f32")) : x.astype("f32")).data()) as Float32Array;
  const wrong = flat.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    const width = x.shape[1] as number;
    throw new DataError(
      `heatMap: ${what} must be finite; row ${Math.floor(wrong / width)}, column ${wrong % width} is ${flat[wrong]}.`,
    );
  }
  return flat;
}

/** Pictures of one size in rows and columns, with white between them. Throws ShapeError where sizes differ. */
export function contactSheet(rows: readonly (readonly Picture[])[], gap = 4): Picture {
  const first = rows[0]?.[0];
  if (first === undefined) throw new ShapeError("contactSheet: there must be a picture; got none.");
  const { width: wide, height: tall } = first;
  const columns = Math.max(...rows.map((row) => row.length));
  const width = columns * (wide + gap) + gap;
  const height = rows.length * (tall + gap) + gap;
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (const [row, pictures] of rows.entries()) {
    for (const [column, picture] of pictures.entries()) {
      if (picture.width !== wide || picture.height !== tall) {
        throw new ShapeError(
          `contactSheet: pictures must be of one size; got ${wide} x ${tall} and ${picture.width} x ${picture.height}.`,
        );
      }
      for (let y = 0; y < tall; y++) {
        const to = ((gap + row * (tall + gap) + y) * width + gap + column * (wide + gap)) * 3;
        pixels.set(picture.pixels.subarray(y * wide * 3, (y + 1) * wide * 3), to);
      }
    }
  }
  return { width, height, pixels };
}

/** Writes a picture as PNG, whole or not at all. Throws FileError where it cannot be written. */
export async function writePicture(path: string, { width, height, pixels }: Picture): Promise<void> {
  const { default: sharp } = await import("sharp");
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  await writeFileAtomic(resolve(path), png);
}
