/** NPY files, NumPy's arrays: read whole, or by rows without loading the file. Never trusts a header. */
import { type FileSource, type OpenFile, openFile, readSource } from "../files/index.ts";
import { DataError, formatShape, type Shape, sizeOf } from "../util/index.ts";
import type { HostBatch, Source } from "./dataset.ts";
import type { HostArray } from "./host.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** More is no header: NumPy itself writes one of about 100 bytes. */
const MOST_HEADER = 65_536;

interface Element {
  readonly bytes: number;
  readonly dtype: "f32" | "i32";
  /** Null where the number does not fit in 32 bits. */
  read(view: DataView, at: number, little: boolean): number | null;
}

const fits = (value: bigint): number | null =>
  value >= -0x80000000n && value <= 0x7fffffffn ? Number(value) : null;

/** By NumPy's letter and size. */
const elements: Readonly<Record<string, Element>> = {
  f2: { bytes: 2, dtype: "f32", read: (view, at, little) => half(view.getUint16(at, little)) },
  f4: { bytes: 4, dtype: "f32", read: (view, at, little) => view.getFloat32(at, little) },
  f8: { bytes: 8, dtype: "f32", read: (view, at, little) => view.getFloat64(at, little) },
  b1: { bytes: 1, dtype: "i32", read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
  i1: { bytes: 1, dtype: "i32", read: (view, at) => view.getInt8(at) },
  i2: { bytes: 2, dtype: "i32", read: (view, at, little) => view.getInt16(at, little) },
  i4: { bytes: 4, dtype: "i32", read: (view, at, little) => view.getInt32(at, little) },
  i8: { bytes: 8, dtype: "i32", read: (view, at, little) => fits(view.getBigInt64(at, little)) },
  u1: { bytes: 1, dtype: "i32", read: (view, at) => view.getUint8(at) },
  u2: { bytes: 2, dtype: "i32", read: (view, at, little) => view.getUint16(at, little) },
  u4: { bytes: 4, dtype: "i32", read: (view, at, little) => fits(BigInt(view.getUint32(at, little))) },
  u8: { bytes: 8, dtype: "i32", read: (view, at, little) => fits(view.getBigUint64(at, little)) },
};

/** IEEE 754 binary16. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export interface NpyHeader {
  readonly shape: Shape;
  /** As in the file: "<f4". */
  readonly descr: string;
  readonly fortranOrder: boolean;
  /** Where the elements begin. */
  readonly offset: number;
}

/** Reads the header at the beginning of `bytes`, which need not be the whole file. Throws DataError. */
export function npyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const fail = (what: string): never => {
    throw new DataError(`${name}: ${what} Is it an NPY file, and whole?`);
  };
  if (magic.some((byte, i) => bytes[i] !== byte)) fail("an NPY file must begin with \\x93NUMPY.");
  const major = bytes[6] as number;
  if (!(major >= 1 && major <= 3)) fail(`the NPY version must be 1, 2 or 3; got ${major}.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) fail(`the header is cut off after ${bytes.length} bytes.`);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MOST_HEADER) fail(`the header must be of at most ${MOST_HEADER} bytes; got ${length}.`);
  if (start + length > bytes.length) fail(`the header of ${length} bytes is cut off.`);
  const text = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(
    bytes.subarray(start, start + length),
  );
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const dims = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || dims === undefined) {
    return fail("the header must name descr (one type), fortran_order and shape.");
  }
  const shape = dims
    .split(",")
    .filter((dim) => dim.trim() !== "")
    .map(Number);
  return { shape, descr, fortranOrder: order === "True", offset: start + length };
}

interface Layout {
  readonly element: Element;
  readonly little: boolean;
}

function layoutOf({ descr }: NpyHeader, name: string): Layout {
  const [, order, type] = /^([<>|=]?)([a-z]\d+)$/.exec(descr) ?? [];
  const element = type === undefined ? undefined : elements[type];
  if (element === undefined) {
    throw new DataError(
      `${name}: elements must be of one of ${Object.keys(elements).join(", ")}; got "${descr}". Convert them with astype before saving.`,
    );
  }
  return { element, little: order !== ">" };
}

/** Bytes of the elements. Throws DataError unless the file has exactly that many. */
function checkSize(header: NpyHeader, { element }: Layout, length: number, name: string): number {
  const wanted = header.offset + header.shape.reduce((size, dim) => size * dim, 1) * element.bytes;
  if (Number.isSafeInteger(wanted) && wanted === length) return wanted - header.offset;
  throw new DataError(
    `${name}: ${formatShape(header.shape)} elements of ${element.bytes} bytes take ${wanted} bytes with the header; got ${length}. The file is damaged.`,
  );
}

function decode(
  bytes: Uint8Array,
  { element, little }: Layout,
  size: number,
  name: string,
): HostArray["data"] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = element.dtype === "f32" ? new Float32Array(size) : new Int32Array(size);
  for (let i = 0; i < size; i++) {
    const value = element.read(view, i * element.bytes, little);
    if (value === null) {
      throw new DataError(`${name}: whole numbers must fit in 32 bits with a sign; element ${i} does not.`);
    }
    data[i] = value;
  }
  return data;
}

const hostArray = (shape: Shape, data: HostArray["data"]): HostArray =>
  data instanceof Float32Array ? { dtype: "f32", shape, data } : { dtype: "i32", shape, data };

/** The elements of an array that is stored column by column, row by row. */
function toRowMajor(data: HostArray["data"], shape: Shape): HostArray["data"] {
  const out = data.slice();
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  for (let i = 0; i < out.length; i++) {
    let at = 0;
    for (const [axis, value] of index.entries()) at += value * (strides[axis] as number);
    out[i] = data[at] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return out;
}

/** Decodes an NPY file's bytes: floats become f32, whole numbers and booleans i32. Throws DataError. */
export function parseNpy(bytes: Uint8Array, name: string): HostArray {
  const header = npyHeader(bytes, name);
  const layout = layoutOf(header, name);
  checkSize(header, layout, bytes.length, name);
  const { shape, offset, fortranOrder } = header;
  const data = decode(bytes.subarray(offset), layout, sizeOf(shape), name);
  return hostArray(shape, fortranOrder ? toRowMajor(data, shape) : data);
}

/**
 * Reads an NPY file (versions 1 to 3; f2, f4, f8, i1 to i8, u1 to u8, bool; of either byte order and either order of elements). Floats become
 * f32, whole numbers and booleans i32.
 *
 * Throws FileError where the file cannot be read, DataError naming it and what is wrong in it.
 *
 * @example const data = dataset({ x: await readNpy("x.npy"), y: await readNpy("y.npy") });
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export async function readNpy(source: FileSource): Promise<HostArray> {
  const { name, bytes } = await readSource(source, "the NPY data");
  return parseNpy(bytes, name);
}

/** Rows of an NPY file, read where they lie. */
class NpyRows {
  readonly shape: Shape;
  readonly #path: string;
  readonly #file: OpenFile;
  readonly #header: NpyHeader;
  readonly #layout: Layout;

  constructor(path: string, file: OpenFile, header: NpyHeader, layout: Layout) {
    this.shape = header.shape;
    this.#path = path;
    this.#file = file;
    this.#header = header;
    this.#layout = layout;
  }

  async gather(rows: Int32Array): Promise<HostArray> {
    const width = sizeOf(this.shape.slice(1)) * this.#layout.element.bytes;
    const bytes = new Uint8Array(rows.length * width);
    for (let i = 0; i < rows.length; ) {
      // Rows that follow each other are one read.
      let end = i + 1;
      while (end < rows.length && rows[end] === (rows[end - 1] as number) + 1) end++;
      const at = this.#header.offset + (rows[i] as number) * width;
      const part = bytes.subarray(i * width, end * width);
      if ((await this.#file.read(part, at)) !== part.length) {
        throw new DataError(`${this.#path}, row ${rows[i]}: the file ended while it was being read.`);
      }
      i = end;
    }
    const size = rows.length * sizeOf(this.shape.slice(1));
    const data = decode(bytes, this.#layout, size, this.#path);
    return hostArray([rows.length, ...this.shape.slice(1)], data);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function openRows(path: string): Promise<NpyRows> {
  const file = await openFile(path);
  try {
    const start = new Uint8Array(12 + MOST_HEADER);
    const header = npyHeader(start.subarray(0, await file.read(start, 0)), path);
    const layout = layoutOf(header, path);
    checkSize(header, layout, file.size, path);
    if (header.shape.length === 0) throw new DataError(`${path}: there must be a first axis of rows.`);
    if (header.fortranOrder && header.shape.length > 1) {
      throw new DataError(
        `${path}: to be read by rows, the array must be stored by rows. Save numpy.ascontiguousarray(x), or use readNpy.`,
      );
    }
    return new NpyRows(path, file, header, layout);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Rows on disk; `close` closes the files. */
export interface NpySource extends Source {
  close(): Promise<void>;
}

/**
 * Rows of two NPY files, inputs and targets, for `loader` to read batch by batch where they lie: the files may be larger than memory.
 *
 * Throws FileError where a file cannot be read at all, DataError when it cannot be by rows, or they have not as many.
 *
 * @example
 * const source = await openNpy({ x: "images.npy", y: "labels.npy" });
 * for await (const { x, y } of loader(source, { batchSize: 64, shuffle: true })) console.log(x.shape, y.shape);
 * await source.close();
 */
export async function openNpy(paths: { readonly x: string; readonly y: string }): Promise<NpySource> {
  const x = await openRows(paths.x);
  try {
    const y = await openRows(paths.y);
    const length = x.shape[0] as number;
    if (y.shape[0] === length) {
      return {
        length,
        gather: async (rows): Promise<HostBatch> => {
          const [xs, ys] = await Promise.all([x.gather(rows), y.gather(rows)]);
          return { x: xs, y: ys };
        },
        close: async () => {
          await Promise.all([x.close(), y.close()]);
        },
      };
    }
    await y.close();
    throw new DataError(
      `openNpy: x and y must have as many rows; ${paths.x} has ${length}, ${paths.y} ${y.shape[0]}.`,
    );
  } catch (error) {
    await x.close();
    throw error;
  }
}
