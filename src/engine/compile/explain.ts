/** explain: a plan in words, one line a step. */
import {
  ACCUMULATOR,
  type CompositeStep,
  type Epilogue,
  type FusedBody,
  formatAval,
  type MatrixAccess,
  type Plan,
  type Segment,
  type Step,
} from "../ir/index.ts";

/**
 * What a plan does, and below each step what the device notes of it. Buffers are named by where they are: `in0` and `out0` are given by the caller, `a64` is byte 64 of the
 * arena, `c3` a constant, `n0` a host number, `in1[i]` the slice of a loop. Kernels show their shape, rows in brackets of their
 * own as in [32][10], what they compute in order, what they read and what they write.
 */
export function explain(plan: Plan, notes: readonly string[] = []): string {
  const lines = [header(plan), ...stepLines(plan, plan.steps, "", notes.values())];
  plan.outputs.forEach(({ buffer, aval, donor }, index) => {
    const how = donor === null ? "" : `, in the memory of input ${donor}`;
    lines.push(`output ${index}: ${formatAval(aval)} = ${nameOf(plan, buffer)}${how}`);
  });
  lines.push(`arena: ${plan.arenaBytes} bytes`);
  return lines.join("\n");
}

function header(plan: Plan): string {
  const count = plan.donated.filter(Boolean).length;
  const inputs = `${plan.inputs.length} inputs${count > 0 ? ` (${count} donated)` : ""}`;
  const scalars = plan.scalars.length > 0 ? `, ${plan.scalars.length} numbers` : "";
  return `${inputs}${scalars}, ${plan.outputs.length} outputs, ${plan.steps.length} steps`;
}

function stepLines(plan: Plan, steps: readonly Step[], indent: string, notes: Iterator<string>): string[] {
  return steps.flatMap((step, index) => {
    const { value: note } = notes.next();
    const below = note ? [`${indent}   ${note}`] : [];
    const inside = step.kind === "loop" ? stepLines(plan, step.steps, `${indent}  `, notes) : [];
    return [`${indent}${index}: ${describe(plan, step)}`, ...below, ...inside];
  });
}

/** Each step in words, those inside a loop right after it. */
export function explainSteps(plan: Plan, steps: readonly Step[] = plan.steps): string[] {
  return steps.flatMap((step) => [
    describe(plan, step),
    ...(step.kind === "loop" ? explainSteps(plan, step.steps) : []),
  ]);
}

function nameOf(plan: Plan, buffer: number): string {
  const place = plan.buffers[buffer]?.place;
  if (place === undefined) return "?";
  switch (place.in) {
    case "input":
      return `in${place.index}`;
    case "output":
      return `out${place.index}`;
    case "scalar":
      return `n${place.index}`;
    case "const":
      return `c${buffer}`;
    case "arena":
      return `a${place.offset}`;
    case "slice":
      return `${nameOf(plan, place.parent)}[${"ijkl"[place.depth] ?? "i"}]`;
    default:
      return place satisfies never;
  }
}

const MOST_NAMES = 12;

/** Distinct names in order. */
function names(plan: Plan, buffers: readonly number[]): string {
  const all = [
    ...new Set(buffers.filter((buffer) => buffer !== ACCUMULATOR).map((buffer) => nameOf(plan, buffer))),
  ];
  const more = all.length > MOST_NAMES ? ` and ${all.length - MOST_NAMES} more` : "";
  return all.slice(0, MOST_NAMES).join(" ") + more;
}

function computation(body: FusedBody): string {
  const words = body.instrs.flatMap((instr) => {
    switch (instr.op) {
      case "scalar":
        return [instr.fn];
      case "cast":
        return [instr.to];
      case "reduce":
        return [`<${instr.kind}>`];
      case "random":
        return ["random"];
      case "index":
        return ["iota"];
      case "load":
        return [];
      case "literal":
        return [];
      default:
        return instr satisfies never;
    }
  });
  if (words.length > 0) return words.join(" ");
  return body.instrs.some((instr) => instr.op === "load") ? "copy" : "fill";
}

const spaceOf = ({ shape, inner }: Segment): string => {
  const outer = shape.slice(0, shape.length - inner);
  return inner === 0 ? `[${shape}]` : `[${outer}][${shape.slice(shape.length - inner)}]`;
};

function fusedLine(plan: Plan, body: FusedBody, segments: readonly Segment[]): string {
  const spaces = segments.map(spaceOf);
  const where =
    segments.length > 1 ? `${segments.length} x ${[...new Set(spaces)].join(" ")}` : spaces.join("");
  const reads = names(
    plan,
    segments.flatMap(({ loads }) => loads.map(({ buffer }) => buffer)),
  );
  const writes = names(
    plan,
    segments.flatMap(({ stores }) => stores.map(({ buffer }) => buffer)),
  );
  return `fused ${where}: ${computation(body)} (${reads}) -> ${writes}`;
}

function epilogueText(plan: Plan, { body, segment }: Epilogue): string {
  const reads = names(
    plan,
    segment.loads.map(({ buffer }) => buffer),
  );
  const writes = names(
    plan,
    segment.stores.map(({ buffer }) => buffer),
  );
  const work = computation(body);
  return `${work === "copy" ? "" : `, then ${work}${reads === "" ? "" : ` (${reads})`}`} -> ${writes}`;
}

function matrixName(plan: Plan, { buffer, rowStride, colStride }: MatrixAccess): string {
  return `${nameOf(plan, buffer)}${rowStride < colStride ? "^T" : ""}`;
}

/** attention [16,128,4,32] [16,128,4,32] [16,128,4,32], causal. */
function kernelName({ name, inputs, params }: CompositeStep): string {
  const shapes = inputs.map(({ shape }) => ` [${shape}]`).join("");
  const set = Object.keys(params).filter((key) => params[key] === true);
  return `${name}${shapes}${set.map((key) => `, ${key}`).join("")}`;
}

function describe(plan: Plan, step: Step): string {
  const name = (buffer: number) => nameOf(plan, buffer);
  switch (step.kind) {
    case "fused":
      return fusedLine(plan, step.body, step.segments);
    case "gemm": {
      const batch = step.batch.length > 0 ? `${step.batch.join("x")} x ` : "";
      const operands = `${matrixName(plan, step.a)} ${matrixName(plan, step.b)}`;
      const rounded = step.precision === "f32" ? "" : ` in ${step.precision}`;
      return `gemm${rounded} ${batch}${step.m}x${step.n}x${step.k}: ${operands}${epilogueText(plan, step.epilogue)}`;
    }
    case "conv":
      return `${step.op} x[${step.x}] w[${step.w}] y[${step.y}]: ${name(step.a)} ${name(step.b)}${epilogueText(plan, step.epilogue)}`;
    case "window": {
      const window = step.op === "cumulate" ? `axis ${step.axis}` : `window [${step.window}]`;
      return `${step.op} ${step.reduce} ${window}: ${name(step.src)} -> ${name(step.out)}`;
    }
    case "index": {
      const along = step.along ? " along" : "";
      return step.op === "gather"
        ? `gather${along}${step.fill === undefined ? "" : ` or ${step.fill}`} axis ${step.axis}: ${name(step.src)} at ${name(step.indices)} -> ${name(step.out)}`
        : `scatter ${step.mode}${along} axis ${step.axis}: ${name(step.base)} with ${name(step.updates)} at ${name(step.indices)} -> ${name(step.out)}`;
    }
    case "sort": {
      const kind = step.descending ? "descending" : "ascending";
      return `argsort ${kind} axis ${step.axis}, first ${step.k}: ${name(step.src)} -> ${name(step.out)}`;
    }
    case "composite":
      return `${kernelName(step)}: ${names(
        plan,
        step.inputs.map(({ buffer }) => buffer),
      )} -> ${names(plan, step.outputs)}`;
    case "collective":
      return `${step.op}: ${name(step.src)} -> ${name(step.out)}`;
    case "loop": {
      if (step.guard !== undefined) return `where ${name(step.guard)}:`;
      const way = step.reverse ? " backwards" : "";
      return `loop ${step.length} times${way}:`;
    }
    default:
      return step satisfies never;
  }
}
