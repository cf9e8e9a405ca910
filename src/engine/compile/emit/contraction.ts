/** Matmul and the conv trio as steps, with the elementwise work of their group as epilogue. */
import { InternalError, sizeOf, stridesOf } from "../../../util/index.ts";
import {
  ACCUMULATOR,
  type Access,
  type ConvStep,
  type Epilogue,
  type GemmStep,
  type MatmulPrecision,
  type MatrixAccess,
  type Node,
} from "../../ir/index.ts";
import type { Group } from "../fuse/index.ts";
import { type Operand, resultOf, type Unit } from "../lower/units.ts";
import { emitKernel, type Locate } from "./kernel.ts";

const at = (list: readonly number[], index: number): number => list[index] as number;

/** The group's kernel over every axis of the contraction's result, also those of size 1. */
function epilogueOf(group: Group, shape: readonly number[], locate: Locate): Epilogue {
  const { body, segment } = emitKernel(group, locate);
  const spread = (list: readonly number[], one: number) => {
    let next = 0;
    return shape.map((size) => (size === 1 ? one : at(list, next++)));
  };
  const wide = (access: Access): Access => ({
    ...access,
    strides: access.buffer === ACCUMULATOR ? stridesOf(shape) : spread(access.strides, 0),
    ...(access.guard && {
      guard: { lo: spread(access.guard.lo, 0), hi: spread(access.guard.hi, 1), fill: access.guard.fill },
    }),
  });
  return {
    body,
    segment: {
      shape,
      inner: 0,
      loads: segment.loads.map(wide),
      indices: segment.indices.map(({ offset, strides }) => ({ offset, strides: spread(strides, 0) })),
      stores: segment.stores.map(wide),
    },
  };
}

function inMemory(operand: Operand | undefined): Operand & { kind: "value" } {
  if (operand?.kind !== "value") throw new InternalError("compile: a contraction's operand is not in memory");
  return operand;
}

function bufferOf(operand: Operand | undefined, locate: Locate): number {
  const buffer = locate(inMemory(operand).value);
  if (buffer === null) throw new InternalError("compile: a contraction's operand has no storage");
  return buffer;
}

export function gemmStep(
  unit: Unit,
  node: Node & { op: "matmul" },
  group: Group,
  locate: Locate,
  precision: MatmulPrecision,
): GemmStep {
  const { shape } = resultOf(unit).aval;
  const rank = shape.length;
  const matrix = (index: number, transposed: boolean): MatrixAccess => {
    const { view } = inMemory(unit.operands[index]);
    const [rows, columns] = transposed ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
    return {
      buffer: bufferOf(unit.operands[index], locate),
      offset: view.offset,
      batchStrides: view.strides.slice(0, -2).map((stride, axis) => (view.shape[axis] === 1 ? 0 : stride)),
      rowStride: at(view.strides, rows),
      colStride: at(view.strides, columns),
    };
  };
  const { transposeA, transposeB } = node.attrs;
  const left = inMemory(unit.operands[0]).view.shape;
  return foldBatch({
    kind: "gemm",
    precision,
    batch: shape.slice(0, -2),
    m: at(shape, rank - 2),
    n: at(shape, rank - 1),
    k: at(left, transposeA ? rank - 2 : rank - 1),
    a: matrix(0, transposeA),
    b: matrix(1, transposeB),
    epilogue: epilogueOf(group, shape, locate),
  });
}

/** Batch axes over which b stays the same become rows of a: one big product instead of many small ones. */
function foldBatch(step: GemmStep): GemmStep {
  const { batch, m, a, b, epilogue } = step;
  const last = batch.length - 1;
  if (last < 0) return step;
  const size = at(batch, last);
  const { body, segment } = epilogue;
  const walks = [
    ...segment.loads.filter((load) => load.buffer !== ACCUMULATOR),
    ...segment.indices,
    ...segment.stores,
  ];
  const guards = segment.loads.some((load) => load.guard !== undefined);
  const follows = ({ strides }: { strides: readonly number[] }) =>
    m === 1 || size === 1 || at(strides, last) === at(strides, last + 1) * m;
  const rows = m === 1 ? at(a.batchStrides, last) : a.rowStride;
  const together =
    size === 1 ||
    (at(b.batchStrides, last) === 0 && (m === 1 || at(a.batchStrides, last) === a.rowStride * m));
  if (!together || guards || !walks.every(follows)) return step;
  const joined = (strides: readonly number[]) => [
    ...strides.slice(0, last),
    m === 1 && size > 1 ? at(strides, last) : at(strides, last + 1),
    at(strides, last + 2),
  ];
  const shape = [...batch.slice(0, last), size * m, step.n];
  const narrow = (access: Access): Access => ({
    ...access,
    strides: access.buffer === ACCUMULATOR ? stridesOf(shape) : joined(access.strides),
  });
  return foldBatch({
    ...step,
    batch: batch.slice(0, last),
    m: size * m,
    a: { ...a, batchStrides: a.batchStrides.slice(0, last), rowStride: size === 1 ? a.rowStride : rows },
    b: { ...b, batchStrides: b.batchStrides.slice(0, last) },
    epilogue: {
      body,
      segment: {
        ...segment,
        shape,
        loads: segment.loads.map(narrow),
        indices: segment.indices.map(({ offset, strides }) => ({ offset, strides: joined(strides) })),
        stores: segment.stores.map(narrow),
      },
    },
  });
}

type ConvNode = Node & { op: "conv" | "convInputGrad" | "convFilterGrad" };

export function convStep(unit: Unit, node: ConvNode, group: Group, locate: Locate): ConvStep {
  const shapes = unit.operands.map((operand) => inMemory(operand).view.shape);
  const result = resultOf(unit).aval.shape;
  const [first, second] = [shapes[0] ?? [], shapes[1] ?? []];
  if (sizeOf(first) * sizeOf(second) === 0) throw new InternalError("compile: conv of nothing");
  const roles =
    node.op === "conv"
      ? { x: first, w: second, y: result }
      : node.op === "convInputGrad"
        ? { y: first, w: second, x: result }
        : { x: first, y: second, w: result };
  const { stride, padding, dilation, groups } = node.attrs;
  return {
    kind: "conv",
    op: node.op,
    a: bufferOf(unit.operands[0], locate),
    b: bufferOf(unit.operands[1], locate),
    ...roles,
    stride,
    padding,
    dilation,
    groups,
    epilogue: epilogueOf(group, result, locate),
  };
}
