/** MurmurHash3, the 32-bit variant (Austin Appleby, public domain): the hash that hashed features usually use. */

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
const mix = (k: number): number => Math.imul(rotate(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593);

const encoder = new TextEncoder();

/** Of the UTF-8 bytes of `text`, as a signed number. */
export function murmur3(text: string, seed = 0): number {
  const bytes = encoder.encode(text);
  const whole = bytes.length & ~3;
  const byte = (at: number) => bytes[at] ?? 0;
  const word = (at: number) => byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24);
  let hash = seed | 0;
  for (let at = 0; at < whole; at += 4) {
    hash = (Math.imul(rotate(hash ^ mix(word(at)), 13), 5) + 0xe6546b64) | 0;
  }
  if (whole < bytes.length) hash ^= mix(word(whole)); // bytes past the end read 0
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
