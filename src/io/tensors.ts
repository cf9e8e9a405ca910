/** Between trees of device tensors and the bytes of a safetensors file, bit by bit. */
import { bytesOf, type DType } from "../engine/ir/index.ts";
import { readNode } from "../engine/runtime/index.ts";
import { fromBytes, Tensor } from "../engine/tensor/index.ts";
import { readBytes, writeFileAtomic } from "../files/index.ts";
import { DataError, flattenTree, mapTree } from "../util/index.ts";
import { describeDifference, differenceOf } from "./difference.ts";
import { decodeSafetensors, encodeSafetensors, type SafeDType, type SafeTensor } from "./safetensors.ts";

const nameOf = {
  f32: "F32",
  i32: "I32",
  u32: "U32",
  bool: "BOOL",
  f16: "F16",
  bf16: "BF16",
  i8: "I8",
  u8: "U8",
} as const satisfies Record<DType, SafeDType>;

/** What each stored type becomes; the wider and unsigned ones of other libraries are converted when their values fit. */
const readAs: Readonly<Record<SafeDType, DType>> = {
  F32: "f32",
  I32: "i32",
  U32: "u32",
  BOOL: "bool",
  F16: "f16",
  BF16: "bf16",
  I8: "i8",
  U8: "u8",
  F64: "f32",
  I64: "i32",
  U64: "i32",
  I16: "i32",
  U16: "i32",
};

/** Tensors by path, as in `params/layers/0/weight`. */
export type TensorsByPath = { readonly [path: string]: Tensor };

/**
 * The bytes of every tensor of a tree, by path, in memory that `take` gives (default: fresh). Throws DataError for a leaf that is not a
 * tensor or a path met twice.
 */
export async function readTree(
  tree: unknown,
  take: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Promise<Map<string, SafeTensor>> {
  const { leaves, paths } = flattenTree(tree);
  const out = new Map<string, SafeTensor>();
  for (const [index, leaf] of leaves.entries()) {
    const path = paths[index] as string;
    if (!(leaf instanceof Tensor)) {
      throw new DataError(
        `save: every leaf must be a tensor; got ${leaf === null ? "null" : typeof leaf} at "${path}".`,
      );
    }
    if (out.has(path))
      throw new DataError(`save: paths must be distinct; got "${path}" twice. Rename one of the keys.`);
    const { dtype, shape } = leaf.node.aval;
    const bytes = await readNode(leaf.node, take(bytesOf(leaf.node.aval)));
    out.set(path, { dtype: nameOf[dtype], shape, bytes });
  }
  return out;
}

/**
 * Saves a tree of tensors (or a single record of them) as one safetensors file, atomically.
 *
 * Throws DataError for a leaf that is no tensor, FileError when the file cannot be written (the old one stays).
 *
 * @example await saveSafetensors("model.safetensors", { ...model.parameters(), ...model.buffers() });
 */
export async function saveSafetensors(
  path: string,
  tree: unknown,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(await readTree(tree), metadata));
}

/**
 * The tensors of a safetensors file by path. F64 becomes f32; I64, U64, I16 and U16 become i32.
 *
 * Throws FileError when it cannot be read, DataError when it is damaged or an integer does not fit in 32 bits.
 *
 * @example const tensors = await loadSafetensors("model.safetensors");
 */
export async function loadSafetensors(
  path: string,
  options: { device?: string } = {},
): Promise<TensorsByPath> {
  return tensorsFrom(await readBytes(path), path, options.device);
}

/** Copies of a tree's tensors in memory of their own, on `device` (default: where each one is). */
export async function copyTree<T>(tree: T, device?: string): Promise<T> {
  const { leaves } = flattenTree(tree);
  const copies: unknown[] = [];
  for (const leaf of leaves) {
    if (!(leaf instanceof Tensor)) copies.push(leaf);
    else copies.push(fromBytes(await readNode(leaf.node), leaf.dtype, leaf.shape, device ?? leaf.device));
  }
  let at = 0;
  return mapTree<T>(tree, () => copies[at++]);
}

/** The tensors in a safetensors file's bytes; `name` is what errors call it. */
export function tensorsFrom(bytes: Uint8Array, name: string, device?: string): TensorsByPath {
  const out: Record<string, Tensor> = Object.create(null);
  for (const [path, stored] of decodeSafetensors(bytes, name).tensors) {
    out[path] = fromBytes(
      deviceBytes(stored, `${name}: ${path}`),
      readAs[stored.dtype],
      stored.shape,
      device,
    );
  }
  return out;
}

function deviceBytes(stored: SafeTensor, name: string): Uint8Array {
  const { dtype, bytes } = stored;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case "F64":
      return convert(new Float32Array(bytes.length / 8), (i) => view.getFloat64(8 * i, true));
    case "I64":
      return convert(new Int32Array(bytes.length / 8), (i) => fits(view.getBigInt64(8 * i, true), name));
    case "U64":
      return convert(new Int32Array(bytes.length / 8), (i) => fits(view.getBigUint64(8 * i, true), name));
    case "I16":
      return convert(new Int32Array(bytes.length / 2), (i) => view.getInt16(2 * i, true));
    case "U16":
      return convert(new Int32Array(bytes.length / 2), (i) => view.getUint16(2 * i, true));
    case "F32":
    case "I32":
    case "U32":
    case "F16":
    case "BF16":
    case "I8":
    case "U8":
      return bytes;
    case "BOOL": {
      const wrong = bytes.findIndex((byte) => byte > 1);
      if (wrong >= 0)
        throw new DataError(`${name}: a bool is stored as 0 or 1; byte ${wrong} is ${bytes[wrong]}.`);
      return bytes;
    }
    default:
      return dtype satisfies never;
  }
}

function convert(out: Float32Array | Int32Array, at: (index: number) => number): Uint8Array {
  for (let i = 0; i < out.length; i++) out[i] = at(i);
  return new Uint8Array(out.buffer);
}

function fits(value: bigint, name: string): number {
  if (value !== BigInt.asIntN(32, value))
    throw new DataError(`${name}: integers must fit in 32 bits; got ${value}.`);
  return Number(value);
}

/**
 * The tree of `template` with each tensor replaced by the one of its path.
 *
 * Throws DataError naming what is missing, unexpected, or of another shape or dtype, and how many fit. `name` is what it calls the source,
 * `hint` what it advises where some fit.
 */
export function restoreTree<T>(template: T, tensors: TensorsByPath, name: string, hint = ""): T {
  const difference = differenceOf(template, tensors);
  if (difference !== null) {
    throw new DataError(
      `${name}: ${describeDifference(difference)}. Was it saved by another model or optimizer?${difference.fitting > 0 ? hint : ""}`,
    );
  }
  return mapTree<T>(template, (leaf, path) => (leaf instanceof Tensor ? tensors[path] : leaf));
}
