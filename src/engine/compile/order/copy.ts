/** Copies of whole storages. */
import { sizeOf } from "../../../util/index.ts";
import { computeDType, type FusedStep, type Step } from "../../ir/index.ts";
import { type Storage, type Storages, sameMemory } from "../memory/storage.ts";

export function copyStep(from: Storage, to: Storage): FusedStep {
  const { dtype } = from.aval;
  const size = sizeOf(from.aval.shape);
  const shape = size === 1 ? [] : [size];
  const strides = shape.map(() => 1);
  return {
    kind: "fused",
    body: {
      instrs: [{ op: "load", load: 0, dtype: computeDType[dtype], level: "inner" }],
      loads: [dtype],
      stores: [{ value: 0, dtype }],
      indices: 0,
    },
    segments: [
      {
        shape,
        inner: 0,
        loads: [{ buffer: from.id, offset: 0, strides }],
        indices: [],
        stores: [{ buffer: to.id, offset: 0, strides }],
      },
    ],
  };
}

/** Whether all a step does is copy. */
export const isCopy = (step: Step): step is FusedStep =>
  step.kind === "fused" &&
  step.body.instrs.length === 1 &&
  step.body.stores.length === 1 &&
  step.body.instrs[0]?.op === "load" &&
  step.body.loads[0] === step.body.stores[0]?.dtype;

/** The step without segments that copy memory onto itself; null when nothing is left. */
export function withoutSelfCopies(step: Step, storages: Storages): Step | null {
  if (step.kind === "loop") {
    const steps = step.steps.flatMap((inner) => withoutSelfCopies(inner, storages) ?? []);
    return { ...step, steps };
  }
  if (!isCopy(step)) return step;
  const segments = step.segments.filter(({ loads: [load], stores: [store], shape }) => {
    if (load === undefined || store === undefined || load.guard !== undefined) return true;
    if (!sameMemory(storages.get(load.buffer), storages.get(store.buffer))) return true;
    return (
      load.offset !== store.offset || shape.some((_, axis) => load.strides[axis] !== store.strides[axis])
    );
  });
  return segments.length === 0 ? null : { ...step, segments };
}
