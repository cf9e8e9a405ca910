/** Avals of the scalar primitives, from the signature of each row; and of `cast`. */
import { DTypeError } from "../../../util/index.ts";
import { type Aval, type DType, formatAval, type ScalarOp } from "../../ir/index.ts";
import { type ScalarRow, type Signature, scalarRows } from "../scalar.ts";
import {
  at,
  type InferRow,
  type InferTable,
  needDType,
  needSameDType,
  needSameShape,
  type Source,
} from "./rule.ts";

const operands: Readonly<Record<Exclude<Signature, "select">, readonly DType[]>> = {
  float: ["f32"],
  number: ["f32", "i32", "u32"],
  compare: ["f32", "i32", "u32", "bool"],
  bits: ["i32", "u32", "bool"],
  shift: ["i32", "u32"],
};

function inferScalar(op: string, signature: Signature, src: readonly Source[]): Aval {
  const avals = src.map((source) => source.aval);
  if (signature === "select") {
    const [condition, ...branches] = avals as [Aval, Aval, Aval];
    if (condition.dtype !== "bool") {
      throw new DTypeError(
        `${op}: the condition must be bool; got ${formatAval(condition)}. Compare it first, as in x.ne(0).`,
      );
    }
    needSameDType(op, ...branches);
    needSameShape(op, ...avals);
    return branches[0];
  }
  const first = avals[0] as Aval;
  needSameDType(op, ...avals);
  needDType(op, operands[signature], ...avals);
  needSameShape(op, ...avals);
  return signature === "compare" ? { dtype: "bool", shape: first.shape } : first;
}

const rowOf = (op: string, row: ScalarRow) => ({
  sources: row.arity,
  infer: (src: readonly Source[]) => [inferScalar(op, row.signature, src)],
});

export const scalars = Object.fromEntries(
  Object.entries(scalarRows).map(([op, row]) => [op, rowOf(op, row)]),
) as unknown as { readonly [K in ScalarOp]: InferRow<K> };

export const casts: InferTable<"cast"> = {
  cast: { sources: 1, infer: (src, { dtype }) => [{ dtype, shape: at(src, 0).shape }] },
};
