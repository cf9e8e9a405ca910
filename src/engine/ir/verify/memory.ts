/** Checks that no two values that are alive at once share memory, and that donated memory is not written too early. */
import { bytesPerElement } from "../dtype.ts";
import { ACCUMULATOR, type Access, type Segment } from "../fused.ts";
import type { Plan, Step } from "../plan.ts";
import { fail } from "./fail.ts";
import { collectUses, rootOf, type Span, segmentsOf, type Use } from "./uses.ts";

/** When a buffer holds a value: from its first use to its last, both included. */
interface Life {
  readonly buffer: number;
  first: number;
  last: number;
  /** The step that ends it and the one that begins it, when it does not live on through a loop or the whole plan. */
  begins: Step | null;
  ends: Step | null;
}

/** A value that lives on from one round of a loop to another, or into or out of it, lives as long as the loop. */
function extend(life: Life, uses: readonly Use[], spans: readonly Span[]): void {
  // Inner loops come first in `spans`, so that outer ones see them extended.
  for (const { first, last } of spans) {
    if (!uses.some(({ time }) => time >= first && time <= last)) continue;
    // A value read before it is written in the loop was written before the loop.
    const crosses = life.first < first || life.last > last;
    if (!crosses) continue;
    if (first < life.first) {
      life.first = first;
      life.begins = null;
    }
    if (last > life.last) {
      life.last = last;
      life.ends = null;
    }
  }
}

const sameAccess = (a: Access, b: Access): boolean =>
  a.offset === b.offset &&
  a.guard === undefined &&
  a.strides.every((stride, axis) => stride === b.strides[axis]);

/** Whether a step may write `to` over `from` (the same memory): it reads each element of `from` only where it writes it. */
function inPlace(plan: Plan, step: Step, from: number, to: number): boolean {
  const [a, b] = [plan.buffers[from], plan.buffers[to]];
  if (a === undefined || b === undefined) return false;
  if (bytesPerElement[a.aval.dtype] !== bytesPerElement[b.aval.dtype]) return false;
  const isFrom = (buffer: number) => rootOf(plan, buffer) === from;
  const isTo = (buffer: number) => rootOf(plan, buffer) === to;
  if (step.kind === "index") {
    if (step.op !== "scatter" || isFrom(step.indices) || isFrom(step.updates)) return false;
    return isFrom(step.base) && isTo(step.out);
  }
  if (step.kind === "collective") return isFrom(step.src) && isTo(step.out);
  const parts = segmentsOf(step);
  if (parts === null) return false;
  if (step.kind === "gemm" && (isFrom(step.a.buffer) || isFrom(step.b.buffer))) return false;
  if (step.kind === "conv" && (isFrom(step.a) || isFrom(step.b))) return false;
  // Segments may run at the same time: one that writes `to` must be the only one to read `from`.
  const reads = ({ loads }: Segment) =>
    loads.filter(({ buffer }) => buffer !== ACCUMULATOR && isFrom(buffer));
  const writes = ({ stores }: Segment) => stores.filter(({ buffer }) => isTo(buffer));
  const reading = parts.segments.filter((segment) => reads(segment).length > 0);
  return parts.segments.every((segment) => {
    const stores = writes(segment);
    const alone = stores.length === 0 || reading.every((other) => other === segment);
    return alone && stores.every((store) => reads(segment).every((load) => sameAccess(load, store)));
  });
}

/** Throws when `earlier` and `later`, which share memory, are alive at once. */
function checkDisjoint(plan: Plan, x: Life, y: Life, sameStart: boolean): void {
  const [earlier, later] = x.first < y.first || (x.first === y.first && x.last < y.last) ? [x, y] : [y, x];
  if (earlier.last < later.first) return;
  const step = later.begins;
  const handsOver = earlier.last === later.first && step !== null && earlier.ends === step;
  if (handsOver && sameStart && inPlace(plan, step, earlier.buffer, later.buffer)) return;
  fail(
    "memory",
    `buffers ${earlier.buffer} and ${later.buffer} share bytes and are alive at once (step ${later.first})`,
  );
}

export function checkMemory(plan: Plan): void {
  const { uses, spans, end } = collectUses(plan);
  const byBuffer = new Map<number, Use[]>();
  for (const use of uses) byBuffer.set(use.buffer, [...(byBuffer.get(use.buffer) ?? []), use]);

  const lifeOf = (buffer: number): Life | null => {
    const mine = byBuffer.get(buffer);
    const [first, last] = [mine?.[0], mine?.at(-1)];
    if (mine === undefined || first === undefined || last === undefined) return null;
    const life = { buffer, first: first.time, last: last.time, begins: first.step, ends: last.step };
    extend(life, mine, spans);
    return life;
  };

  const arena: { life: Life; start: number; stop: number }[] = [];
  plan.buffers.forEach(({ place, bytes }, buffer) => {
    const mine = byBuffer.get(buffer);
    if ((place.in === "arena" || place.in === "output") && mine?.[0]?.write === false) {
      const written = place.in === "output" && plan.outputs[place.index]?.donor !== null;
      if (!written) fail("memory", `buffer ${buffer} is read before it is written`);
    }
    const life = lifeOf(buffer);
    if (place.in !== "arena" || life === null || bytes === 0) return;
    const [start, stop] = [place.offset, place.offset + bytes];
    for (const other of arena) {
      if (start < other.stop && other.start < stop)
        checkDisjoint(plan, life, other.life, start === other.start);
    }
    arena.push({ life, start, stop });
  });

  // A donated input is alive from before the first step; the output that takes its memory, to after the last.
  plan.outputs.forEach(({ buffer: named, donor }) => {
    const buffer = rootOf(plan, named);
    const output = lifeOf(buffer);
    if (donor === null || output === null) return;
    plan.buffers.forEach(({ place }, other) => {
      if (other === buffer || place.in !== "input" || place.index !== donor) return;
      const input = lifeOf(other);
      if (input === null) return;
      checkDisjoint(plan, { ...input, first: -1, begins: null }, { ...output, last: end, ends: null }, true);
    });
  });
}
