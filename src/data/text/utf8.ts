/** Bytes of any string and back: UTF-8, in which a lone surrogate takes three bytes as if it were a code point (WTF-8). */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const surrogates = /\p{Cs}/u;

/** @see Sapin: The WTF-8 encoding, https://simonsapin.github.io/wtf-8/ */
export function toUtf8(text: string): Uint8Array {
  if (!surrogates.test(text)) return encoder.encode(text);
  const bytes: number[] = [];
  for (const point of text) {
    const code = point.codePointAt(0) as number;
    if (code >= 0xd800 && code <= 0xdfff) {
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    } else {
      bytes.push(...encoder.encode(point));
    }
  }
  return Uint8Array.from(bytes);
}

/** Bytes that are no text, as a model may write them, read U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  let text = "";
  let start = 0;
  for (let i = 0; i + 2 < bytes.length; i++) {
    const [second, third] = [bytes[i + 1] as number, bytes[i + 2] as number];
    if (bytes[i] !== 0xed || second < 0xa0 || second > 0xbf || (third & 0xc0) !== 0x80) continue;
    text += decoder.decode(bytes.subarray(start, i));
    text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    start = i + 3;
    i += 2;
  }
  return text + decoder.decode(bytes.subarray(start));
}
