/** GPT-2's letter for each byte, so that tokens of any bytes can be written in text files without spaces or control characters. */

/** Bytes that print in Latin-1 stand for themselves; the others are the code points from 256 on, in order. */
export const letterOf: readonly string[] = (() => {
  const prints = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(prints(byte) ? byte : next++));
})();

export const byteOf: ReadonlyMap<string, number> = new Map(letterOf.map((letter, byte) => [letter, byte]));

/** The letters of bytes. */
export const toLetters = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => letterOf[byte] as string).join("");

/** The bytes of letters; null where one is no letter of a byte. */
export function fromLetters(letters: string): Uint8Array | null {
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) {
    const byte = byteOf.get(letters[i] as string);
    if (byte === undefined) return null;
    bytes[i] = byte;
  }
  return bytes;
}
