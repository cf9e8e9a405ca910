/** Seeded numbers for the benchmarks' data and initial weights: equal in every run and for every contestant. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArrayFile } from "./job.ts";

/** Marsaglia's xorshift32, as uniform numbers in [0, 1). */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

let folder: string | undefined;

/** One that is gone when this process ends. */
function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "nabla-bench-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function writeArray(name: string, values: Float32Array | Uint8Array): ArrayFile {
  folder ??= temporaryFolder();
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return { path, header: 0 };
}

/** Of a parameter all elements are `fill`, or uniform in +-1/sqrt(in), `in` being the product of all axes but the last. */
export interface InitialParameter {
  readonly shape: readonly number[];
  readonly fill?: number;
}

const product = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

/** One parameter after the other. */
export function writeParameters(name: string, parameters: readonly InitialParameter[]): ArrayFile {
  const next = uniforms(1);
  const values: number[] = [];
  for (const { shape, fill } of parameters) {
    const bound = 1 / Math.sqrt(product(shape.slice(0, -1)));
    for (let i = 0; i < product(shape); i++) values.push(fill ?? (2 * next() - 1) * bound);
  }
  return writeArray(name, Float32Array.from(values));
}

/** Weights [in, out] uniform in +-1/sqrt(in), biases zero. */
export function writeWeights(name: string, sizes: readonly number[]): ArrayFile {
  const layers = sizes.slice(0, -1).map((inputs, layer) => [inputs, sizes[layer + 1] as number] as const);
  return writeParameters(
    name,
    layers.flatMap(([inputs, outputs]) => [{ shape: [inputs, outputs] }, { shape: [outputs], fill: 0 }]),
  );
}
