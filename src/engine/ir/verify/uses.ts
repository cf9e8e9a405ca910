/** Which buffers each step reads and writes, in the order of execution. */
import { ACCUMULATOR, type FusedBody, type Segment } from "../fused.ts";
import type { LoopStep, Plan, Step } from "../plan.ts";

export interface Use {
  readonly buffer: number;
  readonly write: boolean;
  /** When: steps are numbered in order, loops included. */
  readonly time: number;
  readonly step: Step;
}

/** A loop's steps run again and again between these times. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

const segmentUses = (segment: Segment): [number, boolean][] => [
  ...segment.loads
    .filter(({ buffer }) => buffer !== ACCUMULATOR)
    .map(({ buffer }): [number, boolean] => [buffer, false]),
  ...segment.stores.map(({ buffer }): [number, boolean] => [buffer, true]),
];

/** The segments a step computes elementwise, with their body. */
export function segmentsOf(
  step: Step,
): { readonly body: FusedBody; readonly segments: readonly Segment[] } | null {
  if (step.kind === "fused") return { body: step.body, segments: step.segments };
  if (step.kind === "gemm" || step.kind === "conv") {
    return { body: step.epilogue.body, segments: [step.epilogue.segment] };
  }
  return null;
}

/** [buffer, written] of a step other than a loop. */
export function usesOf(step: Exclude<Step, LoopStep>): [number, boolean][] {
  const reads = (...buffers: number[]) => buffers.map((buffer): [number, boolean] => [buffer, false]);
  const writes = (...buffers: number[]) => buffers.map((buffer): [number, boolean] => [buffer, true]);
  switch (step.kind) {
    case "fused":
      return step.segments.flatMap(segmentUses);
    case "gemm":
      return [...reads(step.a.buffer, step.b.buffer), ...segmentUses(step.epilogue.segment)];
    case "conv":
      return [...reads(step.a, step.b), ...segmentUses(step.epilogue.segment)];
    case "index":
      return step.op === "gather"
        ? [...reads(step.src, step.indices), ...writes(step.out)]
        : [...reads(step.base, step.indices, step.updates), ...writes(step.out)];
    case "window":
    case "sort":
    case "collective":
      return [...reads(step.src), ...writes(step.out)];
    case "composite":
      return [...reads(...step.inputs.map(({ buffer }) => buffer)), ...writes(...step.outputs)];
    default:
      return step satisfies never;
  }
}

/** The buffer whose memory a slice is part of or an alias names; itself for any other. */
export function rootOf(plan: Plan, buffer: number): number {
  let index = buffer;
  for (let hops = 0; hops <= plan.buffers.length; hops++) {
    const { place, alias } = plan.buffers[index] ?? {};
    if (alias !== undefined) index = alias;
    else if (place?.in === "slice") index = place.parent;
    else return index;
  }
  return index;
}

/** Every use, by root buffer, in order; reads of a step before its writes. And when loops run. */
export function collectUses(plan: Plan): { uses: Use[]; spans: Span[]; end: number } {
  const uses: Use[] = [];
  const spans: Span[] = [];
  let time = 0;
  const walk = (steps: readonly Step[]) => {
    for (const step of steps) {
      if (step.kind === "loop") {
        if (step.guard !== undefined) {
          uses.push({ buffer: rootOf(plan, step.guard), write: false, time: time++, step });
        }
        const first = time;
        walk(step.steps);
        spans.push({ first, last: time - 1 });
        continue;
      }
      const all = usesOf(step).map(([buffer, write]) => ({
        buffer: rootOf(plan, buffer),
        write,
        time,
        step,
      }));
      uses.push(...all.filter((use) => !use.write), ...all.filter((use) => use.write));
      time++;
    }
  };
  walk(plan.steps);
  return { uses, spans, end: time };
}
