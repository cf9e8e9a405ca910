/** Cases of the scalar primitives and casts, from the table's rows: sizes, odd values, dtypes, broadcasts and views. */
import { type ComputeDType, type DType, dtypes, type ScalarOp } from "../../../src/engine/ir/index.ts";
import { build as b, isScalarOp, type Signature, scalarRows } from "../../../src/engine/ops/index.ts";
import { type Case, exact, ulps } from "../case.ts";
import { filled, oddOf, random } from "../data.ts";
import type { Host } from "../host.ts";
import { encode } from "../host.ts";
import { scalarUlps } from "../tolerance.ts";
import { views } from "../views.ts";

const operandTypes: Readonly<Record<Signature, readonly ComputeDType[]>> = {
  float: ["f32"],
  number: ["f32", "i32", "u32"],
  compare: ["f32", "i32", "u32", "bool"],
  bits: ["i32", "u32", "bool"],
  shift: ["i32", "u32"],
  select: ["f32", "i32", "u32", "bool"],
};

/** Empty, one, around the lane count, around a tile, several tiles. */
const sizes = [0, 1, 3, 15, 16, 17, 255, 257, 1031];

/** Where the function is worth sampling. */
const domains: Partial<Record<ScalarOp, readonly (readonly [number, number])[]>> = {
  exp: [
    [-104, 89],
    [-1, 1],
  ],
  log: [
    [0, 10],
    [0.5, 1.5],
  ],
  sqrt: [[0, 100]],
  sin: [
    [-10, 10],
    [-30000, 30000],
  ],
  tanh: [
    [-10, 10],
    [-0.1, 0.1],
  ],
  erf: [
    [-5, 5],
    [-0.1, 0.1],
  ],
  pow: [[0, 10]],
};

const tolerance = (op: ScalarOp, dtype: DType) =>
  dtype === "f32" && scalarUlps[op] > 0 ? ulps(scalarUlps[op]) : exact;

function dtypesOf(op: ScalarOp, dtype: ComputeDType): ComputeDType[] {
  const { arity, signature } = scalarRows[op];
  return signature === "select" ? ["bool", dtype, dtype] : Array.from({ length: arity }, () => dtype);
}

/** All combinations of odd values, one operand varying fastest. */
function oddCombinations(types: readonly ComputeDType[]): Host[] {
  const lists = types.map(oddOf);
  const count = lists.reduce((product, list) => product * list.length, 1);
  let period = 1;
  return lists.map((list, i) => {
    const step = period;
    period *= list.length;
    const values = Array.from(
      { length: count },
      (_, n) => list[Math.floor(n / step) % list.length] as number,
    );
    return encode(values, [count], types[i] as DType);
  });
}

export function scalarCases(op: ScalarOp): Case[] {
  const cases: Case[] = [];
  const add = (name: string, inputs: readonly Host[], dtype: DType, build?: Case["build"]) => {
    cases.push({
      name: `${op} ${dtype} ${name}`,
      inputs,
      build: build ?? ((params) => [b.make(op, params, {})]),
      tolerance: tolerance(op, dtype),
    });
  };
  for (const dtype of operandTypes[scalarRows[op].signature]) {
    const types = dtypesOf(op, dtype);
    add("odd values", oddCombinations(types), dtype);
    const [low, high] = domains[op]?.[0] ?? [-9, 9];
    for (const size of sizes) {
      const inputs = types.map((type, i) => random(`${op}${dtype}${size}/${i}`, [size], type, low, high));
      add(`[${size}]`, inputs, dtype);
    }
    for (const [from, to] of domains[op] ?? []) {
      const inputs = types.map((type, i) => random(`${op}${from}/${i}`, [4000], type, from, to));
      add(`4000 in ${from}..${to}`, inputs, dtype);
    }
    const [shape, scalarShape] = [[5, 37], []];
    add(
      "0-d",
      types.map((type, i) => random(`${op}0d${i}`, scalarShape, type, low, high)),
      dtype,
    );
    for (const view of views) {
      // Each operand in turn is the view; the others are whole.
      types.forEach((_, place) => {
        const inputs = types.map((type, i) =>
          random(`${op}${view.name}${i}`, i === place ? view.base(shape) : shape, type, low, high),
        );
        add(`operand ${place} ${view.name}`, inputs, dtype, (params) => [
          b.make(
            op,
            params.map((x, i) => (i === place ? view.apply(x, shape) : x)),
            {},
          ),
        ]);
      });
    }
  }
  return cases;
}

export const scalarOps = Object.keys(scalarRows).filter(isScalarOp);

/** Halves between neighbours, overflow and values that only just fit, for casts to narrower types. */
const edges = [
  0.5, 1.5, 2.5, -0.5, 127.5, 128, -128.5, 65504, 65519.99, 65520, 1.0009765625, 1.00048828125, 3e-8, 6e-5,
  1e39, 255.5, 256, 300.7,
];

export function castCases(): Case[] {
  const cases: Case[] = [];
  for (const from of dtypes) {
    for (const to of dtypes) {
      if (from === to) continue;
      const inputs: [string, Host][] = [[`[300]`, random(`cast${from}${to}`, [300], from, -200, 200)]];
      inputs.push(["[0]", random("none", [0], from)], ["[17]", random(`cast17${from}`, [17], from, -3, 3)]);
      if (from !== "f16" && from !== "bf16")
        inputs.push(["odd values", filled(oddOf(from), [oddOf(from).length], from)]);
      if (from === "f32") inputs.push(["edges", filled(edges.map(Math.fround), [edges.length], from)]);
      for (const [name, host] of inputs) {
        cases.push({
          name: `cast ${from} to ${to} ${name}`,
          inputs: [host],
          build: ([x]) => [b.make("cast", [x as never], { dtype: to })],
          // f32 holds no integer beyond 2^24 exactly: the nearest is right.
          tolerance: to === "f32" ? ulps(0.5) : exact,
        });
      }
    }
  }
  return cases;
}
