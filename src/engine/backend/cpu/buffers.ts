/** What encoding needs to know of a plan's buffers: their numbers, whether steps may write to them, which may share memory. */
import { InternalError } from "../../../util/index.ts";
import { type DType, dtypes, type Plan, type PlanBuffer } from "../../ir/index.ts";

/** As in native/kernels.h. */
export function dtypeNumber(dtype: DType): number {
  const number = dtypes.indexOf(dtype);
  if (number < 0) throw new InternalError(`plan: there is no dtype ${dtype}`);
  return number;
}

export function bufferOf(plan: Plan, index: number): PlanBuffer {
  const buffer = plan.buffers[index];
  if (buffer === undefined) throw new InternalError(`plan: there is no buffer ${index}`);
  return buffer;
}

/** Never a constant, a scalar or an input that was not given away. */
export function isWritable(plan: Plan, { place }: PlanBuffer): boolean {
  switch (place.in) {
    case "output":
    case "arena":
      return true;
    case "const":
    case "scalar":
      return false;
    case "input":
      return plan.donated[place.index] === true;
    case "slice":
      return isWritable(plan, bufferOf(plan, place.parent));
    default:
      return place satisfies never;
  }
}

/** The buffer that a slice is cut from; itself when it is none. */
function rootOf(plan: Plan, index: number): PlanBuffer {
  const buffer = bufferOf(plan, index);
  return buffer.place.in === "slice" ? rootOf(plan, buffer.place.parent) : buffer;
}

export function mayOverlap(plan: Plan, a: number, b: number): boolean {
  if (a === b) return true;
  const [one, two] = [rootOf(plan, a), rootOf(plan, b)];
  if (one === two) return true;
  const [p, q] = [one.place, two.place];
  if (p.in === "arena" && q.in === "arena") {
    return p.offset < q.offset + two.bytes && q.offset < p.offset + one.bytes;
  }
  if ((p.in === "input" && q.in === "input") || (p.in === "output" && q.in === "output"))
    return p.index === q.index;
  // An output with a donor is that input's memory.
  const [input, output] = p.in === "input" ? [p, q] : [q, p];
  return input.in === "input" && output.in === "output" && plan.outputs[output.index]?.donor === input.index;
}
