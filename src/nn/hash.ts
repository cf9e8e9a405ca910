/** Paths as numbers, to derive random keys from. */

/** FNV-1a over the UTF-16 units: 32 bits, the same on every machine. */
export function hashPath(path: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) {
    hash ^= path.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
