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

export function writeArray(name: string, values: Float32Array): ArrayFile {
  folder ??= temporaryFolder();
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return { path, header: 0 };
}

/** Weights uniform in +-1/sqrt(in), biases zero. */
export function writeWeights(name: string, sizes: readonly number[]): ArrayFile {
  const next = uniforms(1);
  const values: number[] = [];
  for (const [layer, inputs] of sizes.slice(0, -1).entries()) {
    const outputs = sizes[layer + 1] as number;
    const bound = 1 / Math.sqrt(inputs);
    for (let i = 0; i < inputs * outputs; i++) values.push((2 * next() - 1) * bound);
    for (let i = 0; i < outputs; i++) values.push(0);
  }
  return writeArray(name, Float32Array.from(values));
}
