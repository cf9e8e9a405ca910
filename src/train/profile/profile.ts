/** A profile: where a run's time went, by phase and by layer, and how near its kernels are to what the machine allows. */
import { partOf } from "../../engine/ir/index.ts";
import type { PlanTiming } from "../../engine/tensor/index.ts";
import type { Peaks } from "./peaks.ts";

/** Of one training step. */
export interface Cost {
  /** Of all threads together. */
  readonly seconds: number;
  readonly flops: number;
  /** Read and written if no cache held anything: more than memory's rate allows means that caches did. */
  readonly bytes: number;
}

/** A layer, or a part of the step that is none: `batch`, `loss`, `optimizer`, `metrics`. */
export interface PartProfile {
  readonly path: string;
  readonly forward: Cost;
  /** Its gradients, and what of the optimizer's update is fused with them. */
  readonly backward: Cost;
}

export interface PhaseProfile {
  /** As in `training`, `waiting for data`, `evaluation`, or the name of a callback. */
  readonly name: string;
  readonly seconds: number;
}

/** A step of the plan. */
export interface KernelProfile extends Cost {
  readonly step: string;
  readonly note: string;
  /** The parts it serves, most of its work first. */
  readonly parts: readonly string[];
}

export interface Profile {
  readonly device: string;
  /** Training steps that were timed, and what one took by the wall clock. */
  readonly steps: number;
  readonly secondsPerStep: number;
  /** Scratch memory of the plan. */
  readonly arenaBytes: number;
  readonly threads: number;
  /** Of the whole run so far, longest first. */
  readonly phases: readonly PhaseProfile[];
  /** In the order of the step's work. */
  readonly parts: readonly PartProfile[];
  /** Longest first. */
  readonly kernels: readonly KernelProfile[];
  readonly peaks: Peaks;
}

const noCost: Cost = { seconds: 0, flops: 0, bytes: 0 };
const plus = (a: Cost, b: Cost): Cost => ({
  seconds: a.seconds + b.seconds,
  flops: a.flops + b.flops,
  bytes: a.bytes + b.bytes,
});
const times = ({ seconds, flops, bytes }: Cost, factor: number): Cost => ({
  seconds: seconds * factor,
  flops: flops * factor,
  bytes: bytes * factor,
});

/** What a cost that no part has asked for goes to: moving and packing that serves many. */
export const elsewhere = "elsewhere";

interface Timed {
  readonly step: string;
  readonly note: string;
  readonly scopes: Readonly<Record<string, number>>;
  readonly cost: Cost;
}

/** The timed plan's steps, for one run of it. Of a loop only what its rounds have in common stays its own. */
function timedSteps({ runs, steps }: PlanTiming): Timed[] {
  const timed = steps.map(({ step, note, scopes, nanoseconds, work }) => ({
    step,
    note,
    scopes,
    cost: { seconds: nanoseconds / 1e9 / runs, ...work },
  }));
  steps.forEach(({ inside }, at) => {
    if (inside === 0) return;
    const own = timed[at] as Timed;
    const within = timed
      .slice(at + 1, at + 1 + inside)
      .filter((_, i) => (steps[at + 1 + i]?.inside ?? 0) === 0);
    const seconds = Math.max(0, own.cost.seconds - within.reduce((sum, { cost }) => sum + cost.seconds, 0));
    timed[at] = { ...own, cost: { ...own.cost, seconds } };
  });
  return timed;
}

/** The cost by part: what serves several is shared out by how much of its work is whose. */
export function partsOf(timings: readonly PlanTiming[]): PartProfile[] {
  const parts = new Map<string, { forward: Cost; backward: Cost }>();
  const runs = timings.reduce((sum, timing) => sum + timing.runs, 0);
  for (const timing of timings) {
    for (const { scopes, cost } of timedSteps(timing)) {
      const all = Object.values(scopes).reduce((sum, work) => sum + work, 0);
      const shares = all === 0 ? [[elsewhere, 1] as const] : Object.entries(scopes);
      for (const [scope, work] of shares) {
        const { path, backward } = partOf(scope);
        const known = parts.get(path) ?? { forward: noCost, backward: noCost };
        const way = backward ? "backward" : "forward";
        const share = times(cost, (work / (all || 1)) * (timing.runs / runs));
        parts.set(path, { ...known, [way]: plus(known[way], share) });
      }
    }
  }
  return [...parts].map(([path, costs]) => ({ path, ...costs }));
}

/** Those of the plan that ran longest. */
export function kernelsOf(timings: readonly PlanTiming[]): KernelProfile[] {
  const longest = [...timings].sort((a, b) => b.seconds - a.seconds)[0];
  if (longest === undefined) return [];
  return timedSteps(longest)
    .map(({ step, note, scopes, cost }) => ({
      step,
      note,
      parts: Object.entries(scopes)
        .sort(([, a], [, b]) => b - a)
        .map(([scope]) => scope),
      ...cost,
    }))
    .filter(({ seconds }) => seconds > 0)
    .sort((a, b) => b.seconds - a.seconds);
}

export interface Roofline {
  /** Floating-point operations for each byte. */
  readonly intensity: number;
  /** What bounds such work: arithmetic, or memory. */
  readonly bound: "compute" | "memory";
  /** Of what that bound allows; above 1 where caches held what the bytes count. */
  readonly share: number;
}

/**
 * Where a cost lies under the roof min(peak flops, intensity x bandwidth) of all threads together; null where nothing was timed.
 * @see Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model", 2009.
 */
export function rooflineOf(cost: Cost, peaks: Peaks, threads: number): Roofline | null {
  if (cost.seconds <= 0 || cost.flops + cost.bytes === 0) return null;
  const atLeast = { compute: cost.flops / peaks.flopsPerSecond, memory: cost.bytes / peaks.bytesPerSecond };
  const bound = atLeast.compute >= atLeast.memory ? "compute" : "memory";
  // `seconds` adds up threads, and the peaks are of all of them at once.
  return { intensity: cost.flops / cost.bytes, bound, share: (atLeast[bound] * threads) / cost.seconds };
}
