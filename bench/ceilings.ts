/** Compiles and runs ceilings.cpp: what this machine's arithmetic, memory and cache allow at most. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** On one thread and on two. */
export type Pair = readonly [one: number, two: number];

export interface Ceilings {
  /** f32 multiply-adds with the widest vectors, GFLOP/s. */
  readonly fma: Pair;
  /** x = y + 3 z over 128 MB arrays in huge pages, GB/s, 12 bytes counted an element. */
  readonly triad: Pair;
  /** The same with stores that bypass the caches. */
  readonly triadStreaming: Pair;
  /** Reading 400 KB again and again, GB/s; two threads read a half each. */
  readonly cache: Pair;
}

export type BandwidthCeiling = "triad" | "triadStreaming" | "cache";

const root = new URL("../", import.meta.url);
const at = (path: string): string => fileURLToPath(new URL(path, root));

/** The compiler's words in the log of the addon's build ("$ g++ -O3 ..."): the ceilings must be reachable by what built the addon. */
export function compilerOf(log: string): string[] {
  const [line = ""] = log.split("\n").filter((text) => text.startsWith("$ "));
  const words = line.slice(2).split(/\s+/);
  const flags = words.findIndex((word) => word.startsWith("-"));
  return words.slice(0, flags);
}

export function measureCeilings(): Ceilings {
  const [compiler, ...args] = compilerOf(readFileSync(at("build/native-build.log"), "utf8"));
  if (compiler === undefined) throw new Error("build/native-build.log: names no compiler; run npm ci.");
  mkdirSync(at("build/bench"), { recursive: true });
  const program = at("build/bench/ceilings");
  const flags = ["-O3", "-std=c++17", "-march=native", "-pthread", at("bench/ceilings.cpp"), "-o", program];
  execFileSync(compiler, [...args, ...flags]);
  return JSON.parse(execFileSync(program, { encoding: "utf8" })) as Ceilings;
}

export function formatCeilings({ fma, triad, triadStreaming, cache }: Ceilings): string {
  const pair = (values: Pair): string => values.map((value) => String(Math.round(value))).join(" / ");
  return [
    "Ceilings at 1 / 2 threads:",
    `FMA ${pair(fma)} GFLOP/s,`,
    `triad ${pair(triad)} GB/s (streaming stores ${pair(triadStreaming)}),`,
    `400 KB from cache ${pair(cache)} GB/s`,
  ].join(" ");
}
