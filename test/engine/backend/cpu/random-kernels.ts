/** Random fused kernels whose values are small whole numbers, so that every backend must agree exactly. */
import type { Access, Affine, DType, Plan } from "../../../../src/engine/ir/index.ts";
import { sizeOf } from "../../../../src/util/index.ts";
import { aval, BodyMaker, PlanMaker } from "./plans.ts";

export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = (Math.imul(seed, 2654435761) + 12345) >>> 0;
  }
  /** A whole number in [0, n). */
  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(((this.#state >>> 8) / 16777216) * n);
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
  chance(one: number): boolean {
    return this.below(one) === 0;
  }
}

const storedTypes: readonly DType[] = ["f32", "f32", "f32", "i32", "u32", "bool", "f16", "bf16", "i8", "u8"];
const sizes = [1, 1, 2, 3, 4, 5, 7, 10, 16, 17, 31, 33, 64, 100, 255, 257, 300];

export interface RandomKernel {
  readonly plan: Plan;
  readonly inputs: Float64Array[];
  readonly what: string;
}

function shapeOf(dice: Dice, rank: number): number[] {
  const shape: number[] = [];
  const most = dice.chance(10) ? 30000 : 3000;
  for (let axis = 0; axis < rank; axis++) {
    const room = most / sizeOf(shape);
    const fitting = sizes.filter((size) => size <= room);
    shape.push(dice.chance(40) ? 0 : dice.of(fitting));
  }
  return shape;
}

/** A dense walk over some axes in a random order, some reversed or with gaps, others broadcast. */
function randomAffine(
  dice: Dice,
  shape: readonly number[],
  moves: (axis: number) => boolean,
): { affine: Affine; span: number } {
  const axes = shape.map((_, axis) => axis);
  const plain = dice.chance(2);
  if (!plain) axes.sort(() => dice.below(3) - 1);
  const strides = shape.map(() => 0);
  let stride = 1;
  let offset = plain ? 0 : dice.below(3);
  for (const axis of axes.reverse()) {
    const size = shape[axis] as number;
    if (!moves(axis) || (!plain && dice.chance(4))) continue;
    const step = plain || !dice.chance(4) ? 1 : 2;
    const back = !plain && dice.chance(5);
    strides[axis] = back ? -stride * step : stride * step;
    if (back) offset += stride * step * Math.max(0, size - 1);
    stride *= Math.max(1, size) * step;
  }
  return { affine: { offset, strides }, span: stride + offset };
}

/** A random kernel; with `rows`, one that reduces. */
export function randomKernel(seed: number, rows: boolean): RandomKernel {
  const dice = new Dice(seed);
  const maker = new PlanMaker();
  const rank = rows ? 1 + dice.below(4) : dice.below(5);
  const shape = shapeOf(dice, rank);
  const inner = rows ? 1 + dice.below(rank) : 0;
  const body = new BodyMaker();
  const inputs: Float64Array[] = [];
  const loads: Access[] = [];
  const outputs: { buffer: number; access: Access }[] = [];
  const indices: Affine[] = [];
  const isInner = (axis: number) => axis >= rank - inner;
  // Values that exist, by register type, and whether they vary along the row.
  const pool: { f32: number[]; i32: number[]; bool: number[] } = { f32: [], i32: [], bool: [] };
  const keep = (value: number) => {
    const dtype = body.instrs[value]?.dtype;
    if (dtype === "f32" || dtype === "i32" || dtype === "bool") pool[dtype].push(value);
    return value;
  };

  for (let load = 0, count = 1 + dice.below(4); load < count; load++) {
    const stored = dice.of(storedTypes);
    const unsigned = stored === "u32" || stored === "u8";
    const outer = rows && dice.chance(4);
    const { affine, span } = randomAffine(dice, shape, (axis) => !outer || !isInner(axis));
    const guard = dice.chance(4)
      ? {
          lo: shape.map((size) => dice.below(size + 2) - 1),
          hi: shape.map((size) => dice.below(size + 3)),
          fill: stored === "bool" ? dice.below(2) : unsigned ? 3 : -3,
        }
      : undefined;
    if (guard !== undefined && outer) {
      shape.forEach((size, axis) => {
        if (isInner(axis)) [guard.lo[axis], guard.hi[axis]] = [0, size];
      });
    }
    const buffer = maker.input(aval(stored, span));
    const low = stored === "bool" || unsigned ? 0 : -2;
    inputs.push(
      Float64Array.from({ length: span }, () => (stored === "bool" ? dice.below(2) : low + dice.below(4))),
    );
    loads.push({ buffer, ...affine, guard });
    let value = body.load(stored, outer ? "outer" : "inner");
    if (stored === "u32") value = body.cast(value, "i32");
    keep(value);
  }
  if (dice.chance(3)) {
    const { affine } = randomAffine(dice, shape, () => true);
    indices.push({ offset: affine.offset, strides: affine.strides.map((stride) => Math.sign(stride)) });
    keep(body.index(dice.of(["i32", "f32"] as const)));
  }
  keep(body.literal(dice.below(5) - 2, "f32"));
  keep(body.literal(dice.below(5) - 2, "i32"));

  const compute = (count: number) => {
    for (let n = 0; n < count; n++) {
      const type = dice.chance(3) ? "i32" : "f32";
      if (pool[type].length === 0) continue;
      const [a, b] = [dice.of(pool[type]), dice.of(pool[type])];
      const op = dice.of([
        "add",
        "sub",
        "max",
        "min",
        "mul",
        "lt",
        "eq",
        "where",
        "cast",
        "square",
        "quotient",
      ] as const);
      if (op === "where") {
        if (pool.bool.length > 0) keep(body.scalar("where", dice.of(pool.bool), a, b));
      } else if (op === "cast") {
        keep(body.cast(a, type === "i32" ? "f32" : "i32"));
      } else if (op === "mul") {
        // Stays small: one factor is -1, 0 or 1.
        const one = body.literal(-1, type);
        keep(body.scalar("mul", a, body.scalar("max", one, body.scalar("min", b, body.literal(1, type)))));
      } else if (op === "quotient") {
        // Slow, and exact on integers.
        if (pool.i32.length > 0) keep(body.scalar("div", dice.of(pool.i32), dice.of(pool.i32)));
      } else if (op === "square") {
        const small = body.scalar(
          "max",
          body.literal(-2, type),
          body.scalar("min", a, body.literal(2, type)),
        );
        keep(
          body.scalar(
            "add",
            body.scalar("mul", small, small),
            body.scalar("mul", body.literal(2, type), small),
          ),
        );
      } else {
        keep(body.scalar(op, a, b));
      }
    }
  };
  compute(2 + dice.below(6));
  if (rows) {
    for (let n = 1 + dice.below(3); n > 0; n--) {
      const candidates = [...pool.f32, ...pool.i32].filter((value) => body.instrs[value]?.level === "inner");
      if (candidates.length === 0) break;
      const kind = dice.of(["sum", "sum", "max", "min", "argMax", "argMin"] as const);
      if (kind.startsWith("arg") && sizeOf(shape.slice(rank - inner)) === 0) continue;
      const reduced = body.reduce(kind, dice.of(candidates));
      // Brings sums back to small numbers, so that later stages stay exact.
      const dtype = body.instrs[reduced]?.dtype === "f32" ? "f32" : "i32";
      keep(body.scalar("min", body.scalar("max", reduced, body.literal(-5, dtype)), body.literal(5, dtype)));
      maybeStore(reduced);
      compute(1 + dice.below(3));
    }
  }

  function maybeStore(value: number): void {
    const instr = body.instrs[value];
    if (instr === undefined) return;
    const along = !rows || instr.level === "inner";
    const { affine, span } = storeAffine(dice, shape, (axis) => along || !isInner(axis));
    const stored: DType =
      instr.dtype === "f32"
        ? dice.of(["f32", "f32", "f16", "bf16"])
        : instr.dtype === "i32"
          ? dice.of(["i32", "i8", "u8"])
          : instr.dtype;
    const buffer = maker.output(aval(stored, span));
    body.store(value, stored);
    outputs.push({ buffer, access: { buffer, ...affine } });
  }
  const all = [...pool.f32, ...pool.i32, ...pool.bool];
  maybeStore(all.at(-1) as number);
  if (dice.chance(2)) maybeStore(dice.of(all));
  if (dice.chance(3)) maybeStore(dice.of(all));

  const built = body.body();
  maker.step({
    kind: "fused",
    body: built,
    segments: [{ shape, inner, loads, indices, stores: outputs.map(({ access }) => access) }],
  });
  return { plan: maker.plan(), inputs, what: `seed ${seed}: [${shape}] inner ${inner}` };
}

/** Injective: every element has a place of its own. */
function storeAffine(
  dice: Dice,
  shape: readonly number[],
  moves: (axis: number) => boolean,
): { affine: Affine; span: number } {
  const axes = shape.map((_, axis) => axis).filter(moves);
  if (dice.chance(3)) axes.sort(() => dice.below(3) - 1);
  const strides = shape.map(() => 0);
  let stride = dice.chance(5) ? 2 : 1;
  for (const axis of axes.reverse()) {
    strides[axis] = stride;
    stride *= Math.max(1, shape[axis] as number);
  }
  return { affine: { offset: 0, strides }, span: stride };
}
