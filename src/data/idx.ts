/** Reads IDX files (the format of MNIST): big-endian tensors with a four-byte magic number. Never trusts a header. */
import { gunzipSync } from "node:zlib";
import { readBytes } from "../files/index.ts";
import { DataError } from "../util/index.ts";

export type IdxArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** What an IDX file holds: row-major data of `shape`. */
export interface Idx {
  readonly shape: readonly number[];
  readonly data: IdxArray;
}

interface ElementType {
  readonly bytes: number;
  read(view: DataView, offset: number, size: number): IdxArray;
}

function reader<A extends IdxArray>(
  bytes: number,
  create: (size: number) => A,
  get: (view: DataView, offset: number) => number,
): ElementType {
  return {
    bytes,
    read(view, offset, size) {
      const out = create(size);
      for (let i = 0; i < size; i++) out[i] = get(view, offset + i * bytes);
      return out;
    },
  };
}

/** The third byte of the magic number. */
const elementTypes: Readonly<Record<number, ElementType>> = {
  8: {
    bytes: 1,
    read: (view, offset, size) => new Uint8Array(view.buffer, view.byteOffset + offset, size),
  },
  9: reader(
    1,
    (size) => new Int8Array(size),
    (view, offset) => view.getInt8(offset),
  ),
  11: reader(
    2,
    (size) => new Int16Array(size),
    (view, offset) => view.getInt16(offset),
  ),
  12: reader(
    4,
    (size) => new Int32Array(size),
    (view, offset) => view.getInt32(offset),
  ),
  13: reader(
    4,
    (size) => new Float32Array(size),
    (view, offset) => view.getFloat32(offset),
  ),
  14: reader(
    8,
    (size) => new Float64Array(size),
    (view, offset) => view.getFloat64(offset),
  ),
};

/**
 * Decodes an IDX file: magic `00 00 type rank`, `rank` sizes as u32, then the elements, all big-endian.
 *
 * `name` is what errors call the file. Throws DataError on a bad magic number, type or size, on missing bytes and on bytes left over.
 *
 * @example parseIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), "labels").data // Uint8Array [7, 9]
 * @see http://yann.lecun.com/exdb/mnist (the format's description)
 */
export function parseIdx(bytes: Uint8Array, name: string): Idx {
  const { shape, data } = decodeIdx(bytes, name);
  return { shape, data: data.buffer === bytes.buffer ? data.slice() : data };
}

/** The same without copying elements of one unsigned byte, which stay where they are in `bytes`. */
function decodeIdx(bytes: Uint8Array, name: string): Idx {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) {
    throw new DataError(
      `${name}: an IDX file starts with 4 magic bytes; got ${bytes.length} bytes. ${again}`,
    );
  }
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    const got = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new DataError(
      `${name}: an IDX file starts with the magic bytes 00 00; got ${got}. Is it an IDX file?`,
    );
  }
  const type = elementTypes[bytes[2] as number];
  if (!type) {
    const known = Object.keys(elementTypes).join(", ");
    throw new DataError(`${name}: the IDX element type must be one of ${known}; got ${bytes[2]}. ${again}`);
  }
  const rank = bytes[3] as number;
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    throw new DataError(
      `${name}: the IDX header of ${rank} dimensions takes ${header} bytes; got ${bytes.length} (truncated). ${again}`,
    );
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  // Sizes come from the file: the product may pass what a number holds, so it is compared as it grows.
  let size = 1;
  for (const dim of shape) size *= dim;
  const wanted = header + size * type.bytes;
  if (!Number.isSafeInteger(wanted) || wanted > bytes.length) {
    throw new DataError(
      `${name}: ${shape.join("x")} elements take ${wanted} bytes; got ${bytes.length} (truncated). ${again}`,
    );
  }
  if (wanted < bytes.length) {
    throw new DataError(
      `${name}: ${shape.join("x")} elements take ${wanted} bytes; got ${bytes.length} (${bytes.length - wanted} bytes left over). ${again}`,
    );
  }
  return { shape, data: type.read(view, header, size) };
}

/** A few megabytes can unpack to gigabytes. */
const MOST_BYTES = 2 ** 31;

const again = "The file is damaged: fetch it again.";

/** Reads and decodes an IDX file, unpacking it first when it is gzipped. Throws FileError where it cannot be read, DataError naming the file and what is wrong in it. */
export async function readIdx(path: string): Promise<Idx> {
  let bytes = await readBytes(path);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
    } catch (error) {
      throw new DataError(`${path}: the gzip data is damaged (${(error as Error).message}). ${again}`);
    }
  }
  return decodeIdx(bytes, path);
}
