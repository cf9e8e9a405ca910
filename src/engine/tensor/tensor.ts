/** Tensor: a handle on a graph node. Operations are free functions; `methods.ts` makes methods of them. */
import { callerPlace, type Shape, ShapeError, sizeOf, UnsupportedError } from "../../util/index.ts";
import { type DType, formatAval, type Node, valueNode } from "../ir/index.ts";
import {
  deviceOf,
  getDevice,
  isTracing,
  readNode,
  realizeAsync,
  type Storage,
  storageFromBytes,
  storageOf,
} from "../runtime/index.ts";
import { decode, type TypedArray } from "./decode.ts";
import { formatValues, type NestedNumbers, nest } from "./print.ts";

/** Wherever a tensor is taken a number or boolean will do; it takes the dtype of the other operand. */
export type TensorLike = Tensor | number | boolean;

/** Tensors up to this size keep what was last read of them, so that printing can show it. */
const REMEMBERED = 1024;

/**
 * An n-dimensional array that is computed when it is read (`await t.data()`), and then kept.
 * Nothing needs to be disposed of by hand; `dispose()` only frees memory earlier than collection would.
 */
export class Tensor {
  /** The graph node behind the handle; for code that builds graphs. */
  readonly node: Node;
  #seen: TypedArray | null = null;

  constructor(node: Node) {
    this.node = node;
  }

  get shape(): Shape {
    return this.node.aval.shape;
  }

  get dtype(): DType {
    return this.node.aval.dtype;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Name of the device its value is, or will be, on. */
  get device(): string {
    return deviceOf(this.node).name;
  }

  /**
   * The elements in row-major order, computing them first: Float32Array for f32 (and f16, bf16, widened), Int32Array for i32,
   * Uint32Array for u32, Int8Array for i8, Uint8Array for u8 and (0 and 1) for bool. The array is the caller's own.
   * @throws UnsupportedError inside jit, grad or another traced function; DonatedError after it was donated or disposed of.
   */
  async data(): Promise<TypedArray> {
    this.#requireReadable();
    const values = decode(await readNode(this.node), this.dtype);
    if (this.size <= REMEMBERED) this.#seen = values.slice();
    return values;
  }

  /**
   * The only element, as a number (bool: 0 or 1).
   * @throws ShapeError unless the tensor has exactly one element; see also `data`.
   */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(
        `item: the tensor must have exactly one element; got ${formatAval(this.node.aval)}. Use data() or array().`,
      );
    }
    return (await this.data())[0] as number;
  }

  /** The elements as nested arrays of numbers (a number for a 0-d tensor); see `data`. */
  async array(): Promise<NestedNumbers> {
    return nest(await this.data(), this.shape);
  }

  /** The values as text in NumPy's style, the middle of long axes left out. */
  async toText(): Promise<string> {
    return formatValues(await this.data(), this.shape, this.dtype);
  }

  /** Writes dtype, shape, device and values to the console. */
  async print(): Promise<void> {
    const text = await this.toText();
    console.log(`${formatAval(this.node.aval)} on ${this.device}\n${text}`);
  }

  /** Computes the value now and resolves to this tensor. Reading does so by itself; this only chooses the moment. */
  async realize(): Promise<this> {
    this.#requireReadable();
    await realizeAsync([this.node]);
    return this;
  }

  /**
   * This tensor on another device ("cpu", "reference"); itself when it is there already.
   * @throws ConfigError for an unknown or unavailable device.
   */
  async to(device: string): Promise<Tensor> {
    const target = getDevice(device);
    if (deviceOf(this.node) === target) return this;
    this.#requireReadable();
    const bytes = await readNode(this.node);
    return fromStorage(storageFromBytes(bytes, this.node.aval, target));
  }

  /** Inside a trace there is no value yet, or computing one would cut the graph that gradients follow. */
  #requireReadable(): void {
    if (!isTracing() || this.node.value !== null) return;
    throw new UnsupportedError(
      `read: a tensor cannot be read inside jit, grad, scan or another traced function; got ${formatAval(this.node.aval)}${callerPlace()}. Return it (from grad with hasAux) and read the result.`,
    );
  }

  /** Frees the memory now; reading the tensor afterwards throws. Does nothing if it has not been computed. */
  dispose(): void {
    storageOf(this.node)?.free();
    this.#seen = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `f32[2,2] on cpu` and, once read and small, the values. */
  toString(): string {
    const head = `${formatAval(this.node.aval)} on ${this.device}`;
    const storage = storageOf(this.node);
    if (storage !== null && !storage.alive) return `${head} (freed or donated)`;
    if (this.#seen !== null) return `${head}\n${formatValues(this.#seen, this.shape, this.dtype)}`;
    return `${head} (${storage === null ? "not computed yet" : "computed"}; await t.print() shows the values)`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Tensor ${this.toString()}`;
  }
}

/** A tensor that has its value. */
export function fromStorage(storage: Storage): Tensor {
  return new Tensor(valueNode(storage));
}
