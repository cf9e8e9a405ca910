/** What the machine reaches at best, measured: the two roofs of a roofline. */
import { getDevice } from "../../engine/runtime/index.ts";
import { full, jit, type Tensor } from "../../engine/tensor/index.ts";

export interface Peaks {
  /** Of a product of large matrices. */
  readonly flopsPerSecond: number;
  /** Between memory and the processor, reading two numbers and writing one. */
  readonly bytesPerSecond: number;
}

const side = 768;
/** Together several times a last cache. */
const elements = 24 << 20;
const rounds = 4;

/** The best of four rounds each, on as many threads as training has: some 0.3 s and 200 MB for a while. */
export async function measurePeaks(device: string): Promise<Peaks> {
  const { name } = getDevice(device);
  const square = await full([side, side], 1 / side).to(name);
  const product = jit((a: Tensor, b: Tensor): [Tensor] => [a.matmul(b)], { donate: [0], name: "peak" });
  const flops = await best(2 * side ** 3, 8, square, (count, x) => product.repeat(count, x, square));
  square.dispose();
  const other = await full([elements], 1).to(name);
  const triad = jit((a: Tensor, b: Tensor): [Tensor] => [a.mul(0.5).add(b)], { donate: [0], name: "triad" });
  const start = await full([elements], 1).to(name);
  const bytes = await best(12 * elements, 1, start, (count, x) => triad.repeat(count, x, other));
  other.dispose();
  return { flopsPerSecond: flops, bytesPerSecond: bytes };
}

/** The largest rate of a few rounds of `count` runs, after one that compiles. */
async function best(
  work: number,
  count: number,
  start: Tensor,
  run: (count: number, x: Tensor) => Promise<[Tensor]>,
): Promise<number> {
  let [x] = await run(1, start.mul(1));
  let most = 0;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    [x] = await run(count, x);
    most = Math.max(most, (1000 * count * work) / (performance.now() - began));
  }
  x.dispose();
  return most;
}
