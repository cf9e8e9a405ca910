/** Arrays that every contestant makes for itself, bit for bit (a hash of the index; values.py is the twin), and the clock. */

/** Chris Wellons' lowbias32, an integer hash; github.com/skeeto/hash-prospector. */
function hash(index) {
  let h = index | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** `count` values in [low, high); other seeds give other values. */
export function values(count, seed, low = 0, high = 1) {
  const out = new Float32Array(count);
  const first = Math.imul(seed, 0x9e3779b9);
  for (let i = 0; i < count; i++) out[i] = low + (high - low) * (hash(first + i) / 2 ** 32);
  return out;
}

/** Five elements and the sum: enough to tell two results apart, and few enough to compare. */
export function digest(result) {
  const last = result.length - 1;
  let sum = 0;
  for (let i = 0; i <= last; i++) sum += result[i];
  return [...[0, 0.25, 0.5, 0.75, 1].map((part) => result[Math.floor(part * last)]), sum];
}

/** Seconds that `work` takes. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
