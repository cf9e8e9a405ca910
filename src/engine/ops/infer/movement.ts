/** Avals of the primitives that only move elements; every dtype. */
import { ShapeError, sizeOf } from "../../../util/index.ts";
import { type Aval, formatAval } from "../../ir/index.ts";
import {
  at,
  dim,
  type InferTable,
  needAxis,
  needPerAxis,
  needSameDType,
  needShape,
  needValue,
  toldShape,
} from "./rule.ts";

type Movement = "reshape" | "permute" | "expand" | "pad" | "slice" | "concat";

export const movements: InferTable<Movement> = {
  reshape: {
    sources: 1,
    infer: (src, _attrs, told) => {
      const from = at(src, 0);
      const to = { dtype: from.dtype, shape: toldShape("reshape", told) };
      needShape("reshape", sizeOf(from.shape) === sizeOf(to.shape), "sizes must be equal", from, to);
      return [to];
    },
  },
  permute: {
    sources: 1,
    infer: (src, { perm }) => {
      const { dtype, shape } = at(src, 0);
      const sorted = [...perm].sort((a, b) => a - b);
      if (perm.length !== shape.length || sorted.some((axis, i) => axis !== i)) {
        throw new ShapeError(
          `permute: axes must name each axis of the operand once; got [${perm}] for ${formatAval(at(src, 0))}.`,
        );
      }
      return [{ dtype, shape: perm.map((axis) => dim(shape, axis)) }];
    },
  },
  expand: {
    sources: 1,
    infer: (src, _attrs, told) => {
      const from = at(src, 0);
      const to = { dtype: from.dtype, shape: toldShape("expand", told) };
      const fits = from.shape.every((size, axis) => size === 1 || size === to.shape[axis]);
      const holds = from.shape.length === to.shape.length && fits;
      needShape("expand", holds, "ranks must be equal and only axes of size 1 may grow", from, to);
      return [to];
    },
  },
  pad: {
    sources: 1,
    infer: (src, { lo, hi, interior, value }) => {
      const { dtype, shape } = at(src, 0);
      needPerAxis("pad", "lo", lo, shape.length, Number.NEGATIVE_INFINITY);
      needPerAxis("pad", "hi", hi, shape.length, Number.NEGATIVE_INFINITY);
      needPerAxis("pad", "interior", interior, shape.length, 0);
      needValue("pad", value, dtype);
      const padded = shape.map(
        (size, axis) => size + Math.max(0, size - 1) * dim(interior, axis) + dim(lo, axis) + dim(hi, axis),
      );
      if (padded.some((size) => size < 0)) {
        throw new ShapeError(
          `pad: negative padding must leave sizes >= 0; got ${formatAval(at(src, 0))} with lo [${lo}], hi [${hi}].`,
        );
      }
      return [{ dtype, shape: padded }];
    },
  },
  slice: {
    sources: 1,
    infer: (src, { start, step }, told) => {
      const from = at(src, 0);
      const shape = toldShape("slice", told);
      const rank = from.shape.length;
      needPerAxis("slice", "size", shape, rank, 0);
      needPerAxis("slice", "start", start, rank, Number.NEGATIVE_INFINITY);
      needPerAxis("slice", "step", step, rank, Number.NEGATIVE_INFINITY);
      for (let axis = 0; axis < rank; axis++) {
        const [first, stride, count, size] = [
          dim(start, axis),
          dim(step, axis),
          dim(shape, axis),
          dim(from.shape, axis),
        ];
        if (stride === 0) throw new ShapeError(`slice: steps must not be 0; got [${step}].`);
        const last = first + (count - 1) * stride;
        if (count > 0 && (first < 0 || first >= size || last < 0 || last >= size)) {
          throw new ShapeError(
            `slice: elements must lie within the operand; got ${first} to ${last} on axis ${axis} of ${formatAval(from)}.`,
          );
        }
      }
      return [{ dtype: from.dtype, shape }];
    },
  },
  concat: {
    sources: null,
    infer: (src, { axis }) => {
      if (src.length === 0) throw new ShapeError("concat: there must be at least one operand; got none.");
      const avals = src.map((source) => source.aval);
      const first = avals[0] as Aval;
      needAxis("concat", axis, first.shape.length);
      needSameDType("concat", ...avals);
      const agrees = ({ shape }: Aval) =>
        shape.length === first.shape.length &&
        shape.every((size, other) => other === axis || size === first.shape[other]);
      needShape("concat", avals.every(agrees), `shapes must be equal but on axis ${axis}`, ...avals);
      const total = avals.reduce((sum, { shape }) => sum + dim(shape, axis), 0);
      return [
        { dtype: first.dtype, shape: first.shape.map((size, other) => (other === axis ? total : size)) },
      ];
    },
  },
};
