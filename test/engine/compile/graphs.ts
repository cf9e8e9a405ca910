/**
 * Random graphs whose values are small whole numbers, so that every order of computation gives the same bits: results of a plan
 * must equal the f64 meaning of the graph exactly.
 */
import fc from "fast-check";
import type { Node } from "../../../src/engine/ir/index.ts";
import { build as b, make, outputsOf } from "../../../src/engine/ops/index.ts";
import { type Shape, sizeOf } from "../../../src/util/index.ts";

/** An operation and the choices it makes. */
type Step = readonly [op: number, x: number, y: number, z: number];

export interface Recipe {
  readonly inputs: readonly number[];
  readonly steps: readonly Step[];
  readonly outputs: readonly number[];
  /** Inputs given away. */
  readonly donated: readonly boolean[];
}

const choice = fc.nat({ max: 9999 });

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  inputs: fc.array(choice, { minLength: 1, maxLength: 4 }),
  steps: fc.array(fc.tuple(choice, choice, choice, choice), { minLength: 1, maxLength: 30, size: "max" }),
  outputs: fc.array(choice, { minLength: 1, maxLength: 5 }),
  donated: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
});

const small: readonly Shape[] = [
  [],
  [1],
  [6],
  [4, 6],
  [4, 6],
  [4, 6],
  [2, 3, 4],
  [6, 4],
  [1, 6],
  [4, 1],
  [24],
  [0, 3],
];

/** Beyond what counts as little: rows that are strided or long are not gone over twice. */
const large: readonly Shape[] = [
  [60, 64],
  [60, 64],
  [64, 60],
  [3840],
  [2, 30, 64],
  [64],
  [60, 1],
  [1, 64],
  [],
];

export interface Sizes {
  readonly shapes: readonly Shape[];
  readonly largest: number;
}

export const sizes = { small: { shapes: small, largest: 400 }, large: { shapes: large, largest: 16_000 } };

const among = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;
const at = (shape: Shape, axis: number): number => shape[axis] as number;

/** Keeps numbers small and whole. */
const limited = (x: Node): Node => b.max(b.min(x, b.fill(x, 50)), b.fill(x, -50));

/** x with axes of size 1 kept in place of the reduced ones. */
const keep = (x: Node, reduced: Node, axes: readonly number[]): Node =>
  b.reshape(
    reduced,
    x.aval.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
  );

type Move = (x: Node, pool: readonly Node[], p: number, q: number) => Node | null;

/** Another node of the pool brought to the shape of x, if it can be. */
function fitted(x: Node, pool: readonly Node[], p: number): Node | null {
  const { shape } = x.aval;
  const fits = (node: Node) => {
    const other = node.aval.shape;
    if (sizeOf(other) === sizeOf(shape)) return true;
    return (
      other.length <= shape.length &&
      other.every((size, i) => size === 1 || size === at(shape, shape.length - other.length + i))
    );
  };
  const y = among(pool.filter(fits), p);
  if (y === undefined) return null;
  if (sizeOf(y.aval.shape) === sizeOf(shape)) return b.reshape(y, shape);
  const wide = [...shape.slice(y.aval.shape.length).map(() => 1), ...y.aval.shape];
  while (wide.length > shape.length) wide.shift();
  while (wide.length < shape.length) wide.unshift(1);
  return b.expand(b.reshape(y, wide), shape);
}

const moves: readonly Move[] = [
  (x, pool, p) => {
    const y = fitted(x, pool, p);
    return y && limited(b.add(x, y));
  },
  (x, pool, p) => {
    const y = fitted(x, pool, p);
    return y && limited(b.mul(x, y));
  },
  (x, pool, p) => {
    const y = fitted(x, pool, p);
    return y && b.max(b.sub(x, y), b.fill(x, 0));
  },
  (x, pool, p, q) => {
    const [y, z] = [fitted(x, pool, p), fitted(x, pool, q)];
    return y && z && b.where(b.lt(x, y), z, x);
  },
  (x) => b.mul(x, b.fill(x, -1)),
  (x) => b.cast(b.cast(x, "i32"), "f32"),
  (x) => b.cast(b.le(x, b.fill(x, 0)), "f32"),
  // A reduction, spread again over what it reduced: rows.
  (x, _pool, p, q) => {
    const { shape } = x.aval;
    if (shape.length === 0 || sizeOf(shape) === 0) return null;
    const axes = shape.map((_, axis) => axis).filter((axis) => ((p + 1) >> axis) & 1);
    if (axes.length === 0) return null;
    const reduced = make("reduce", [x], { kind: among(["sum", "max", "min"] as const, q), axes });
    return limited(b.sub(x, b.expand(keep(x, reduced, axes), shape)));
  },
  (x, _pool, p, q) => {
    const { shape } = x.aval;
    const axes = shape.map((_, axis) => axis).filter((axis) => ((p + 1) >> axis) & 1);
    return limited(
      make("reduce", [x], {
        kind: among(["sum", "max", "min"] as const, q),
        axes: sizeOf(shape) === 0 ? [] : axes,
      }),
    );
  },
  (x, _pool, p, q) => {
    const { shape } = x.aval;
    if (shape.length === 0 || shape.includes(0)) return null;
    const axis = p % shape.length;
    return b.cast(make("argReduce", [x], { kind: among(["max", "min"] as const, q), axis }), "f32");
  },
  (x, _pool, p) => {
    const perm = x.aval.shape.map((_, axis) => axis).sort((i, j) => ((i * 7 + p) % 5) - ((j * 7 + p) % 5));
    return b.permute(x, perm);
  },
  (x, _pool, p) => {
    const size = sizeOf(x.aval.shape);
    const options = [
      [size],
      [size, 1],
      [1, size],
      [size / 2, 2],
      [2, size / 2],
      [size / 3, 3],
      [2, 2, size / 4],
    ];
    const shape = among(
      options.filter((option) => option.every(Number.isInteger)),
      p,
    );
    return shape ? b.reshape(x, shape) : null;
  },
  (x, _pool, p) => {
    const { shape } = x.aval;
    const grown = shape.map((size, axis) => (size === 1 && (p >> axis) & 1 ? 3 : size));
    return b.expand(x, grown);
  },
  (x, _pool, p, q) => {
    const { shape } = x.aval;
    const step = shape.map((_, axis) => among([1, 2, -1, -2], (p >> axis) + axis));
    const size = shape.map((n, axis) => Math.ceil(Math.max(0, n - (q % 3)) / Math.abs(at(step, axis))));
    const start = shape.map((n, axis) =>
      at(step, axis) > 0 ? Math.min(q % 3, Math.max(0, n - 1)) : Math.max(0, n - 1),
    );
    return make(
      "slice",
      [x],
      { start, step },
      size.map((n, axis) => (at(shape, axis) === 0 ? 0 : n)),
    );
  },
  (x, _pool, p, q) => {
    const axes = x.aval.shape;
    const lo = axes.map((n, axis) => Math.max(-n, ((p >> axis) % 4) - 1));
    const hi = axes.map((_, axis) => (q >> axis) % 3);
    const interior = axes.map((_, axis) => ((p >> (axis + 2)) % 5 === 0 ? 1 : 0));
    return make("pad", [x], { lo, hi, interior, value: among([0, 0, 3], p + q) });
  },
  (x, pool, p, q) => {
    const { shape } = x.aval;
    if (shape.length === 0) return null;
    const axis = q % shape.length;
    const fits = (node: Node) =>
      node.aval.shape.length === shape.length &&
      node.aval.shape.every((n, i) => i === axis || n === shape[i]);
    return make("concat", [x, among(pool.filter(fits), p), x], { axis });
  },
  (x, pool, p) => {
    const { shape } = x.aval;
    if (shape.length !== 2) return null;
    const y = among(
      pool.filter((node) => node.aval.shape.length === 2 && node.aval.shape[0] === shape[1]),
      p,
    );
    return y ? limited(make("matmul", [x, y], { transposeA: false, transposeB: false })) : null;
  },
  (x, pool, p) => {
    const { shape } = x.aval;
    if (shape.length !== 2) return null;
    const y = among(
      pool.filter((node) => node.aval.shape.length === 2 && node.aval.shape[0] === shape[0]),
      p,
    );
    return y ? limited(make("matmul", [x, y], { transposeA: true, transposeB: false })) : null;
  },
  (x, _pool, p) => {
    const { shape } = x.aval;
    if (shape.length === 0) return null;
    return limited(
      make("cumulate", [x], {
        kind: among(["sum", "max"] as const, p),
        axis: p % shape.length,
        reverse: p % 3 === 0,
      }),
    );
  },
  (x, _pool, p) => {
    const { shape } = x.aval;
    if (shape.length === 0) return null;
    const axis = p % shape.length;
    const index = make("iota", [], { axis: 0 }, [3], "i32");
    return (
      b.where(b.eq(x, x), x, x) && make("gather", [x, b.sub(index, b.fill(index, 0))], { axis, along: false })
    );
  },
  (x, _pool, p) => {
    const { shape } = x.aval;
    if (shape.length === 0) return null;
    return b.add(x, make("iota", [], { axis: p % shape.length }, shape, "f32"));
  },
  (x, _pool, p) => {
    const { shape } = x.aval;
    if (shape.length !== 2 || sizeOf(shape) === 0) return null;
    // Carries that change places, a slice, a constant and a stacked result.
    const row = (): Node => make("input", [], {}, [at(shape, 1)], "f32");
    const [c0, c1, slice, fixed] = [row(), row(), row(), row()];
    const sum = limited(b.add(c0, b.add(slice, fixed)));
    const body = { params: [c0, c1, slice, fixed], outs: [c1, sum, b.mul(sum, c1)] };
    const first = b.reshape(make("slice", [x], { start: [0, 0], step: [1, 1] }, [1, at(shape, 1)]), [
      at(shape, 1),
    ]);
    const last = b.reshape(
      make("slice", [x], { start: [at(shape, 0) - 1, 0], step: [1, 1] }, [1, at(shape, 1)]),
      [at(shape, 1)],
    );
    const loop = make("loop", [first, last, x, first], {
      body,
      length: at(shape, 0),
      carry: 2,
      xs: 1,
      reverse: p % 2 === 1,
    });
    const outs = outputsOf(loop);
    return limited(outs[p % 3] as Node);
  },
];

export function inputsOf(recipe: Recipe, { shapes }: Sizes = sizes.small): Node[] {
  return recipe.inputs.map((shape) => make("input", [], {}, among(shapes, shape), "f32"));
}

export function cook(recipe: Recipe, inputs: readonly Node[], { largest }: Sizes = sizes.small): Node[] {
  const pool: Node[] = [...inputs];
  for (const [op, x, p, q] of recipe.steps) {
    // Recent nodes are the likelier operands: long chains show more than wide ones.
    const node = pool[pool.length - 1 - (x % Math.min(pool.length, 5))] as Node;
    const made = among(moves, op)(node, pool, p, q);
    if (made !== null && sizeOf(made.aval.shape) <= largest) pool.push(made);
  }
  return [pool.at(-1) as Node, ...recipe.outputs.map((index) => among(pool, index))];
}

export function dataOf(recipe: Recipe, inputs: readonly Node[]): Float32Array[] {
  return inputs.map((input, n) => {
    let state = (recipe.inputs[n] ?? 1) * 2654435761 + n;
    return Float32Array.from({ length: sizeOf(input.aval.shape) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return ((state >>> 24) % 9) - 4;
    });
  });
}
