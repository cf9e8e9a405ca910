/** Runs the steps of a plan. */
import { type Shape, sizeOf, UnsupportedError } from "../../../util/index.ts";
import type { Aval, ConvStep, GemmStep, IndexStep, MatrixAccess, Step, WindowStep } from "../../ir/index.ts";
import { evaluate, forEachIndex, type Operand, roundBF16 } from "../../ops/index.ts";
import type { Frame } from "./frame.ts";
import { runSegment } from "./fused.ts";

export function runSteps(steps: readonly Step[], frame: Frame): void {
  for (const step of steps) runStep(step, frame);
}

const operand = (frame: Frame, buffer: number): Operand => ({
  aval: frame.buffer(buffer).aval,
  data: frame.data(buffer),
});

function runStep(step: Step, frame: Frame): void {
  switch (step.kind) {
    case "fused":
      for (const segment of step.segments) runSegment(step.body, segment, frame);
      break;
    case "gemm":
      runSegment(step.epilogue.body, step.epilogue.segment, frame, multiply(step, frame));
      break;
    case "conv":
      runSegment(step.epilogue.body, step.epilogue.segment, frame, convolve(step, frame));
      break;
    case "window":
      runWindow(step, frame);
      break;
    case "index":
      runIndex(step, frame);
      break;
    case "sort": {
      const attrs = { axis: step.axis, descending: step.descending, k: step.k };
      store(frame, step.out, { op: "argsort", attrs }, [operand(frame, step.src)]);
      break;
    }
    case "collective": {
      const attrs = { kind: step.op, axis: step.axis };
      store(frame, step.out, { op: "collective", attrs }, [operand(frame, step.src)]);
      break;
    }
    case "composite":
      throw new UnsupportedError(`${step.name}: the reference device runs no composite as one kernel.`);
    case "loop":
      if (step.guard !== undefined && frame.data(step.guard)[0] === 0) break;
      for (let n = 0; n < step.length; n++) {
        frame.loops.push(step.reverse ? step.length - 1 - n : n);
        runSteps(step.steps, frame);
        frame.loops.pop();
      }
      break;
    default:
      step satisfies never;
  }
}

type Computation = Omit<Parameters<typeof evaluate>[0], "aval">;

/** One primitive's f64 kernel, into a buffer. */
function store(frame: Frame, out: number, computation: Computation, src: readonly Operand[]): void {
  const { aval } = frame.buffer(out);
  frame.data(out).set(evaluate({ ...computation, aval }, src)[0] as Float64Array);
}

function runWindow(step: WindowStep, frame: Frame): void {
  const src = [operand(frame, step.src)];
  switch (step.op) {
    case "cumulate": {
      const attrs = { kind: step.reduce, axis: step.axis, reverse: step.reverse };
      store(frame, step.out, { op: "cumulate", attrs }, src);
      break;
    }
    case "reduceWindow":
    case "argWindow": {
      const { window, stride, padding, dilation, reduce } = step;
      const attrs = { kind: reduce, window, stride, padding, dilation };
      store(frame, step.out, { op: step.op, attrs } as Computation, src);
      break;
    }
    default:
      step satisfies never;
  }
}

function runIndex(step: IndexStep, frame: Frame): void {
  const { axis, along } = step;
  switch (step.op) {
    case "gather": {
      const src = [operand(frame, step.src), operand(frame, step.indices)];
      const { fill } = step;
      store(
        frame,
        step.out,
        { op: "gather", attrs: { axis, along, ...(fill !== undefined && { fill }) } },
        src,
      );
      break;
    }
    case "scatter": {
      const attrs = { mode: step.mode, axis, along };
      const src = [step.base, step.indices, step.updates].map((buffer) => operand(frame, buffer));
      store(frame, step.out, { op: "scatter", attrs }, src);
      break;
    }
    default:
      step satisfies never;
  }
}

/** The sums of a gemm, row-major [...batch, m, n]. */
function multiply({ precision, batch, m, n, k, a, b }: GemmStep, frame: Frame): Float64Array {
  const out = new Float64Array(sizeOf(batch) * m * n);
  const data = (buffer: number) => {
    const values = frame.data(buffer);
    return precision === "bf16" ? values.map(roundBF16) : values;
  };
  const [left, right] = [data(a.buffer), data(b.buffer)];
  const base = (access: MatrixAccess, index: Shape) =>
    index.reduce((sum, i, axis) => sum + i * (access.batchStrides[axis] as number), access.offset);
  forEachIndex(batch, (index, flat) => {
    const [aBase, bBase] = [base(a, index), base(b, index)];
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < k; p++) {
        const x = left[aBase + i * a.rowStride + p * a.colStride] as number;
        const from = bBase + p * b.rowStride;
        const to = (flat * m + i) * n;
        for (let j = 0; j < n; j++) {
          out[to + j] = (out[to + j] as number) + x * (right[from + j * b.colStride] as number);
        }
      }
    }
  });
  return out;
}

const shapesOf = {
  conv: ["x", "w", "y"],
  convInputGrad: ["y", "w", "x"],
  convFilterGrad: ["x", "y", "w"],
} as const;

function convolve(step: ConvStep, frame: Frame): Float64Array {
  const { stride, padding, dilation, groups } = step;
  const [a, b, result] = shapesOf[step.op].map((name): Aval => ({ dtype: "f32", shape: step[name] })) as [
    Aval,
    Aval,
    Aval,
  ];
  const src = [
    { aval: a, data: frame.data(step.a) },
    { aval: b, data: frame.data(step.b) },
  ];
  const attrs = { stride, padding, dilation, groups };
  return evaluate({ op: step.op, attrs, aval: result }, src)[0] as Float64Array;
}
