/** How much speed is left with more threads than cores, and beside another process that keeps one core busy. */
import { fileURLToPath } from "node:url";
import { nabla, torch } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";
import type { PeerSpec } from "../peer.ts";
import type { Report } from "../report.ts";
import { formatRatio, markdownTable } from "../summary.ts";
import { suite as mnist } from "./mnist-mlp.ts";
import { suite as wide } from "./wide-mlp.ts";

const wrapper = fileURLToPath(new URL("../peers/beside_busy.mjs", import.meta.url));
const [crowded, beside] = [", 8 threads", ", beside a busy process"];

const besideBusy = (spec: PeerSpec): PeerSpec => ({
  ...spec,
  name: spec.name + beside,
  command: process.execPath,
  args: [wrapper, spec.command, ...spec.args],
});

/** Alone at its best, crowded, and beside a busy process. */
function situations(
  make: (name: string, threads: readonly number[]) => PeerSpec[],
  name: string,
): PeerSpec[] {
  return [...make(name, [1, 2]), ...make(name + crowded, [8]), ...make(name, [1, 2]).map(besideBusy)];
}

const contestants = (): PeerSpec[] => [
  ...situations((name, threads) => nabla("mlp", { name, threads }), "nabla"),
  ...situations((name, threads) => torch("mlp", { name, threads, args: ["--fused"] }), "PyTorch, fused Adam"),
];

/** Each situation against the same contestant alone at its best. */
function section({ results }: Report): string {
  const best = (name: string): number =>
    Math.max(...results.filter(({ peer }) => peer === name).map(({ measured }) => measured.median));
  const rows = ["nabla", "PyTorch, fused Adam"].map((name) => [
    name,
    ...[crowded, beside].map((how) => formatRatio(best(name + how) / best(name))),
  ]);
  return [
    "What is left of each one's own speed alone:",
    markdownTable(["", "8 threads asked on 2 cores", "another process busy on one core"], rows),
  ].join("\n\n");
}

const contended = (bench: Bench): Bench => ({
  ...bench,
  name: `contention-${bench.name}`,
  title: `${bench.title}; crowded`,
  contestants,
  floor: undefined,
  section,
});

export const suite: Suite = {
  name: "contention",
  benches: () =>
    [...mnist.benches(), ...wide.benches()]
      .filter(({ name }) => name === "mnist-mlp-32" || name === "wide-mlp")
      .map(contended),
};
