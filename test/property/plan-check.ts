/** Reads a plan as a device would and tells where a step would read memory that another buffer has overwritten. */
import type { Access, Plan, PlanBuffer, Segment, Step } from "../../src/engine/ir/index.ts";
import { ACCUMULATOR, bytesPerElement } from "../../src/engine/ir/index.ts";

interface Touch {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Of fused steps: where each buffer is read and written, element by element. */
  readonly segments: readonly Segment[];
}

const real = (buffer: number) => buffer !== ACCUMULATOR;
const buffersOf = (list: readonly Access[]) => list.map(({ buffer }) => buffer).filter(real);

const segmentTouch = (segments: readonly Segment[], also: readonly number[]): Touch => ({
  reads: [...also, ...segments.flatMap(({ loads }) => buffersOf(loads))],
  writes: segments.flatMap(({ stores }) => buffersOf(stores)),
  segments,
});

/** The buffers of a step other than a loop. */
function touch(step: Exclude<Step, { kind: "loop" }>): Touch {
  const plain = (reads: readonly number[], writes: readonly number[]): Touch => ({
    reads,
    writes,
    segments: [],
  });
  switch (step.kind) {
    case "fused":
      return segmentTouch(step.segments, []);
    case "gemm":
      return { ...segmentTouch([step.epilogue.segment], [step.a.buffer, step.b.buffer]), segments: [] };
    case "conv":
      return { ...segmentTouch([step.epilogue.segment], [step.a, step.b]), segments: [] };
    case "window":
    case "sort":
    case "collective":
      return plain([step.src], [step.out]);
    case "index":
      return step.op === "gather"
        ? plain([step.src, step.indices], [step.out])
        : plain([step.base, step.indices, step.updates], [step.out]);
    case "composite":
      return plain(
        step.inputs.map(({ buffer }) => buffer),
        step.outputs,
      );
    default:
      return step satisfies never;
  }
}

interface Range {
  readonly space: string;
  readonly from: number;
  readonly to: number;
}

/** The bytes a buffer names. An output that a donated input gives is that input's memory. */
function rangeOf(plan: Plan, index: number): Range {
  const buffer = plan.buffers[index];
  if (buffer === undefined) throw new Error(`buffer ${index} does not exist`);
  const { place, bytes } = buffer;
  switch (place.in) {
    case "arena":
      if (place.offset % 64 !== 0) throw new Error(`buffer ${index} is not aligned`);
      if (place.offset + bytes > plan.arenaBytes) throw new Error(`buffer ${index} ends outside the arena`);
      return { space: "arena", from: place.offset, to: place.offset + bytes };
    case "output": {
      const donor = plan.outputs[place.index]?.donor ?? null;
      return { space: donor === null ? `output ${place.index}` : `input ${donor}`, from: 0, to: bytes };
    }
    case "input":
      return { space: `input ${place.index}`, from: 0, to: bytes };
    case "const":
      return { space: `const ${index}`, from: 0, to: bytes };
    case "scalar":
      return { space: `scalar ${place.index}`, from: 0, to: bytes };
    case "slice":
      // A moving window on its parent: it owns no bytes of its own.
      return rangeOf(plan, place.parent);
    default:
      return place satisfies never;
  }
}

/** The buffer whose value it is: a slice is its parent's, an alias that of the buffer it names. */
const rootOf = (plan: Plan, index: number): number => {
  const { place, alias } = plan.buffers[index] as PlanBuffer;
  if (alias !== undefined) return rootOf(plan, alias);
  return place.in === "slice" ? rootOf(plan, place.parent) : index;
};

const overlap = (a: Range, b: Range) => a.space === b.space && a.from < b.to && b.from < a.to;

/** What a range holds: the buffer that last wrote there. */
class Memory {
  readonly #held: { range: Range; buffer: number }[] = [];

  /** What is there before the run: a donated input's memory has the input's name and that of the result to come. */
  given(range: Range, buffer: number): void {
    this.#held.push({ range, buffer });
  }

  write(range: Range, buffer: number): void {
    const kept = this.#held.filter((held) => !overlap(held.range, range) || held.buffer === buffer);
    this.#held.length = 0;
    this.#held.push(...kept.filter((held) => held.buffer !== buffer), { range, buffer });
  }

  holds(range: Range, buffer: number): boolean {
    return (
      range.from === range.to ||
      this.#held.some((held) => held.buffer === buffer && held.range.space === range.space)
    );
  }
}

const same = (a: Access, b: Access) =>
  a.offset === b.offset && a.strides.every((stride, axis) => stride === b.strides[axis]);

/** In-place work is right only where each element is read where it is written, before it is written. */
function inPlaceProblems(plan: Plan, segments: readonly Segment[], at: string): string[] {
  const problems: string[] = [];
  segments.forEach((segment, s) => {
    for (const store of segment.stores) {
      const written = rangeOf(plan, store.buffer);
      segments.forEach((other, o) => {
        for (const load of other.loads) {
          const read = rangeOf(plan, load.buffer);
          if (!overlap(read, written)) continue;
          const widths = [load, store].map(
            ({ buffer }) => bytesPerElement[plan.buffers[buffer]?.aval.dtype ?? "f32"],
          );
          const inStep =
            s === o && read.from === written.from && widths[0] === widths[1] && same(load, store);
          if (!inStep)
            problems.push(`${at}: buffer ${load.buffer} is read while ${store.buffer} overwrites it`);
        }
      });
    }
  });
  return problems;
}

/** Everything wrong with the memory of a plan; none is right. */
export function memoryProblems(plan: Plan): string[] {
  const problems: string[] = [];
  const memory = new Memory();
  plan.buffers.forEach(({ place }, index) => {
    const given = place.in === "input" || place.in === "const" || place.in === "scalar";
    if (given && rootOf(plan, index) === index) memory.given(rangeOf(plan, index), index);
  });
  const run = (steps: readonly Step[], path: string): void => {
    steps.forEach((step, n) => {
      const at = `${path}step ${n} (${step.kind})`;
      if (step.kind === "loop") {
        const { guard } = step;
        if (guard !== undefined && !memory.holds(rangeOf(plan, rootOf(plan, guard)), rootOf(plan, guard)))
          problems.push(`${at}: its guard, buffer ${guard}, is not there`);
        // Twice: the second pass sees what the first left behind.
        for (const pass of [1, 2]) run(step.steps, `${at} pass ${pass}, `);
        return;
      }
      const { reads, writes, segments } = touch(step);
      for (const index of reads) {
        const root = rootOf(plan, index);
        if (!memory.holds(rangeOf(plan, root), root))
          problems.push(`${at}: reads buffer ${root}, which is not there`);
      }
      problems.push(...inPlaceProblems(plan, segments, at));
      if (segments.length === 0) {
        for (const write of writes) {
          for (const read of reads) {
            const scatterBase = step.kind === "index" && step.op === "scatter" && read === step.base;
            if (read !== write && !scatterBase && overlap(rangeOf(plan, read), rangeOf(plan, write))) {
              problems.push(`${at}: buffer ${read} is read while ${write} overwrites it`);
            }
          }
        }
      }
      for (const index of writes) {
        const root = rootOf(plan, index);
        const range = rangeOf(plan, root);
        const { place } = plan.buffers[root] as Plan["buffers"][number];
        if (place.in === "const" || place.in === "scalar") problems.push(`${at}: writes to a constant`);
        if (range.space.startsWith("input ") && !plan.donated[Number(range.space.slice(6))]) {
          problems.push(`${at}: writes to ${range.space}, which was not donated`);
        }
        memory.write(range, root);
      }
    });
  };
  run(plan.steps, "");
  plan.outputs.forEach(({ buffer }, i) => {
    if (!memory.holds(rangeOf(plan, buffer), rootOf(plan, buffer)))
      problems.push(`output ${i}: buffer ${buffer} is not there`);
  });
  return problems;
}
