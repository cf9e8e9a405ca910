/** From groups to tasks: every group becomes one step over storages. */
import { InternalError, sizeOf } from "../../../util/index.ts";
import type { Aval, Graph, MatmulPrecision, Scopes, Step, TensorAccess } from "../../ir/index.ts";
import type { Built } from "../build.ts";
import type { Group } from "../fuse/index.ts";
import { type Operand, resultOf, type Unit, type Value } from "../lower/units.ts";
import type { Storage, Storages } from "../memory/storage.ts";
import type { Donation } from "../order/donate.ts";
import { collapse } from "./collapse.ts";
import { convStep, gemmStep } from "./contraction.ts";
import { emitKernel } from "./kernel.ts";
import { loopTask } from "./loop.ts";
import type { Task } from "./task.ts";

export type { Task } from "./task.ts";

export interface EmitContext {
  readonly storages: Storages;
  /** Where each value is; absent for those that stay in registers. */
  readonly where: ReadonlyMap<Value, Storage>;
  /** Compiles the body of a loop, which comes back to this folder. */
  readonly body: (graph: Graph, donations: readonly (Donation | null)[]) => Built;
  /** How many loops these steps are in. */
  readonly depth: number;
  readonly precision: MatmulPrecision;
}

/** Collects what a step touches while it is made. */
export class Touch {
  readonly reads = new Set<Storage>();
  readonly writes = new Set<Storage>();
  readonly #context: EmitContext;

  constructor(context: EmitContext) {
    this.#context = context;
  }

  storage(value: Value): Storage {
    const storage = this.#context.where.get(value);
    if (storage === undefined) throw new InternalError("compile: a value has no storage");
    return storage;
  }

  /** An operand in row-major order, under the shape its reader sees. */
  read(operand: Operand | undefined): Storage {
    if (operand?.kind !== "value") throw new InternalError("compile: an operand is not in memory");
    const { value, view } = operand;
    const storage = this.#context.storages.alias(this.storage(value), {
      dtype: value.aval.dtype,
      shape: view.shape,
    });
    this.reads.add(storage);
    return storage;
  }

  /** An operand in place, however its axes lie. */
  tensor(operand: Operand): TensorAccess {
    if (operand.kind !== "value") throw new InternalError("compile: an operand is not in memory");
    const { offset, shape, strides } = operand.view;
    const storage = this.storage(operand.value);
    this.reads.add(storage);
    return { buffer: storage.id, offset, shape, strides };
  }

  write(value: Value): Storage {
    const storage = this.#context.storages.alias(this.storage(value), value.aval);
    this.writes.add(storage);
    return storage;
  }
}

export function emitTask(group: Group, context: EmitContext): Task {
  const task = stepTask(group, context);
  const scopes = scopesOf(group);
  if (task.step !== null && scopes !== null) task.step = { ...task.step, scopes };
  return task;
}

/** The parts a group is for. A contraction outweighs its epilogue. */
function scopesOf({ heavy, units }: Group): Scopes | null {
  const scopes: Record<string, number> = {};
  for (const { scope, domain, results } of heavy === null ? units : [heavy]) {
    if (scope === null) continue;
    const elements = sizeOf(heavy === null ? domain : (results[0]?.aval.shape ?? []));
    scopes[scope] = (scopes[scope] ?? 0) + elements;
  }
  return Object.keys(scopes).length === 0 ? null : scopes;
}

function stepTask(group: Group, context: EmitContext): Task {
  const { heavy, node } = group;
  if (heavy?.kind === "assemble") return { node, step: null, reads: new Set(), writes: new Set() };
  if (heavy === null) return kernelTask(group, context);
  const touch = new Touch(context);
  if (heavy.node?.op === "loop") return loopTask(node, heavy, heavy.node, touch, context);
  const step = heavyStep(heavy, group, touch, context);
  if (step.kind === "gemm" || step.kind === "conv") touchGroup(group, touch, context);
  return { node, step, reads: touch.reads, writes: touch.writes };
}

const locator = (context: EmitContext) => (value: Value) => context.where.get(value)?.id ?? null;

function kernelTask(group: Group, context: EmitContext): Task {
  const touch = new Touch(context);
  touchGroup(group, touch, context);
  const { body, segment } = emitKernel(group, locator(context));
  const step: Step = { kind: "fused", body, segments: [collapse(segment)] };
  return { node: group.node, step, reads: touch.reads, writes: touch.writes };
}

function touchGroup(group: Group, touch: Touch, context: EmitContext): void {
  const inside = new Set(group.units);
  for (const unit of group.units) {
    for (const operand of unit.operands) {
      if (operand.kind === "value" && !inside.has(operand.value.unit))
        touch.reads.add(touch.storage(operand.value));
    }
    if (unit.into !== null) touch.writes.add(touch.storage(unit.into.value));
    else for (const value of unit.results) if (context.where.has(value)) touch.write(value);
  }
}

function heavyStep(unit: Unit, group: Group, touch: Touch, context: EmitContext): Step {
  const { node } = unit;
  if (node === null) throw new InternalError("compile: a step has no node");
  const locate = locator(context);
  const source = (index: number) => touch.read(unit.operands[index]).id;
  const out = () => touch.write(resultOf(unit)).id;
  switch (node.op) {
    case "matmul":
      return gemmStep(unit, node, group, locate, context.precision);
    case "conv":
    case "convInputGrad":
    case "convFilterGrad":
      return convStep(unit, node, group, locate);
    case "cumulate": {
      const { kind, axis, reverse } = node.attrs;
      return { kind: "window", op: "cumulate", reduce: kind, axis, reverse, src: source(0), out: out() };
    }
    case "reduceWindow": {
      const { kind, ...window } = node.attrs;
      return { kind: "window", op: "reduceWindow", reduce: kind, ...window, src: source(0), out: out() };
    }
    case "argWindow": {
      const { kind, ...window } = node.attrs;
      return { kind: "window", op: "argWindow", reduce: kind, ...window, src: source(0), out: out() };
    }
    case "gather": {
      return { kind: "index", op: "gather", ...node.attrs, src: source(0), indices: source(1), out: out() };
    }
    case "scatter": {
      const { mode, axis, along } = node.attrs;
      const [base, indices, updates] = [source(0), source(1), source(2)];
      return { kind: "index", op: "scatter", mode, axis, along, base, indices, updates, out: out() };
    }
    case "argsort": {
      const { axis, descending, k } = node.attrs;
      return { kind: "sort", axis, descending, k, src: source(0), out: out() };
    }
    case "collective":
      return { kind: "collective", op: node.attrs.kind, axis: node.attrs.axis, src: source(0), out: out() };
    case "composite": {
      return {
        kind: "composite",
        name: node.attrs.name,
        params: node.attrs.params ?? {},
        inputs: unit.operands.map((operand) => touch.tensor(operand)),
        outputs: unit.results.map((value) => touch.write(value).id),
      };
    }
    default:
      throw new InternalError(`compile: ${node.op} is no step of its own`);
  }
}

/** Gives a storage to every value that must be in memory. */
export function placeValues(
  groups: readonly Group[],
  leaves: readonly Value[],
  outputs: readonly { readonly value: Value; readonly aval: Aval }[],
  storages: Storages,
  placeLeaf: (leaf: Value, index: number) => Storage,
): Map<Value, Storage> {
  const where = new Map<Value, Storage>();
  leaves.forEach((leaf, index) => {
    where.set(leaf, placeLeaf(leaf, index));
  });
  outputs.forEach(({ value, aval }, index) => {
    if (!where.has(value)) where.set(value, storages.add(aval, { in: "output", index }));
  });
  for (const group of groups) {
    const inside = new Set(group.units);
    for (const unit of group.units) {
      if (unit.into !== null) continue;
      const register = unit.kind === "map" || unit.kind === "reduce" || isContraction(unit);
      for (const value of unit.results) {
        if (where.has(value)) continue;
        if (register && value.users.every((user) => inside.has(user))) continue;
        where.set(value, storages.add(value.aval, { in: "arena" }));
      }
    }
  }
  return where;
}

const isContraction = ({ node }: Unit): boolean =>
  node?.op === "matmul" ||
  node?.op === "conv" ||
  node?.op === "convInputGrad" ||
  node?.op === "convFilterGrad";
