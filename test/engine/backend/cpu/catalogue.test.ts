/** Kernels compiled ahead of time have the interpreter's bits, whatever the sizes, and every one of them is found again. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Case, cases, type Sizes, usualSizes } from "../../../../scripts/catalogue/cases.ts";
import { generatedFiles, kernelNames } from "../../../../scripts/generate-catalogue.ts";
import { cpuBackend } from "../../../../src/engine/backend/cpu/index.ts";
import type { Aval, Backend } from "../../../../src/engine/ir/index.ts";
import { sizeOf } from "../../../../src/util/index.ts";
import { everyIsa, numbers, runPlan } from "./plans.ts";

describe("the generated catalogue", () => {
  it.each(generatedFiles)("%s is up to date (npx tsx scripts/generate-catalogue.ts)", (path, make) => {
    const file = fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
    expect(readFileSync(file, "utf8") === make()).toBe(true);
  });
});

const sizes: [string, Sizes][] = [
  ["usual", usualSizes],
  [
    "odd",
    {
      map: [37, 131],
      rows: 13,
      lengths: [1, 17, 101, 255, 257, 1003],
      weight: [67, 41],
      batch: 33,
      net: [51, 29, 19, 7, 301],
    },
  ],
  [
    "small",
    { map: [3, 5], rows: 2, lengths: [2, 127, 300], weight: [5, 3], batch: 3, net: [4, 5, 3, 2, 260] },
  ],
  [
    "large",
    {
      map: [121, 67],
      rows: 3,
      lengths: [192, 4097, 9001],
      weight: [131, 57],
      batch: 70,
      net: [40, 70, 30, 16, 1031],
    },
  ],
];

const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1e-40, 1e38, -1e-30];

/** Numbers a kernel may meet; with `odd`, now and then one that is none. */
function valuesOf({ dtype, shape }: Aval, seed: number, odd: boolean): number[] {
  const count = sizeOf(shape);
  const random = numbers(count, seed);
  return Array.from(random, (x, i) => {
    if (dtype === "f32")
      return odd && i % 97 === 96 ? (strange[(i + seed) % strange.length] as number) : 3 * x;
    if (dtype === "bool") return x > 0 ? 1 : 0;
    return Math.floor(6 * x + 4);
  });
}

/** Every NaN the same: which one comes out is not promised. */
function withoutNaNs(bytes: readonly Uint8Array[], { plan }: Case): Uint8Array[] {
  return bytes.map((data, i) => {
    if (plan.outputs[i]?.aval.dtype !== "f32") return data;
    const words = new Uint32Array(data.slice().buffer);
    return new Uint8Array(words.map((word) => ((word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word)).buffer);
  });
}

const threads = [1, 2] as const;
const bound = new Map(threads.map((count) => [count, everyIsa(count)]));
const plain = new Map(threads.map((count) => [count, everyIsa(count, false)]));
const ran = new Set<string>();

async function compare(case_: Case, one: Backend, other: Backend, odd: boolean): Promise<void> {
  const inputs = case_.plan.inputs.map((of, i) => valuesOf(of, i + 1, odd));
  const [a, b] = await Promise.all([one, other].map((device) => runPlan(device, case_.plan, inputs)));
  const [left, right] = [a, b].map((run) => withoutNaNs((run as { bytes: Uint8Array[] }).bytes, case_));
  (left as Uint8Array[]).forEach((data, i) => {
    const same = Buffer.compare(data, (right as Uint8Array[])[i] as Uint8Array) === 0;
    if (!same) expect.fail(`${case_.name}: output ${i} differs`);
  });
}

function kernelsOf({ plan }: Case, device: Backend): string[] {
  const exe = device.compile(plan);
  const notes = device.explain?.(exe) ?? [];
  exe.release();
  return notes.flatMap((note) =>
    [...note.matchAll(/catalogue "([^"]+)"/g)].map(([, name]) => name as string),
  );
}

/** The cases that run a kernel which none before them ran at these sizes. */
function casesAt(sizes: Sizes): Case[] {
  const [[, device]] = bound.get(1) as [[string, Backend]];
  const here = new Set<string>();
  return [...cases(sizes)].filter((case_) => {
    const fresh = kernelsOf(case_, device).filter((name) => !here.has(name));
    for (const name of fresh) {
      here.add(name);
      ran.add(name);
    }
    return fresh.length > 0;
  });
}

describe.each(sizes)("%s sizes", (_, at) => {
  const list = casesAt(at);
  it.each([
    [1, false],
    [2, true],
  ] as const)("has the interpreter's bits on %i threads (odd values: %s)", async (count, odd) => {
    for (const [i, [, device]] of (bound.get(count) as [string, Backend][]).entries()) {
      const [, other] = (plain.get(count) as [string, Backend][])[i] as [string, Backend];
      for (const case_ of list) await compare(case_, device, other, odd);
    }
  });
});

it("finds every kernel again", () => {
  expect(kernelNames().filter((name) => !ran.has(name))).toEqual([]);
});

it("says where it is off", () => {
  const [first] = [...cases()] as [Case];
  const device = cpuBackend({ catalogue: false, threads: 1 });
  expect(device.explain?.(device.compile(first.plan))).toEqual(["interpreter, map, 1 thread"]);
});
