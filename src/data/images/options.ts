/** How images are read: the size they get, their channels, and what happens to those that cannot be read. */
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import type { ProgressOfImages } from "./progress.ts";

export interface ImageOptions {
  /** Pixels: of both sides, or [height, width]. */
  readonly size: number | readonly [height: number, width: number];
  /** 3 for red, green and blue (default), 1 for grey. What is transparent becomes black. */
  readonly channels?: 1 | 3;
  /** "cover" (default) fills the size and cuts off what is beside its middle, "contain" puts black beside the image, "fill" stretches it. */
  readonly fit?: "cover" | "contain" | "fill";
  /** "error" (default) stops at the first image that cannot be read; "skip" leaves it out, counts it and says why. */
  readonly onBadImage?: "error" | "skip";
  /** The most pixels that a file may say it has; default 100 million. A small file can say it has more than memory holds. */
  readonly maxPixels?: number;
  /** The folder that decoded images are kept in; true: `.nabla` in the folder of the images. Default: none. */
  readonly cache?: boolean | string;
  /** Hears how far reading is; default: a bar on a terminal once a second has passed. */
  readonly onProgress?: (progress: ProgressOfImages) => void;
}

export const imageOptionNames = {
  size: true,
  channels: true,
  fit: true,
  onBadImage: true,
  maxPixels: true,
  cache: true,
  onProgress: true,
} as const satisfies Record<keyof ImageOptions, true>;

/** The options with their defaults, checked. */
export interface ImageSettings {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly fit: "cover" | "contain" | "fill";
  readonly onBadImage: "error" | "skip";
  readonly maxPixels: number;
}

const fits = ["cover", "contain", "fill"] as const;

/** Throws ConfigError for options that are unknown or wrong. */
export function imageSettings(op: string, options: ImageOptions, names: readonly string[]): ImageSettings {
  rejectUnknown(op, options, names);
  const { size, channels = 3, fit = "cover", onBadImage = "error", maxPixels = 100e6 } = options;
  const [height = 0, width = 0] = typeof size === "number" ? [size, size] : Array.isArray(size) ? size : [];
  for (const side of [height, width]) {
    if (!Number.isInteger(side) || side < 1 || side > 16_384) {
      throw new ConfigError(
        `${op}: size must be a whole number from 1 to 16384, or [height, width]; got ${JSON.stringify(size)}.`,
      );
    }
  }
  if (channels !== 1 && channels !== 3) {
    throw new ConfigError(`${op}: channels must be 1 or 3; got ${JSON.stringify(channels)}.`);
  }
  if (!fits.includes(fit)) {
    throw new ConfigError(`${op}: fit must be one of ${fits.join(", ")}; got ${JSON.stringify(fit)}.`);
  }
  if (onBadImage !== "error" && onBadImage !== "skip") {
    throw new ConfigError(`${op}: onBadImage must be "error" or "skip"; got ${JSON.stringify(onBadImage)}.`);
  }
  if (!(Number.isInteger(maxPixels) && maxPixels >= 1)) {
    throw new ConfigError(`${op}: maxPixels must be a whole number of at least 1; got ${String(maxPixels)}.`);
  }
  return { height, width, channels, fit, onBadImage, maxPixels };
}

/** Bytes of `count` images. Throws DataError where no array can hold them. */
export function bytesFor(count: number, { height, width, channels }: ImageSettings): number {
  const bytes = count * height * width * channels;
  if (bytes < 2 ** 32) return bytes;
  throw new DataError(
    `images: ${count} of ${height}x${width}x${channels} take ${(bytes / 2 ** 30).toFixed(1)} GB; 4 GB is the most. Choose a smaller size.`,
  );
}

export const knownOptions = optionNames<ImageOptions>(imageOptionNames);
