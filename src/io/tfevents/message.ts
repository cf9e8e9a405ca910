/** Protobuf messages by field number and type: what a table of fields says is what is written. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A field's value, named after its type in the .proto language; undefined and what is empty is not written. */
export type Field =
  | { readonly double: number | undefined }
  | { readonly float: number }
  | { readonly int64: number | undefined }
  | { readonly int32: number | undefined }
  | { readonly string: string | undefined }
  | { readonly bool: boolean }
  | { readonly bytes: Uint8Array }
  | { readonly message: Uint8Array | undefined }
  | { readonly messages: readonly Uint8Array[] }
  | { readonly doubles: Float64Array | readonly number[] };

/** `fields` by number. An enum is an int32. */
export function message(fields: Readonly<Record<number, Field>>): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, field] of Object.entries(fields)) write(writer, Number(number), field);
  return writer.finish();
}

function write(writer: BinaryWriter, number: number, field: Field): void {
  if ("double" in field) {
    if (field.double !== undefined) writer.tag(number, WireType.Bit64).double(field.double);
  } else if ("float" in field) writer.tag(number, WireType.Bit32).float(clamped(field.float));
  else if ("int64" in field) {
    if (field.int64 !== undefined) writer.tag(number, WireType.Varint).int64(field.int64);
  } else if ("int32" in field) {
    if (field.int32 !== undefined) writer.tag(number, WireType.Varint).int32(field.int32);
  } else if ("string" in field) {
    if (field.string !== undefined) writer.tag(number, WireType.LengthDelimited).string(field.string);
  } else if ("bool" in field) writer.tag(number, WireType.Varint).bool(field.bool);
  else if ("bytes" in field) writer.tag(number, WireType.LengthDelimited).bytes(field.bytes);
  else if ("message" in field) {
    if (field.message !== undefined) writer.tag(number, WireType.LengthDelimited).bytes(field.message);
  } else if ("messages" in field) {
    for (const one of field.messages) writer.tag(number, WireType.LengthDelimited).bytes(one);
  } else {
    writer.tag(number, WireType.LengthDelimited).fork();
    for (const value of field.doubles) writer.double(value);
    writer.join();
  }
}

/** The writer refuses finite numbers that f32 has none for; they become infinite, as a cast makes them. */
const clamped = (value: number): number => Math.fround(value);
