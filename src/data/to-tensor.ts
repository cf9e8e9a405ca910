/** Host arrays as tensors. */
import { fromBytes, fromChunks, type Tensor } from "../engine/tensor/index.ts";
import { ByteArray } from "./byte-array.ts";
import type { HostArray } from "./host.ts";

/** A tensor with a host array's values and shape. */
export function toTensor(array: HostArray, device?: string): Tensor {
  if (array instanceof ByteArray) {
    return fromChunks(array.shape, (start, into) => array.read(start, into), device);
  }
  const { buffer, byteOffset, byteLength } = array.data;
  return fromBytes(new Uint8Array(buffer, byteOffset, byteLength), array.dtype, array.shape, device);
}
