/** Decoded images kept in a file, for as long as neither the image files nor the options change. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { ensureFolder, isMissing, readBytes, writeFileAtomic } from "../../files/index.ts";
import type { Decoded } from "./decode-all.ts";
import { type ImageFile, pathWithin } from "./list.ts";
import type { ImageSettings } from "./options.ts";

const headerSchema = z.strictObject({
  format: z.literal("nabla-images-1"),
  key: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  rows: z.array(z.int()),
  skipped: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
});

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const mostHeader = 2 ** 28;

/** Where the images of a folder are kept with these settings, and what tells whether they are still the same. */
export class ImageCache {
  readonly path: string;
  readonly #key: string;

  constructor(
    readonly folder: string,
    root: string,
    readonly files: readonly ImageFile[],
    readonly settings: ImageSettings,
  ) {
    this.path = join(folder, `images-${sha256(JSON.stringify([root, settings])).slice(0, 16)}.bin`);
    const listed = files.map(({ path, bytes, modified }) => [pathWithin(root, path), bytes, modified]);
    this.#key = sha256(JSON.stringify([settings, listed]));
  }

  /** What was kept; null where there is nothing, or what there is was made of other files. A damaged file is told and taken for none. */
  async read(): Promise<Decoded | null> {
    let file: Uint8Array;
    try {
      file = await readBytes(this.path);
    } catch (error) {
      if (isMissing(error)) return null;
      return this.#damaged((error as Error).message);
    }
    const end = file.subarray(0, mostHeader).indexOf(10);
    const header = headerSchema.safeParse(parsed(file.subarray(0, Math.max(0, end))));
    if (!header.success) return this.#damaged("its header is none");
    const { key, bytes, sha256: sum, rows, skipped } = header.data;
    if (key !== this.#key) return null;
    const { height, width, channels } = this.settings;
    const pixels = file.subarray(end + 1);
    const fits = bytes === rows.length * height * width * channels && bytes === pixels.length;
    const known = rows.every((row, at) => row < this.files.length && row > (rows[at - 1] ?? -1));
    if (!fits || !known || sum !== sum256(rows, skipped, pixels)) {
      return this.#damaged("its checksum is another");
    }
    return { pixels: pixels.slice(), rows, skipped };
  }

  /** Where it cannot be kept, that is told: the images themselves are there. */
  async write({ pixels, rows, skipped }: Decoded): Promise<void> {
    const header = {
      format: "nabla-images-1",
      key: this.#key,
      bytes: pixels.length,
      sha256: sum256(rows, skipped, pixels),
      rows: [...rows],
      skipped: [...skipped],
    } satisfies z.infer<typeof headerSchema>;
    try {
      await ensureFolder(this.folder);
      await writeFileAtomic(this.path, [`${JSON.stringify(header)}\n`, pixels]);
    } catch (error) {
      process.stderr.write(`The decoded images are not kept: ${(error as Error).message}\n`);
    }
  }

  #damaged(why: string): null {
    process.stderr.write(`${this.path}: the kept images are damaged (${why}); they are decoded again.\n`);
    return null;
  }
}

function sum256(rows: readonly number[], skipped: Decoded["skipped"], pixels: Uint8Array): string {
  return createHash("sha256")
    .update(JSON.stringify([rows, skipped]))
    .update(pixels)
    .digest("hex");
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
