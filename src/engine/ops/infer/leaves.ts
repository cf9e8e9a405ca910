/** Avals of leaves: all are told, but for the bits of `random`. */
import { ShapeError } from "../../../util/index.ts";
import { formatAval } from "../../ir/index.ts";
import { at, type InferTable, needAxis, needDType, needValue, toldDType, toldShape } from "./rule.ts";

export const leaves: InferTable<"input" | "const" | "iota" | "random"> = {
  input: {
    sources: 0,
    infer: (_src, _attrs, told) => [{ dtype: toldDType("input", told), shape: toldShape("input", told) }],
  },
  const: {
    sources: 0,
    infer: (_src, { value }, told) => {
      const aval = { dtype: toldDType("const", told), shape: toldShape("const", told) };
      needValue("const", value, aval.dtype);
      return [aval];
    },
  },
  iota: {
    sources: 0,
    infer: (_src, { axis }, told) => {
      const aval = { dtype: toldDType("iota", told), shape: toldShape("iota", told) };
      needAxis("iota", axis, aval.shape.length);
      needDType("iota", ["f32", "i32", "u32"], aval);
      return [aval];
    },
  },
  random: {
    sources: 1,
    infer: (src, _attrs, told) => {
      const key = at(src, 0);
      if (key.dtype !== "u32" || key.shape.length !== 1 || key.shape[0] !== 2) {
        throw new ShapeError(
          `random: the key must be u32[2]; got ${formatAval(key)}. Make one with random.key(seed).`,
        );
      }
      return [{ dtype: "u32", shape: toldShape("random", told) }];
    },
  },
};
