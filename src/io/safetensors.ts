/** The safetensors format: an 8-byte header size, a JSON header, then the tensors' bytes. Pure functions on bytes; nothing in a file is trusted. */
import { DataError, type Shape, sizeOf } from "../util/index.ts";

/** Every element type the format knows and the bytes it takes. */
export const safeDTypes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;
export type SafeDType = keyof typeof safeDTypes;

/** One tensor of a file: little-endian, row-major. */
export interface SafeTensor {
  readonly dtype: SafeDType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

export interface SafeTensors {
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The reference implementation's limit on the header. */
const maxHeader = 100_000_000;

/**
 * The file's bytes, in parts to be written one after another. Equal tensors give equal bytes: names are sorted, and wider
 * types come first so that every tensor is aligned to its element.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const names = [...tensors.keys()].sort((a, b) => {
    const width = (name: string) => safeDTypes[(tensors.get(name) as SafeTensor).dtype];
    return width(b) - width(a) || (a < b ? -1 : 1);
  });
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const { dtype, shape, bytes } = tensors.get(name) as SafeTensor;
    const wanted = sizeOf(shape) * safeDTypes[dtype];
    if (name === "__metadata__")
      throw new DataError("safetensors: no tensor may be named __metadata__. Rename it.");
    if (bytes.length !== wanted) {
      throw new DataError(
        `safetensors: ${name} ${dtype}[${shape}] takes ${wanted} bytes; got ${bytes.length}.`,
      );
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    parts.push(bytes);
    offset += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, 8);
  return [head, ...parts];
}

/**
 * Reads a whole file. The tensors' bytes are views into it.
 *
 * Throws DataError naming the file (`name`) and what is wrong: too short, header size, JSON, dtype, shape, offsets out of
 * bounds, bytes that do not match shape and dtype, overlaps, gaps, bytes left over.
 *
 * @see https://github.com/huggingface/safetensors#format
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafeTensors {
  const fail = (what: string): never => {
    throw new DataError(`${name}: ${what}. The file is damaged or is not safetensors.`);
  };
  if (bytes.length < 8) fail(`must start with an 8-byte header size; got ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const declared = view.getBigUint64(0, true);
  if (declared > BigInt(maxHeader)) fail(`the header must be at most ${maxHeader} bytes; got ${declared}`);
  const headerBytes = Number(declared);
  if (8 + headerBytes > bytes.length) {
    fail(`the header takes ${headerBytes} bytes; got ${bytes.length - 8} (truncated)`);
  }
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), fail);
  const data = bytes.subarray(8 + headerBytes);

  let metadata: Record<string, string> = {};
  const tensors = new Map<string, SafeTensor>();
  const spans: { name: string; begin: number; end: number }[] = [];
  for (const [key, entry] of Object.entries(header)) {
    if (key === "__metadata__") {
      metadata = parseMetadata(entry, fail);
      continue;
    }
    const { dtype, shape, begin, end } = parseEntry(key, entry, fail);
    if (end > data.length) fail(`${key} ends at byte ${end} of ${data.length} (truncated)`);
    tensors.set(key, { dtype, shape, bytes: data.subarray(begin, end) });
    spans.push({ name: key, begin, end });
  }
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const span of spans) {
    if (span.begin < at) fail(`${span.name} overlaps the tensor before it, at byte ${span.begin}`);
    if (span.begin > at) fail(`bytes ${at} to ${span.begin} belong to no tensor`);
    at = span.end;
  }
  if (at !== data.length) fail(`bytes ${at} to ${data.length} belong to no tensor`);
  return { tensors, metadata };
}

type Fail = (what: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail("the header must be JSON in UTF-8");
  }
  if (!isRecord(parsed)) return fail("the header must be a JSON object");
  return parsed;
}

function parseMetadata(entry: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(entry)) return fail("__metadata__ must be an object of strings");
  for (const value of Object.values(entry)) {
    if (typeof value !== "string") return fail("__metadata__ must be an object of strings");
  }
  return entry as Record<string, string>;
}

function parseEntry(
  key: string,
  entry: unknown,
  fail: Fail,
): { dtype: SafeDType; shape: number[]; begin: number; end: number } {
  if (!isRecord(entry)) return fail(`${key} must be described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(safeDTypes, dtype)) {
    // What is nested ever so deep cannot be written out.
    const text = typeof dtype === "object" ? "that is no name" : JSON.stringify(dtype);
    return fail(`${key} has the unknown dtype ${text}`);
  }
  if (!isCounts(shape)) return fail(`the shape of ${key} must be a list of whole numbers`);
  if (!isCounts(offsets) || offsets.length !== 2)
    return fail(`data_offsets of ${key} must be two whole numbers`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) return fail(`data_offsets of ${key} must be in order; got ${begin} and ${end}`);
  const wanted = sizeOf(shape) * safeDTypes[dtype as SafeDType];
  if (end - begin !== wanted) {
    return fail(`${key} ${dtype}[${shape}] takes ${wanted} bytes; got ${end - begin}`);
  }
  return { dtype: dtype as SafeDType, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
