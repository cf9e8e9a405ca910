/** Avals of reductions and scans. */
import { ShapeError } from "../../../util/index.ts";
import { formatAval } from "../../ir/index.ts";
import { at, dim, type InferTable, needAxis, needDType } from "./rule.ts";

const numbers = ["f32", "i32", "u32"] as const;

export const reductions: InferTable<"reduce" | "argReduce" | "cumulate"> = {
  reduce: {
    sources: 1,
    infer: (src, { kind, axes }) => {
      const { dtype, shape } = at(src, 0);
      for (const axis of axes) needAxis(kind, axis, shape.length);
      if (new Set(axes).size !== axes.length)
        throw new ShapeError(`${kind}: axes must be distinct; got [${axes}].`);
      needDType(kind, numbers, at(src, 0));
      return [{ dtype, shape: shape.filter((_, axis) => !axes.includes(axis)) }];
    },
  },
  argReduce: {
    sources: 1,
    infer: (src, { kind, axis }) => {
      const { shape } = at(src, 0);
      const op = kind === "max" ? "argmax" : "argmin";
      needAxis(op, axis, shape.length);
      needDType(op, numbers, at(src, 0));
      if (dim(shape, axis) === 0) {
        throw new ShapeError(
          `${op}: the axis must not be empty; got ${formatAval(at(src, 0))} and axis ${axis}.`,
        );
      }
      return [{ dtype: "i32", shape: shape.filter((_, other) => other !== axis) }];
    },
  },
  cumulate: {
    sources: 1,
    infer: (src, { kind, axis }) => {
      const op = `cum${kind}`;
      needAxis(op, axis, at(src, 0).shape.length);
      needDType(op, numbers, at(src, 0));
      return [at(src, 0)];
    },
  },
};
