/** What a step reads and writes, and the same step over other buffers. */
import {
  ACCUMULATOR,
  type Access,
  type Epilogue,
  type MatrixAccess,
  type Segment,
  type Step,
} from "../../ir/index.ts";

type Renumber = (buffer: number) => number;

const access = (old: Access, number: Renumber): Access =>
  old.buffer === ACCUMULATOR ? old : { ...old, buffer: number(old.buffer) };

const segment = (old: Segment, number: Renumber): Segment => ({
  ...old,
  loads: old.loads.map((load) => access(load, number)),
  stores: old.stores.map((store) => access(store, number)),
});

const matrix = (old: MatrixAccess, number: Renumber): MatrixAccess => ({
  ...old,
  buffer: number(old.buffer),
});

const epilogue = (old: Epilogue, number: Renumber): Epilogue => ({
  body: old.body,
  segment: segment(old.segment, number),
});

/** The step with every buffer number replaced. */
export function renumber(step: Step, number: Renumber): Step {
  switch (step.kind) {
    case "fused":
      return { ...step, segments: step.segments.map((each) => segment(each, number)) };
    case "gemm":
      return {
        ...step,
        a: matrix(step.a, number),
        b: matrix(step.b, number),
        epilogue: epilogue(step.epilogue, number),
      };
    case "conv":
      return { ...step, a: number(step.a), b: number(step.b), epilogue: epilogue(step.epilogue, number) };
    case "window":
    case "sort":
    case "collective":
      return { ...step, src: number(step.src), out: number(step.out) };
    case "index":
      return step.op === "gather"
        ? { ...step, src: number(step.src), indices: number(step.indices), out: number(step.out) }
        : {
            ...step,
            base: number(step.base),
            indices: number(step.indices),
            updates: number(step.updates),
            out: number(step.out),
          };
    case "composite":
      return {
        ...step,
        inputs: step.inputs.map((input) => ({ ...input, buffer: number(input.buffer) })),
        outputs: step.outputs.map(number),
      };
    case "loop":
      return {
        ...step,
        ...(step.guard !== undefined && { guard: number(step.guard) }),
        steps: step.steps.map((inner) => renumber(inner, number)),
      };
    default:
      return step satisfies never;
  }
}

/** Whether the step may write `written` over `read` at the same place, having read what it needs there. */
export function runsInPlace(step: Step, read: number, written: number): boolean {
  switch (step.kind) {
    case "fused": {
      const touching = step.segments.filter(
        ({ loads, stores }) =>
          loads.some((l) => l.buffer === read) || stores.some((s) => s.buffer === written),
      );
      const only = touching[0];
      return touching.length === 1 && only !== undefined && aligned(only, read, written);
    }
    case "gemm":
      return (
        step.a.buffer !== read && step.b.buffer !== read && aligned(step.epilogue.segment, read, written)
      );
    case "conv":
      return step.a !== read && step.b !== read && aligned(step.epilogue.segment, read, written);
    case "index":
      return (
        step.op === "scatter" &&
        step.base === read &&
        step.out === written &&
        step.indices !== read &&
        step.updates !== read
      );
    case "window":
    case "sort":
    case "composite":
    case "collective":
    case "loop":
      return false;
    default:
      return step satisfies never;
  }
}

/**
 * Every load of `read` and the only store of `written` walk alike. A row that is read several times is written when it is read for
 * the last time: backends hold back stores over memory that is read.
 */
function aligned({ loads, stores }: Segment, read: number, written: number): boolean {
  const [store, ...more] = stores.filter((each) => each.buffer === written);
  if (store === undefined || more.length > 0) return false;
  return loads.every(
    (load) =>
      load.buffer !== read ||
      (load.guard === undefined &&
        load.offset === store.offset &&
        load.strides.every((stride, axis) => stride === store.strides[axis])),
  );
}
