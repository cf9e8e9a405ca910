/** Avals of gather and scatter. */
import { type Shape, sameShape } from "../../../util/index.ts";
import type { Aval } from "../../ir/index.ts";
import { at, type InferTable, needAxis, needDType, needIndices, needSameDType, needShape } from "./rule.ts";

/** The shape of what is read from (or written to) `operand` at `indices`. */
function picked(op: string, operand: Aval, indices: Aval, axis: number, along: boolean): Shape {
  needAxis(op, axis, operand.shape.length);
  needIndices(op, indices);
  if (!along) return [...operand.shape.slice(0, axis), ...indices.shape, ...operand.shape.slice(axis + 1)];
  const agrees = indices.shape.every((size, other) => other === axis || size === operand.shape[other]);
  const holds = indices.shape.length === operand.shape.length && agrees;
  needShape(op, holds, `indices must have the operand's shape but on axis ${axis}`, operand, indices);
  return indices.shape;
}

export const indexing: InferTable<"gather" | "scatter"> = {
  gather: {
    sources: 2,
    infer: (src, { axis, along }) => {
      const operand = at(src, 0);
      return [{ dtype: operand.dtype, shape: picked("gather", operand, at(src, 1), axis, along) }];
    },
  },
  scatter: {
    sources: 3,
    infer: (src, { mode, axis, along }) => {
      const [base, indices, updates] = [at(src, 0), at(src, 1), at(src, 2)];
      const op = mode === "add" ? "scatterAdd" : "scatterSet";
      const expected = { dtype: base.dtype, shape: picked(op, base, indices, axis, along) };
      needSameDType(op, base, updates);
      if (mode === "add") needDType(op, ["f32", "i32", "u32"], base);
      needShape(
        op,
        sameShape(expected.shape, updates.shape),
        "updates must have the shape read there",
        expected,
        updates,
      );
      return [base];
    },
  },
};
