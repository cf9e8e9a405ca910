/** What a step of a random graph may do: each move makes a valid node from the pool, or declines. */
import type { Node } from "../../src/engine/ir/index.ts";
import { build as b, outputsOf } from "../../src/engine/ops/index.ts";
import { sizeOf } from "../../src/util/index.ts";

export interface Move {
  /** It makes or needs floats. */
  readonly floats: boolean;
  /** On floats it adds many numbers up, in an order that depends on the plan. */
  readonly sums: boolean;
  readonly make: (pool: readonly Node[], x: number, y: number, z: number) => Node | null;
}

type Accept = (node: Node) => boolean;

const rank = (node: Node) => node.aval.shape.length;
const dim = (node: Node, axis: number) => node.aval.shape[axis] as number;
const isNumber: Accept = ({ aval }) => aval.dtype === "f32" || aval.dtype === "i32" || aval.dtype === "u32";
const isFloat: Accept = ({ aval }) => aval.dtype === "f32";

/** The index-th acceptable node of the pool. */
function find(pool: readonly Node[], index: number, accept: Accept): Node | null {
  const fit = pool.filter(accept);
  return fit[index % Math.max(1, fit.length)] ?? null;
}

const unary =
  (accept: Accept, apply: (x: Node, y: number, z: number) => Node | null): Move["make"] =>
  (pool, x, y, z) => {
    const node = find(pool, x, accept);
    return node === null ? null : apply(node, y, z);
  };

/** The second operand in the shape of the first: as it is, broadcast, or a single element of it. */
function fitted(node: Node, like: Node): Node {
  const { shape } = like.aval;
  if (rank(node) === rank(like) && node.aval.shape.every((size, i) => size === 1 || size === shape[i])) {
    return b.expand(node, shape);
  }
  if (sizeOf(node.aval.shape) === sizeOf(shape)) return b.reshape(node, shape);
  const count = sizeOf(node.aval.shape);
  if (count === 0) return b.fill({ ...like, aval: { shape, dtype: node.aval.dtype } } as Node, 1);
  const first = b.slice(b.reshape(node, [count]), [count - 1], [1], [1]);
  return b.expand(
    b.reshape(
      first,
      shape.map(() => 1),
    ),
    shape,
  );
}

const binary =
  (accept: Accept, apply: (x: Node, y: Node) => Node): Move["make"] =>
  (pool, x, y) => {
    const left = find(pool, x, accept);
    if (left === null) return null;
    const right = find(pool, y, (node) => accept(node) && node.aval.dtype === left.aval.dtype);
    return right === null ? null : apply(left, fitted(right, left));
  };

const exact = (make: Move["make"]): Move => ({ floats: false, sums: false, make });
const real = (make: Move["make"]): Move => ({ floats: true, sums: false, make });
const summing = (move: Move): Move => ({ ...move, sums: true });

const arithmetic = (["add", "sub", "mul", "max", "min"] as const).map((op) =>
  exact(binary(isNumber, (x, y) => b.make(op, [x, y], {}))),
);
const comparisons = (["lt", "le", "eq", "ne"] as const).map((op) =>
  exact(binary(isNumber, (x, y) => b[op](x, y))),
);
const bits = (["bitAnd", "bitOr", "bitXor"] as const).map((op) =>
  exact(
    binary(
      ({ aval }) => aval.dtype === "bool" || aval.dtype === "i32" || aval.dtype === "u32",
      (x, y) => b.make(op, [x, y], {}),
    ),
  ),
);
const shifts = (["shiftLeft", "shiftRight"] as const).map((op) =>
  exact(
    binary(
      ({ aval }) => aval.dtype === "i32" || aval.dtype === "u32",
      (x, y) => b.make(op, [x, y], {}),
    ),
  ),
);

const functions: readonly Move[] = [
  ...(["sin", "tanh", "erf", "floor"] as const).map((op) => real(unary(isFloat, (x) => b[op](x)))),
  real(unary(isFloat, (x) => b.exp(b.min(x, b.fill(x, 3))))),
  real(unary(isFloat, (x) => b.log(b.add(b.mul(x, x), b.fill(x, 1))))),
  real(unary(isFloat, (x) => b.sqrt(b.max(x, b.fill(x, 0))))),
  real(binary(isFloat, (x, y) => b.div(x, y))),
  real(binary(isFloat, (x, y) => b.pow(b.add(b.mul(x, x), b.fill(x, 1)), b.tanh(y)))),
];

const reductions: readonly Move[] = (["sum", "max", "min"] as const).flatMap((kind) =>
  [
    // The row's value, and the row's value put back beside every element, as in softmax.
    exact(
      unary(
        (x) => isNumber(x) && rank(x) > 0,
        (x, y) => b.make("reduce", [x], { kind, axes: [y % rank(x)] }),
      ),
    ),
    exact(
      unary(
        (x) => isNumber(x) && rank(x) > 0,
        (x, y) => {
          const axis = y % rank(x);
          const { shape } = x.aval;
          const reduced = b.make("reduce", [x], { kind, axes: [axis] });
          const kept = b.reshape(
            reduced,
            shape.map((size, i) => (i === axis ? 1 : size)),
          );
          return b.sub(x, b.expand(kept, shape));
        },
      ),
    ),
    exact(unary(isNumber, (x) => b.make("reduce", [x], { kind, axes: x.aval.shape.map((_, i) => i) }))),
  ].map((move) => (kind === "sum" ? summing(move) : move)),
);

const scans: readonly Move[] = [
  exact(
    unary(
      (x) => isNumber(x) && rank(x) > 0,
      (x, y, z) =>
        b.make("cumulate", [x], { kind: z % 2 ? "sum" : "max", axis: y % rank(x), reverse: z % 4 > 1 }),
    ),
  ),
  exact(
    unary(
      (x) => isNumber(x) && rank(x) > 0 && sizeOf(x.aval.shape) > 0,
      (x, y, z) => b.make("argReduce", [x], { kind: z % 2 ? "max" : "min", axis: y % rank(x) }),
    ),
  ),
  exact(
    unary(
      (x) => isNumber(x) && rank(x) > 0,
      (x, y, z) =>
        b.make("argsort", [x], {
          axis: y % rank(x),
          descending: z % 2 === 1,
          k: Math.min(dim(x, y % rank(x)), 1 + (z % 9)),
        }),
    ),
  ),
];

const movements: readonly Move[] = [
  exact(
    unary(
      () => true,
      (x, y) => {
        const perm = x.aval.shape.map((_, i) => i);
        return b.permute(x, y % 2 ? perm.reverse() : [...perm.slice(1), ...perm.slice(0, 1)]);
      },
    ),
  ),
  exact(
    unary(
      () => true,
      (x, y) => b.reshape(x, y % 2 ? [sizeOf(x.aval.shape)] : [1, ...x.aval.shape]),
    ),
  ),
  exact(
    unary(
      (x) => rank(x) > 0,
      (x, y) => {
        const axis = y % rank(x);
        const ones = x.aval.shape.map((size, i) => (i === axis ? 1 : size));
        return b.expand(b.reshape(b.sum(b.cast(x, "i32"), [axis]), ones), x.aval.shape);
      },
    ),
  ),
  exact(
    unary(
      (x) => rank(x) > 0,
      (x, y, z) => {
        const lo = x.aval.shape.map((size, i) => ((y >> i) % 3) - Math.min(1, size));
        const hi = x.aval.shape.map((_, i) => (z >> i) % 3);
        return b.pad(
          x,
          lo,
          hi,
          x.aval.shape.map((_, i) => (y >> (i + 3)) % 2),
          z % 2,
        );
      },
    ),
  ),
  exact(
    unary(
      (x) => sizeOf(x.aval.shape) > 0,
      (x, y, z) => {
        const { shape } = x.aval;
        const step = shape.map((_, i) => ([1, -1, 2, -2] as const)[(y >> (2 * i)) % 4] as number);
        const start = shape.map((size, i) =>
          (step[i] as number) > 0 ? (z >> i) % Math.min(2, size) : size - 1,
        );
        const sizes = shape.map((size, i) => {
          const room = (step[i] as number) > 0 ? size - (start[i] as number) : (start[i] as number) + 1;
          return Math.ceil(room / Math.abs(step[i] as number));
        });
        return b.slice(x, start, step, sizes);
      },
    ),
  ),
  exact((pool, x, y, z) => {
    const first = find(pool, x, (node) => rank(node) > 0);
    if (first === null) return null;
    const axis = z % rank(first);
    const second = find(pool, y, (node) => {
      const same = node.aval.dtype === first.aval.dtype && rank(node) === rank(first);
      return same && node.aval.shape.every((size, i) => i === axis || size === dim(first, i));
    });
    return b.make("concat", [first, second ?? first, first], { axis });
  }),
];

const indexing: readonly Move[] = [
  exact((pool, x, y, z) => {
    const from = find(pool, x, (node) => rank(node) > 0);
    const at = find(pool, y, ({ aval }) => aval.dtype === "i32" && aval.shape.length <= 2);
    return from === null || at === null ? null : b.gather(from, at, z % rank(from), false);
  }),
  exact((pool, x, y, z) => {
    const base = find(pool, x, (node) => isNumber(node) && rank(node) > 0);
    const at = find(pool, y, ({ aval }) => aval.dtype === "i32" && aval.shape.length === 1);
    if (base === null || at === null) return null;
    const axis = z % rank(base);
    const updates = base.aval.shape.map((size, i) => (i === axis ? dim(at, 0) : size));
    const value = b.fill({ ...base, aval: { dtype: base.aval.dtype, shape: updates } } as Node, 2);
    return b.scatter(z % 2 ? "add" : "set", base, at, value, axis, false);
  }),
  exact(
    unary(
      (x) => rank(x) > 0,
      (x, y) => b.iota(x.aval.shape, y % rank(x)),
    ),
  ),
  exact((pool, x, y) => {
    const words = find(pool, x, ({ aval }) => aval.dtype === "u32" && sizeOf(aval.shape) >= 2);
    const like = find(pool, y, () => true);
    if (words === null || like === null) return null;
    const key = b.slice(b.reshape(words, [sizeOf(words.aval.shape)]), [0], [1], [2]);
    return b.make("random", [key], {}, like.aval.shape);
  }),
];

const choosing: readonly Move[] = [
  exact((pool, x, y, z) => {
    const yes = find(pool, x, () => true);
    const condition = find(pool, y, ({ aval }) => aval.dtype === "bool");
    if (yes === null || condition === null) return null;
    const no = find(pool, z, ({ aval }) => aval.dtype === yes.aval.dtype) as Node;
    return b.where(fitted(condition, yes), yes, fitted(no, yes));
  }),
  exact(
    unary(
      ({ aval }) => aval.dtype !== "f32",
      (x, y) => b.cast(x, (["i32", "u32", "bool", "i8", "u8"] as const)[y % 5] as "i32"),
    ),
  ),
  exact(
    unary(
      ({ aval }) => aval.dtype === "i8" || aval.dtype === "u8",
      (x) => b.cast(x, "i32"),
    ),
  ),
  real(
    unary(
      () => true,
      (x, y) => b.cast(x, y % 3 === 0 ? "bf16" : "f32"),
    ),
  ),
];

const contractions: readonly Move[] = [
  real((pool, x, y, z) => {
    const left = find(pool, x, (node) => isFloat(node) && rank(node) === 2);
    if (left === null) return null;
    const [transposeA, transposeB] = [z % 2 === 1, z % 4 > 1];
    const depth = dim(left, transposeA ? 0 : 1);
    const right = find(
      pool,
      y,
      (node) => isFloat(node) && rank(node) === 2 && dim(node, transposeB ? 1 : 0) === depth,
    );
    return right === null ? null : b.make("matmul", [left, right], { transposeA, transposeB });
  }),
  real(
    unary(
      (x) => isFloat(x) && rank(x) > 0,
      (x, y, z) => {
        const { shape } = x.aval;
        return b.make("reduceWindow", [x], {
          kind: z % 2 ? "sum" : "max",
          window: shape.map((size, i) => Math.min(Math.max(1, size), 1 + ((y >> i) % 3))),
          stride: shape.map((_, i) => 1 + ((z >> (i + 1)) % 2)),
          padding: shape.map((_, i): [number, number] => [(y >> (i + 2)) % 2, 0]),
          dilation: shape.map(() => 1),
        });
      },
    ),
  ),
];

const structure: readonly Move[] = [
  exact(
    unary(
      (x) => isNumber(x),
      (x, y) => {
        const [p, q] = [b.make("input", [], {}, x.aval.shape, x.aval.dtype), b.fill(x, 1 + (y % 3))];
        const body = { params: [p], outs: [b.add(b.mul(p, q), q), b.sub(p, q)] };
        const [sum, difference] = outputsOf(b.make("composite", [x], { name: "some", body })) as [Node, Node];
        return y % 2 ? sum : b.max(sum, difference);
      },
    ),
  ),
  exact(
    unary(
      (x) => isNumber(x) && rank(x) > 0 && dim(x, 0) <= 40,
      (x, y, z) => {
        const { shape, dtype } = x.aval;
        const [c, e] = [
          b.make("input", [], {}, shape.slice(1), dtype),
          b.make("input", [], {}, shape.slice(1), dtype),
        ];
        const next = y % 2 ? b.max(b.sub(e, c), e) : b.add(c, e);
        const body = { params: [c, e], outs: [next, b.sub(next, e)] };
        const src = [b.fill(c, 1), x];
        const results = outputsOf(
          b.make("loop", src, { body, length: dim(x, 0), carry: 1, xs: 1, reverse: z % 2 === 1 }),
        );
        return results[(z >> 1) % 2] as Node;
      },
    ),
  ),
];

export const moves: readonly Move[] = [
  ...arithmetic,
  ...comparisons,
  ...bits,
  ...shifts,
  ...functions,
  ...reductions,
  ...scans,
  ...movements,
  ...indexing,
  ...choosing,
  ...contractions,
  ...structure,
];
