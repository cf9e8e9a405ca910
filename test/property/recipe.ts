/** Random graphs: a recipe is plain numbers, so that fast-check can shrink it; `cook` reads it as a graph that is always valid. */
import fc from "fast-check";
import type { ComputeDType, DType, Node } from "../../src/engine/ir/index.ts";
import { build as b } from "../../src/engine/ops/index.ts";
import { type Shape, sizeOf } from "../../src/util/index.ts";
import { random } from "../sweep/data.ts";
import type { Host } from "../sweep/host.ts";
import { type Move, moves } from "./moves.ts";

/** An operation and three choices it may make of them. */
export type Step = readonly [op: number, a: number, b: number, c: number];

export interface Recipe {
  readonly inputs: readonly (readonly [shape: number, dtype: number])[];
  readonly steps: readonly Step[];
  readonly outputs: readonly number[];
}

/** The same runs each time, so that a change is judged by what it does; NABLA_FUZZ=5000 looks further, elsewhere each time. */
export const runs = (count: number): { numRuns: number; seed?: number } =>
  process.env.NABLA_FUZZ === undefined
    ? { numRuns: count, seed: 20261123 }
    : { numRuns: Number(process.env.NABLA_FUZZ) };

const choice = fc.nat({ max: 2 ** 16 });

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  inputs: fc.array(fc.tuple(choice, choice), { minLength: 1, maxLength: 4 }),
  steps: fc.array(fc.tuple(choice, choice, choice, choice), { minLength: 1, maxLength: 24, size: "max" }),
  outputs: fc.array(choice, { maxLength: 3 }),
});

const shapes: readonly Shape[] = [[], [1], [7], [33], [3, 5], [1, 17], [20, 1], [4, 33], [2, 3, 5], [0, 3]];

/** Which numbers a graph computes with. */
export type Numbers =
  | "integers"
  | "floats"
  /** Floats without reductions to a sum, whose order depends on how a plan cuts rows. */
  | "ordered floats";

const inputTypes: Readonly<Record<Numbers, readonly ComputeDType[]>> = {
  integers: ["i32", "u32", "bool"],
  floats: ["f32", "f32", "f32", "i32", "bool"],
  "ordered floats": ["f32", "f32", "f32", "i32", "bool"],
};

const among = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

export function inputsOf(recipe: Recipe, numbers: Numbers): Host[] {
  return recipe.inputs.map(([shape, dtype], i) => {
    const type: DType = among(inputTypes[numbers], dtype);
    return random(`recipe ${i} ${shape}`, among(shapes, shape), type, -4, 4);
  });
}

/** The most elements a node of a random graph may have. */
const largest = 3000;

function allowed({ floats, sums }: Move, numbers: Numbers): boolean {
  switch (numbers) {
    case "integers":
      return !floats;
    case "floats":
      return true;
    case "ordered floats":
      return !sums;
    default:
      return numbers satisfies never;
  }
}

/** The graph's results: the last node made, and some on the way. */
export function cook(recipe: Recipe, params: readonly Node[], numbers: Numbers): Node[] {
  const usable = moves.filter((move) => allowed(move, numbers));
  const pool: Node[] = [...params];
  for (const [op, x, y, z] of recipe.steps) {
    const made = among(usable, op).make(pool, x, y, z);
    if (made !== null && sizeOf(made.aval.shape) <= largest) pool.push(made);
  }
  const picked = new Set(recipe.outputs.map((index) => among(pool, index)));
  picked.add(pool.at(-1) as Node);
  return [...picked].map((node) => (params.includes(node) ? b.reshape(node, [...node.aval.shape, 1]) : node));
}
