/** One image file to pixels. The file is not trusted: it may be damaged, no image, or say that it is larger than memory. */
import { readBytes } from "../../files/index.ts";
import { DataError } from "../../util/index.ts";
import type { ImageSettings } from "./options.ts";

const formats = ["jpeg", "png", "webp", "gif", "heif", "tiff"];
const mostBytes = 2 ** 28;

/**
 * The pixels by rows, u8 [height, width, channels]: turned as its EXIF data says, in sRGB, reduced by Lanczos' filter. Of several
 * pictures in a file the first. Throws FileError or DataError naming the file.
 */
export async function decodeImage(path: string, bytes: number, settings: ImageSettings): Promise<Uint8Array> {
  const { height, width, channels, fit, maxPixels } = settings;
  // Loaded when the first image is: its library is large, and browsers have none.
  const { default: sharp } = await import("sharp");
  const bad = (why: string) => new DataError(`${path}: the image cannot be read (${why}).`);
  if (bytes === 0) throw bad("the file is empty");
  if (bytes > mostBytes) throw bad(`the file has ${bytes} bytes, the most is ${mostBytes}`);
  const file = await readBytes(path, { most: mostBytes });
  try {
    const image = sharp(file, { failOn: "error", limitInputPixels: maxPixels });
    const { format } = await image.metadata();
    // SVG is a program that may name other files; the rest of what sharp reads is no picture.
    if (!formats.includes(format)) throw bad(`it is ${format}, not one of ${formats.join(", ")}`);
    const { data, info } = await image
      .autoOrient()
      .resize(width, height, { fit, background: "black" })
      .flatten({ background: "black" })
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.width !== width || info.height !== height || info.channels !== channels) {
      throw bad(`it came out as ${info.height}x${info.width}x${info.channels}`);
    }
    return data;
  } catch (error) {
    if (error instanceof DataError) throw error;
    const [why = ""] = (error as Error).message.split("\n");
    throw bad(/pixel limit/.test(why) ? `it has more than ${maxPixels} pixels` : why);
  }
}
