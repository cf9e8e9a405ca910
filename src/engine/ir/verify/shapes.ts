/** Checks that the operands of steps on whole buffers have shapes and dtypes that fit each other. */
import { type Shape, sameShape } from "../../../util/index.ts";
import { type Aval, formatAval, sameAval } from "../aval.ts";
import type { PadPair, WindowAttrs } from "../node.ts";
import type { CollectiveStep, IndexStep, Plan, SortStep, WindowStep } from "../plan.ts";
import { bufferOf } from "./access.ts";
import { fail } from "./fail.ts";

type WholeStep = WindowStep | IndexStep | SortStep | CollectiveStep;

function needAxis(axis: number, { shape }: Aval, where: string): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) fail(where, `there is no axis ${axis}`);
}

function needAval(what: string, got: Aval, expected: Aval, where: string): void {
  if (!sameAval(got, expected))
    fail(where, `${what} must be ${formatAval(expected)}; got ${formatAval(got)}`);
}

const withAxis = (shape: Shape, axis: number, sizes: Shape): Shape => [
  ...shape.slice(0, axis),
  ...sizes,
  ...shape.slice(axis + 1),
];

/** The aval of what is read from (or written to) `operand` at `indices`. */
function picked(operand: Aval, indices: Aval, axis: number, along: boolean, where: string): Aval {
  needAxis(axis, operand, where);
  if (indices.dtype !== "i32") fail(where, `indices must be i32; got ${formatAval(indices)}`);
  if (!along) return { dtype: operand.dtype, shape: withAxis(operand.shape, axis, indices.shape) };
  const size = indices.shape[axis];
  if (size === undefined || !sameShape(indices.shape, withAxis(operand.shape, axis, [size]))) {
    fail(where, `indices ${formatAval(indices)} do not go along ${formatAval(operand)}`);
  }
  return { dtype: operand.dtype, shape: indices.shape };
}

/** The shape of windows over x. */
function windowed({ shape }: Aval, attrs: WindowAttrs, where: string): Shape {
  const { window, stride, padding, dilation } = attrs;
  const perAxis = [window, stride, padding, dilation];
  if (perAxis.some((values) => values.length !== shape.length))
    fail(where, "there must be one window per axis");
  if ([...window, ...stride, ...dilation].some((value) => !Number.isInteger(value) || value < 1)) {
    fail(where, "windows, strides and dilations must be at least 1");
  }
  return shape.map((size, axis) => {
    const [lo, hi] = padding[axis] as PadPair;
    const extent = ((window[axis] as number) - 1) * (dilation[axis] as number) + 1;
    return Math.max(0, Math.floor((size + lo + hi - extent) / (stride[axis] as number)) + 1);
  });
}

export function checkShapes(plan: Plan, step: WholeStep, where: string): void {
  const aval = (buffer: number): Aval => bufferOf(plan, buffer, where).aval;
  switch (step.kind) {
    case "window": {
      const x = aval(step.src);
      if (step.op === "cumulate") {
        needAxis(step.axis, x, where);
        needAval("the result", aval(step.out), x, where);
        break;
      }
      const dtype = step.op === "argWindow" ? "i32" : x.dtype;
      needAval("the result", aval(step.out), { dtype, shape: windowed(x, step, where) }, where);
      break;
    }
    case "index": {
      const { axis, along } = step;
      if (step.op === "gather") {
        const expected = picked(aval(step.src), aval(step.indices), axis, along, where);
        needAval("the result", aval(step.out), expected, where);
        break;
      }
      const expected = picked(aval(step.base), aval(step.indices), axis, along, where);
      needAval("updates", aval(step.updates), expected, where);
      needAval("the result", aval(step.out), aval(step.base), where);
      break;
    }
    case "sort": {
      const x = aval(step.src);
      needAxis(step.axis, x, where);
      if (step.k > (x.shape[step.axis] as number)) fail(where, `there are no ${step.k} elements to sort out`);
      needAval(
        "the result",
        aval(step.out),
        { dtype: "i32", shape: withAxis(x.shape, step.axis, [step.k]) },
        where,
      );
      break;
    }
    case "collective":
      needAval("the result", aval(step.out), aval(step.src), where);
      break;
    default:
      step satisfies never;
  }
}
