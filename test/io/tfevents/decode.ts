/** Event files read back by their description alone, apart from what writes them: records with their checksums, fields by wire type. */

/** CRC-32C bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function unmasked(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/** The records of a file, both checksums of each compared. */
export function records(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found: Uint8Array[] = [];
  let at = 0;
  while (at < file.length) {
    const length = Number(view.getBigUint64(at, true));
    if (unmasked(view.getUint32(at + 8, true)) !== crc32c(file.subarray(at, at + 8)))
      throw new Error(`the checksum of the length at ${at} is wrong`);
    const data = file.subarray(at + 12, at + 12 + length);
    if (unmasked(view.getUint32(at + 12 + length, true)) !== crc32c(data))
      throw new Error(`the checksum of the data at ${at} is wrong`);
    found.push(data);
    at += 16 + length;
  }
  return found;
}

export type Fields = Record<number, (number | Uint8Array)[]>;

/** A message's fields by number: varints and floats as numbers, the rest as bytes. */
export function fields(message: Uint8Array | number | undefined): Fields {
  if (!(message instanceof Uint8Array)) throw new Error("there is no message");
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const found: Fields = {};
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const list = found[number] ?? [];
    found[number] = list;
    if (key % 8 === 0) list.push(varint());
    else if (key % 8 === 1) {
      list.push(view.getFloat64(at, true));
      at += 8;
    } else if (key % 8 === 5) {
      list.push(view.getFloat32(at, true));
      at += 4;
    } else if (key % 8 === 2) {
      const length = varint();
      list.push(message.subarray(at, at + length));
      at += length;
    } else throw new Error(`a field has wire type ${key % 8}`);
  }
  return found;
}

export const text = (bytes: Uint8Array | number | undefined): string =>
  Buffer.from(bytes as Uint8Array).toString();

/** Packed doubles. */
export function doubles(bytes: Uint8Array | number | undefined): number[] {
  const view = Buffer.from(bytes as Uint8Array);
  return Array.from({ length: view.length / 8 }, (_, i) => view.readDoubleLE(8 * i));
}

/** The values of an event's summary, with their tags. */
export function valuesOf(event: Uint8Array): { tag: string; value: Fields }[] {
  const summary = fields(event)[5]?.[0];
  if (summary === undefined) return [];
  return (fields(summary)[1] ?? []).map((one) => {
    const value = fields(one);
    return { tag: text(value[1]?.[0]), value };
  });
}
