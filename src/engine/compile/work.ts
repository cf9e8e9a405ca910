/** What a plan's steps have to do at least: arithmetic, and bytes between memory and the processor. */
import { sizeOf } from "../../util/index.ts";
import {
  ACCUMULATOR,
  type Access,
  bytesOf,
  bytesPerElement,
  type CompositeStep,
  type Epilogue,
  type FusedBody,
  type Plan,
  type Segment,
  type Step,
  type TensorAccess,
} from "../ir/index.ts";

export interface StepWork {
  /** Two for each multiply-add of a contraction, one for each other arithmetic operation or operand of a reduction. */
  readonly flops: number;
  /** Each operand read and each result written once, as if no cache held it from the step before. */
  readonly bytes: number;
}

/** Each step's work, those inside a loop right after it, for all of its rounds. A loop has none of its own. */
export function workOfSteps(plan: Plan, steps: readonly Step[] = plan.steps, rounds = 1): StepWork[] {
  return steps.flatMap((step) => {
    if (step.kind === "loop")
      return [{ flops: 0, bytes: 0 }, ...workOfSteps(plan, step.steps, rounds * step.length)];
    const { flops, bytes } = workOf(plan, step);
    return [{ flops: rounds * flops, bytes: rounds * bytes }];
  });
}

const none: StepWork = { flops: 0, bytes: 0 };
const plus = (a: StepWork, b: StepWork): StepWork => ({ flops: a.flops + b.flops, bytes: a.bytes + b.bytes });

function workOf(plan: Plan, step: Exclude<Step, { kind: "loop" }>): StepWork {
  const elements = (buffer: number): number => sizeOf(plan.buffers[buffer]?.aval.shape ?? [0]);
  const whole = (...buffers: readonly number[]): number =>
    buffers.reduce((sum, buffer) => sum + (plan.buffers[buffer]?.bytes ?? 0), 0);
  switch (step.kind) {
    case "fused":
      return step.segments.map((segment) => kernel(plan, step.body, segment)).reduce(plus, none);
    case "gemm": {
      const { m, n, k, a, b, batch } = step;
      const matrices = (strides: readonly number[]) => sizeOf(batch.filter((_, axis) => strides[axis] !== 0));
      const products = { flops: 2 * sizeOf(batch) * m * n * k, bytes: 0 };
      const operands = 4 * (matrices(a.batchStrides) * m * k + matrices(b.batchStrides) * k * n);
      return [products, { flops: 0, bytes: operands }, epilogue(plan, step.epilogue)].reduce(plus, none);
    }
    case "conv": {
      // Each output is a sum over a filter's window of the channels in its group; so is each gradient, by symmetry.
      const perOutput = sizeOf(step.w.slice(0, -1));
      const products = { flops: 2 * sizeOf(step.y) * perOutput, bytes: whole(step.a, step.b) };
      return plus(products, epilogue(plan, step.epilogue));
    }
    case "window": {
      const results = elements(step.out);
      const flops = step.op === "cumulate" ? results : results * sizeOf(step.window);
      return { flops, bytes: whole(step.src, step.out) };
    }
    case "index": {
      if (step.op === "gather") return { flops: 0, bytes: whole(step.indices) + 2 * whole(step.out) };
      const adds = step.mode === "add" ? elements(step.updates) : 0;
      const copied = step.base === step.out ? 0 : whole(step.base) + whole(step.out);
      return { flops: adds, bytes: copied + whole(step.indices) + 3 * whole(step.updates) };
    }
    case "sort":
    case "collective":
      return { flops: 0, bytes: whole(step.src, step.out) };
    case "composite":
      return {
        flops: attention(step),
        bytes: whole(...step.outputs) + step.inputs.reduce((sum, input) => sum + touched(plan, input), 0),
      };
    default:
      return step satisfies never;
  }
}

/** Scores and what they weigh, two products; backwards those again and five in all for the gradients. Half of it where it is causal. */
function attention({ name, params, inputs }: CompositeStep): number {
  const [q, k] = inputs as [TensorAccess, TensorAccess];
  const [batch = 1, queries = 1, heads = 1, width = 1] = q.shape;
  const product = 2 * batch * heads * queries * (k.shape[1] ?? 1) * width;
  return ((name === "attention" ? 2 : 7) * product) / (params.causal === true ? 2 : 1);
}

function kernel(plan: Plan, body: FusedBody, segment: Segment): StepWork {
  const points = sizeOf(segment.shape);
  const rows = sizeOf(segment.shape.slice(0, segment.shape.length - segment.inner));
  let flops = 0;
  for (const instr of body.instrs) {
    if (instr.op === "reduce") flops += points;
    else if (instr.op === "scalar" && instr.dtype === "f32") flops += instr.level === "inner" ? points : rows;
  }
  const places = new Map<string, number>();
  for (const access of [...segment.loads, ...segment.stores]) {
    if (access.buffer === ACCUMULATOR) continue;
    // What is loaded twice from one place, or stored where it was loaded, comes once and goes once.
    const way = segment.stores.includes(access) ? "to" : "from";
    const place = `${way} ${access.buffer} ${access.offset} ${access.strides}`;
    places.set(place, touched(plan, { ...access, shape: segment.shape }));
  }
  return { flops, bytes: [...places.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

const epilogue = (plan: Plan, { body, segment }: Epilogue): StepWork => kernel(plan, body, segment);

/** Bytes of the elements an access goes over, each once. */
function touched(
  plan: Plan,
  { buffer, shape, strides }: Pick<Access, "buffer" | "strides"> & { readonly shape: readonly number[] },
): number {
  const held = plan.buffers[buffer];
  if (held === undefined) return 0;
  const elements = sizeOf(shape.filter((_, axis) => strides[axis] !== 0));
  return Math.min(elements * bytesPerElement[held.aval.dtype], bytesOf(held.aval));
}
