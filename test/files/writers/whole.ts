/** Contents that tell whether they are whole: the length in front, then one byte over and over. */

/** Of 1 to 2 MB, and another one each turn. */
export function contentOf(turn: number): Uint8Array {
  const bytes = new Uint8Array(1_000_000 + ((turn * 123_456) % 1_000_000)).fill(turn % 256);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  return bytes;
}

export function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length < 1_000_000) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return length === bytes.length && bytes.subarray(5).every((byte) => byte === bytes[4]);
}
