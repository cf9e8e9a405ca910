/** Checks that a plan is well formed: what a backend may rely on. */
import { sizeOf } from "../../../util/index.ts";
import { bytesOf, formatAval, sameAval } from "../aval.ts";
import type {
  ConvStep,
  FusedStep,
  GemmStep,
  LoopStep,
  MatrixAccess,
  Plan,
  PlanBuffer,
  Step,
  TensorAccess,
} from "../plan.ts";
import { bufferOf, checkRange, checkSegment } from "./access.ts";
import { checkBody, type ScalarArity } from "./body.ts";
import { fail } from "./fail.ts";
import { checkMemory } from "./memory.ts";
import { checkShapes } from "./shapes.ts";
import { rootOf, usesOf } from "./uses.ts";

function checkBuffer(plan: Plan, { place, aval, bytes, alias }: PlanBuffer, index: number): void {
  const where = `buffer ${index} (${place.in}, ${formatAval(aval)})`;
  if (bytes !== bytesOf(aval)) fail(where, `its bytes must be ${bytesOf(aval)}; got ${bytes}`);
  if (alias !== undefined) {
    const other = bufferOf(plan, alias, where);
    const same =
      other.aval.dtype === aval.dtype &&
      other.bytes === bytes &&
      JSON.stringify(other.place) === JSON.stringify(place);
    if (!same) fail(where, `does not agree with buffer ${alias}, which it is an alias of`);
    return;
  }
  switch (place.in) {
    case "input": {
      const input = plan.inputs[place.index];
      // The memory of a donated input may hold a result of another shape.
      const taken = plan.donated[place.index] && input?.dtype === aval.dtype && bytesOf(input) === bytes;
      if (input === undefined || !(sameAval(input, aval) || taken))
        fail(where, `does not agree with input ${place.index}`);
      return;
    }
    case "output": {
      const output = plan.outputs[place.index];
      if (output === undefined || rootOf(plan, output.buffer) !== index)
        fail(where, `is not output ${place.index}`);
      return;
    }
    case "scalar": {
      const scalar = plan.scalars[place.index];
      if (scalar === undefined || !sameAval(scalar, aval) || aval.shape.length > 0) {
        fail(where, `does not agree with scalar ${place.index}`);
      }
      return;
    }
    case "const":
      if (place.data.byteLength < bytes) fail(where, `has data of ${place.data.byteLength} bytes`);
      return;
    case "arena":
      if (place.offset % 64 !== 0 || place.offset < 0)
        fail(where, `its offset ${place.offset} must be a multiple of 64`);
      if (place.offset + bytes > plan.arenaBytes)
        fail(where, `ends after the arena of ${plan.arenaBytes} bytes`);
      return;
    case "slice": {
      const parent = bufferOf(plan, place.parent, where);
      if (plan.buffers[rootOf(plan, index)]?.place.in === "slice") fail(where, "is a slice of itself");
      if (parent.aval.dtype !== aval.dtype) fail(where, `has another dtype than buffer ${place.parent}`);
      if (!Number.isInteger(place.stride) || place.stride < 0) fail(where, `its stride is ${place.stride}`);
      if (!Number.isInteger(place.depth) || place.depth < 0) fail(where, `its depth is ${place.depth}`);
      return;
    }
    default:
      place satisfies never;
  }
}

function checkOutputs(plan: Plan): void {
  const donors = new Set<number>();
  plan.outputs.forEach(({ buffer, aval, donor }, index) => {
    const where = `output ${index}`;
    const own = bufferOf(plan, buffer, where);
    if (!sameAval(own.aval, aval))
      fail(where, `must be ${formatAval(aval)}; its buffer is ${formatAval(own.aval)}`);
    const { place } = own;
    const passes = place.in === "input" && place.index === donor;
    if (!passes && !(place.in === "output" && place.index === index)) {
      fail(where, "must be in memory the caller gives for it");
    }
    if (donor === null) return;
    const input = plan.inputs[donor];
    if (input === undefined || !plan.donated[donor]) fail(where, `its donor ${donor} is not a donated input`);
    if (donors.has(donor)) fail(where, `its donor ${donor} serves another output too`);
    if (bytesOf(input) !== bytesOf(aval)) fail(where, `its donor ${donor} has another size`);
    donors.add(donor);
  });
  plan.buffers.forEach(({ place }, index) => {
    const seen = plan.outputs.some(({ buffer }) => rootOf(plan, buffer) === rootOf(plan, index));
    if (place.in === "output" && !seen) fail(`buffer ${index}`, "is an output that the plan does not list");
  });
}

function checkMatrix(
  plan: Plan,
  step: GemmStep,
  access: MatrixAccess,
  rows: number,
  columns: number,
  where: string,
): void {
  const shape = [...step.batch, rows, columns];
  const strides = [...access.batchStrides, access.rowStride, access.colStride];
  if (strides.length !== shape.length) fail(where, "there must be one stride per batch axis");
  const { dtype } = bufferOf(plan, access.buffer, where).aval;
  if (dtype !== "f32") fail(where, `must be f32; got ${dtype}`);
  checkRange(
    plan,
    access.buffer,
    { offset: access.offset, strides },
    shape.map(() => 0),
    shape,
    where,
  );
}

function checkGemm(plan: Plan, step: GemmStep, where: string): void {
  checkMatrix(plan, step, step.a, step.m, step.k, `${where}, a`);
  checkMatrix(plan, step, step.b, step.k, step.n, `${where}, b`);
  const { segment } = step.epilogue;
  const shape = [...step.batch, step.m, step.n];
  if (`${segment.shape}` !== `${shape}` || segment.inner !== 0)
    fail(where, `the epilogue must cover [${shape}]`);
}

function checkTensor(plan: Plan, access: TensorAccess, where: string): void {
  const { buffer, shape, strides } = access;
  if (strides.length !== shape.length) fail(where, "there must be one stride per axis");
  checkRange(
    plan,
    buffer,
    access,
    shape.map(() => 0),
    shape,
    where,
  );
}

const convShapes = {
  conv: { a: "x", b: "w", result: "y" },
  convInputGrad: { a: "y", b: "w", result: "x" },
  convFilterGrad: { a: "x", b: "y", result: "w" },
} as const;

function checkConv(plan: Plan, step: ConvStep, where: string): void {
  const names = convShapes[step.op];
  for (const operand of ["a", "b"] as const) {
    const { aval } = bufferOf(plan, step[operand], where);
    const shape = step[names[operand]];
    if (aval.dtype !== "f32" || sizeOf(aval.shape) !== sizeOf(shape)) {
      fail(where, `operand ${operand} must be f32[${shape}]; got ${formatAval(aval)}`);
    }
  }
  const result = step[names.result];
  const { segment } = step.epilogue;
  if (`${segment.shape}` !== `${result}` || segment.inner !== 0)
    fail(where, `the epilogue must cover [${result}]`);
}

/** The last byte a slice reaches in a loop that runs `lengths[depth]` times. */
function checkSlice(plan: Plan, buffer: number, lengths: readonly number[], where: string): void {
  const { place, bytes } = bufferOf(plan, buffer, where);
  if (place.in !== "slice") return;
  const length = lengths[place.depth];
  if (length === undefined) fail(where, `buffer ${buffer} is a slice of a loop this step is not in`);
  const parent = bufferOf(plan, place.parent, where);
  if ((length - 1) * place.stride + bytes > parent.bytes) {
    fail(where, `slices of buffer ${place.parent} (${parent.bytes} bytes) end after it`);
  }
  checkSlice(plan, place.parent, lengths, where);
}

function checkWritable(plan: Plan, buffer: number, where: string): void {
  const place = plan.buffers[rootOf(plan, buffer)]?.place;
  if (place?.in === "const" || place?.in === "scalar") fail(where, `writes to a ${place.in}`);
  if (place?.in === "input" && !plan.donated[place.index])
    fail(where, `writes to input ${place.index}, which is not donated`);
}

function checkFused(plan: Plan, step: FusedStep, arity: ScalarArity, where: string): void {
  const rows = step.segments.some(({ inner }) => inner > 0);
  if (rows && step.segments.some(({ inner }) => inner === 0))
    fail(where, "all segments must have rows, or none");
  checkBody(step.body, rows, arity, where);
  step.segments.forEach((segment, n) => {
    checkSegment(plan, step.body, segment, false, `${where}, segment ${n}`);
  });
}

function checkStep(plan: Plan, step: Exclude<Step, LoopStep>, arity: ScalarArity, where: string): void {
  switch (step.kind) {
    case "fused":
      checkFused(plan, step, arity, where);
      break;
    case "gemm":
    case "conv": {
      if (step.kind === "gemm") checkGemm(plan, step, where);
      else checkConv(plan, step, where);
      const { body, segment } = step.epilogue;
      checkBody(body, false, arity, `${where}, epilogue`);
      checkSegment(plan, body, segment, true, `${where}, epilogue`);
      break;
    }
    case "window":
    case "index":
    case "sort":
    case "collective":
      checkShapes(plan, step, where);
      break;
    case "composite":
      step.inputs.forEach((input, index) => {
        checkTensor(plan, input, `${where}, input ${index}`);
      });
      break;
    default:
      step satisfies never;
  }
}

function checkSteps(
  plan: Plan,
  steps: readonly Step[],
  lengths: readonly number[],
  arity: ScalarArity,
  path: string,
): void {
  steps.forEach((step, index) => {
    const where = `${path}${step.kind} ${index}`;
    if (step.kind === "loop") {
      if (!Number.isInteger(step.length) || step.length < 1) fail(where, `runs ${step.length} times`);
      if (step.guard !== undefined) {
        const { aval } = bufferOf(plan, step.guard, where);
        if (aval.dtype !== "bool" || aval.shape.length > 0 || step.length !== 1)
          fail(where, `a guard is bool[], of one round; got ${formatAval(aval)} and ${step.length} rounds`);
        checkSlice(plan, step.guard, lengths, where);
      }
      checkSteps(plan, step.steps, [...lengths, step.length], arity, `${where} > `);
      return;
    }
    for (const [buffer, write] of usesOf(step)) {
      bufferOf(plan, buffer, where);
      checkSlice(plan, buffer, lengths, where);
      if (write) checkWritable(plan, buffer, where);
    }
    checkStep(plan, step, arity, where);
  });
}

/**
 * Throws InternalError, saying where, unless: buffers lie where they may and fit; every access is inside its buffer; stores are
 * not guarded and write each place once; slices are used inside their loops; inputs are written only if donated; no value is
 * read before it is written; values alive at once never share memory, nor a donated input and the output that takes its memory.
 * With `arity`, scalar instructions must have that many arguments.
 */
export function verifyPlan(plan: Plan, arity: ScalarArity = null): void {
  if (plan.donated.length !== plan.inputs.length) fail("plan", "there must be one donated flag per input");
  plan.buffers.forEach((buffer, index) => {
    checkBuffer(plan, buffer, index);
  });
  checkOutputs(plan);
  checkSteps(plan, plan.steps, [], arity, "");
  checkMemory(plan);
}
