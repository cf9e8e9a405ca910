/** Avals of sorting. */
import { ShapeError } from "../../../util/index.ts";
import { formatAval } from "../../ir/index.ts";
import { at, dim, type InferTable, needAxis, needDType } from "./rule.ts";

export const order: InferTable<"argsort"> = {
  argsort: {
    sources: 1,
    infer: (src, { axis, k }) => {
      const x = at(src, 0);
      needAxis("argsort", axis, x.shape.length);
      needDType("argsort", ["f32", "i32", "u32"], x);
      const size = dim(x.shape, axis);
      if (!Number.isInteger(k) || k < 0 || k > size) {
        throw new ShapeError(`argsort: k must be an integer in [0, ${size}]; got ${k} for ${formatAval(x)}.`);
      }
      return [{ dtype: "i32", shape: x.shape.map((length, other) => (other === axis ? k : length)) }];
    },
  },
};
