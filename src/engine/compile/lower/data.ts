/** Bytes of small constants, known when the plan is made. */
import { sizeOf } from "../../../util/index.ts";
import { type Aval, bytesOf, type DType } from "../../ir/index.ts";
import type { View } from "../view.ts";
import type { Operand } from "./units.ts";

/** Larger constants are computed by the plan instead of kept with it. */
const MOST_BYTES = 4096;

function encode(values: readonly number[], dtype: DType): Uint8Array | null {
  switch (dtype) {
    case "f32":
      return new Uint8Array(Float32Array.from(values).buffer);
    case "i32":
      return new Uint8Array(Int32Array.from(values).buffer);
    case "u32":
      return new Uint8Array(Uint32Array.from(values).buffer);
    case "bool":
    case "u8":
      return Uint8Array.from(values);
    case "i8":
      return new Uint8Array(Int8Array.from(values).buffer);
    case "f16":
    case "bf16":
      return null; // the device rounds
    default:
      return dtype satisfies never;
  }
}

function elements({ shape, offset, strides }: View): number[] {
  let values = [offset];
  shape.forEach((size, axis) => {
    const stride = strides[axis] as number;
    values = values.flatMap((base) => Array.from({ length: size }, (_, i) => base + i * stride));
  });
  return values;
}

const valuesOf = (operand: Operand, size: number): number[] | null => {
  if (operand.kind === "literal") return new Array<number>(size).fill(operand.value);
  return operand.kind === "iota" && operand.view.guard === null ? elements(operand.view) : null;
};

/** What an operand is in memory, or null when that is not known or too much. */
export function constantBytes(operand: Operand, aval: Aval): Uint8Array | null {
  if (operand.kind === "value" || bytesOf(aval) > MOST_BYTES) return null;
  const values = valuesOf(operand, sizeOf(aval.shape));
  return values === null ? null : encode(values, aval.dtype);
}

/** A concatenation of single constants along the only long axis, or null. */
export function concatenatedBytes(
  parts: readonly { operand: Operand; size: number }[],
  aval: Aval,
): Uint8Array | null {
  if (bytesOf(aval) > MOST_BYTES || aval.shape.filter((size) => size !== 1).length > 1) return null;
  const values: number[] = [];
  for (const { operand, size } of parts) {
    const own = valuesOf(operand, size);
    if (own === null) return null;
    values.push(...own);
  }
  return encode(values, aval.dtype);
}
