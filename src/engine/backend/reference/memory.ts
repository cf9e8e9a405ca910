/** A buffer of the reference device: bytes as written, and f64 values once a plan has said what the bytes mean. */
import type { DType } from "../../ir/index.ts";
import { decodeElements, encodeElements } from "../../ops/index.ts";

export class ReferenceBuffer {
  readonly #bytes: Uint8Array;
  /** Values computed here, more precise than the bytes; null until a plan uses the buffer. */
  #values: { readonly dtype: DType; readonly data: Float64Array } | null = null;
  /** Whether the values changed since the bytes were made. */
  #dirty = false;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  get size(): number {
    return this.#bytes.byteLength;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#encode();
    this.#bytes.set(bytes, offset);
    this.#values = null;
  }

  read(offset: number, length: number): Uint8Array {
    this.#encode();
    return this.#bytes.slice(offset, offset + length);
  }

  /** The values as a plan sees them: f64, kept between plans unless the bytes are written or read as another dtype. */
  values(dtype: DType): Float64Array {
    if (this.#values?.dtype !== dtype) {
      this.#encode();
      this.#values = { dtype, data: decodeElements(this.#bytes, dtype) };
    }
    return this.#values.data;
  }

  /** New contents, whatever was there. */
  replace(dtype: DType, data: Float64Array): void {
    this.#values = { dtype, data };
    this.#dirty = true;
  }

  /** To be called when a plan may have written to `values`. */
  touch(): void {
    this.#dirty = true;
  }

  #encode(): void {
    if (this.#values !== null && this.#dirty)
      encodeElements(this.#values.data, this.#values.dtype, this.#bytes);
    this.#dirty = false;
  }
}
