/** Avals of leaves: all are told, but for the bits of `random`. */
import { DTypeError, ShapeError } from "../../../util/index.ts";
import { type DType, formatAval } from "../../ir/index.ts";
import { at, type InferTable, needAxis, needDType, toldDType, toldShape } from "./rule.ts";

const ranges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i8: [-128, 127],
  bool: [0, 1],
};

export const leaves: InferTable<"input" | "const" | "iota" | "random"> = {
  input: {
    sources: 0,
    infer: (_src, _attrs, told) => [{ dtype: toldDType("input", told), shape: toldShape("input", told) }],
  },
  const: {
    sources: 0,
    infer: (_src, { value }, told) => {
      const aval = { dtype: toldDType("const", told), shape: toldShape("const", told) };
      const range = ranges[aval.dtype];
      if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
        throw new DTypeError(
          `const: a value of dtype ${aval.dtype} must be an integer in [${range}]; got ${value}. Use dtype "f32".`,
        );
      }
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
