/** Values that are one of 256, such as pixels: kept as bytes, which take a quarter of the room, until someone reads them as numbers. */
import type { Shape } from "../util/index.ts";

/** A HostArray of f32 whose element i is `values[bytes[i]]`. Both arrays are taken over: devices may read them in place. */
export class ByteArray {
  readonly dtype = "f32";
  readonly shape: Shape;
  readonly #values: Float32Array;
  #bytes: Uint8Array;
  #data: Float32Array | null = null;

  constructor(shape: Shape, bytes: Uint8Array, values: Float32Array) {
    this.shape = shape;
    this.#bytes = bytes;
    this.#values = values;
  }

  /** All elements as numbers, made when first asked for; from then on they stand for the bytes, also when they are written to. */
  get data(): Float32Array {
    if (this.#data === null) {
      const data = new Float32Array(this.#bytes.length);
      this.read(0, data);
      this.#data = data;
      this.#bytes = new Uint8Array();
    }
    return this.#data;
  }

  /** Whether the elements are still bytes. */
  get compact(): boolean {
    return this.#data === null;
  }

  /** The bytes, never to be written to; null once they are numbers. */
  get bytes(): Uint8Array | null {
    return this.compact ? this.#bytes : null;
  }

  /** A copy of what the 256 bytes stand for. */
  get values(): Float32Array {
    return this.#values.slice();
  }

  /** The f32 of which element i is `bytes[i] / divisor`, correctly rounded, for every byte; null if there is none. */
  get divisor(): number | null {
    const divisor = Math.fround(255 / (this.#values[255] as number));
    const exact = this.#values.every((value, byte) => Object.is(value, Math.fround(byte / divisor)));
    return exact ? divisor : null;
  }

  /** Copies as many elements as `into` has, from the one at `start` on. */
  read(start: number, into: Float32Array): void {
    if (this.#data !== null) {
      into.set(this.#data.subarray(start, start + into.length));
      return;
    }
    const bytes = this.#bytes;
    const values = this.#values;
    for (let i = 0; i < into.length; i++) into[i] = values[bytes[start + i] as number] as number;
  }

  /** Copies of rows, in order, still as bytes. Only while `compact`. */
  takeRows(rows: Int32Array, width: number): ByteArray {
    const bytes = new Uint8Array(rows.length * width);
    for (let i = 0; i < rows.length; i++) {
      const start = (rows[i] as number) * width;
      bytes.set(this.#bytes.subarray(start, start + width), i * width);
    }
    return new ByteArray([rows.length, ...this.shape.slice(1)], bytes, this.#values);
  }
}
