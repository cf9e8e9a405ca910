/** A malformed program is an error: random changes to valid ones either load and run safely or are refused. */
import { describe, expect, it } from "vitest";
import { requireAddon } from "../../../../src/engine/backend/cpu/addon.ts";
import { encode } from "../../../../src/engine/backend/cpu/encode.ts";
import { cpuBackend } from "../../../../src/engine/backend/cpu/index.ts";
import { bytesOf, dtypes, type Plan } from "../../../../src/engine/ir/index.ts";
import { InternalError } from "../../../../src/util/index.ts";
import { attentionPlan, forms } from "./attentions.ts";
import { BodyMaker, f32, numbers, PlanMaker, segment, whole } from "./plans.ts";
import { Dice, randomKernel } from "./random-kernels.ts";

const addon = requireAddon();
/** No mutant may keep a machine busy: what would run longer is only loaded. */
const MOST_NANOSECONDS = 2e7;

/** Loads a program and runs it on memory of just the size the plan asks for. Returns whether it was accepted. */
function attempt(context: number, plan: Plan, program: Int32Array, constants: Uint8Array): boolean {
  let id: number;
  try {
    id = addon.load(context, program, constants);
  } catch {
    return false;
  }
  const ids = [...plan.inputs, ...plan.outputs.map(({ aval }) => aval)].map((of) =>
    addon.alloc(context, bytesOf(of)),
  );
  try {
    if (addon.cost(context, id) < MOST_NANOSECONDS) {
      addon.run(
        context,
        id,
        Int32Array.from(ids),
        Float64Array.from(plan.scalars, () => 1),
      );
    }
  } catch (error) {
    // More memory than the plan said is refused at the run.
    if (!(error instanceof Error)) throw error;
  } finally {
    for (const block of ids) addon.free(context, block);
    addon.unload(context, id);
  }
  return true;
}

function mutate(dice: Dice, program: Int32Array): Int32Array {
  const mutant = program.slice();
  for (let changes = 1 + dice.below(3); changes > 0; changes--) {
    const at = 3 + dice.below(mutant.length - 3);
    const value = mutant[at] as number;
    mutant[at] = dice.of([
      value + 1,
      value - 1,
      0,
      -1,
      1,
      value ^ (1 << dice.below(31)),
      dice.below(64),
      value * 2,
      0x7fffffff,
    ]);
  }
  return mutant;
}

/** Steps of every kind, small. */
function mixedPlan(): Plan {
  const maker = new PlanMaker();
  const [a, b] = [maker.input(f32(6, 8)), maker.input(f32(8, 5))];
  const [m, n, k] = [6, 5, 8];
  const body = new BodyMaker();
  body.store(body.scalar("add", body.load(), body.literal(1)));
  const product = maker.arena(f32(m, n));
  maker.step({
    kind: "gemm",
    precision: "f32",
    batch: [],
    m,
    n,
    k,
    a: { buffer: a, offset: 0, batchStrides: [], rowStride: k, colStride: 1 },
    b: { buffer: b, offset: 0, batchStrides: [], rowStride: n, colStride: 1 },
    epilogue: {
      body: body.body(),
      segment: segment([m, n], 0, [{ buffer: -1, offset: 0, strides: [n, 1] }], [whole(product, [m, n])]),
    },
  });
  const order = maker.arena({ dtype: "i32", shape: [m, 3] });
  maker.step({ kind: "sort", axis: 1, descending: true, k: 3, src: product, out: order });
  maker.step({
    kind: "index",
    op: "gather",
    axis: 1,
    along: true,
    src: product,
    indices: order,
    out: maker.output(f32(m, 3)),
  });
  const image = maker.input(f32(1, 6, 6, 2));
  const filter = maker.input(f32(3, 3, 2, 4));
  const features = maker.arena(f32(1, 6, 6, 4));
  const plain = new BodyMaker();
  plain.store(plain.load());
  const shape = [1, 6, 6, 4];
  maker.step({
    kind: "conv",
    op: "conv",
    a: image,
    b: filter,
    x: [1, 6, 6, 2],
    w: [3, 3, 2, 4],
    y: shape,
    stride: [1, 1],
    padding: [
      [1, 1],
      [1, 1],
    ],
    dilation: [1, 1],
    groups: 1,
    epilogue: {
      body: plain.body(),
      segment: segment(
        shape,
        0,
        [{ buffer: -1, offset: 0, strides: [144, 24, 4, 1] }],
        [whole(features, shape)],
      ),
    },
  });
  maker.step({
    kind: "window",
    op: "reduceWindow",
    reduce: "max",
    window: [1, 2, 2, 1],
    stride: [1, 2, 2, 1],
    padding: [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ],
    dilation: [1, 1, 1, 1],
    src: features,
    out: maker.output(f32(1, 3, 3, 4)),
  });
  const carry = maker.input(f32(8), true);
  const slice = maker.slice(a, f32(8), 0);
  const step = new BodyMaker();
  step.store(step.scalar("add", step.load(), step.load()));
  const at = (buffer: number) => whole(buffer, [8]);
  maker.step({
    kind: "loop",
    length: 6,
    reverse: false,
    steps: [
      { kind: "fused", body: step.body(), segments: [segment([8], 0, [at(carry), at(slice)], [at(carry)])] },
    ],
  });
  maker.giveBack(carry);
  const guard = maker.input({ dtype: "bool", shape: [] });
  maker.step({
    kind: "loop",
    length: 1,
    reverse: false,
    guard,
    steps: [
      { kind: "fused", body: step.body(), segments: [segment([8], 0, [at(carry), at(carry)], [at(carry)])] },
    ],
  });
  return maker.plan();
}

describe("mutated programs", () => {
  const context = addon.create(0, 2, 2 ** 30, 1);
  it("of fused kernels", () => {
    const dice = new Dice(7);
    let [accepted, refused] = [0, 0];
    for (let seed = 0; seed < 60; seed++) {
      for (const rows of [false, true]) {
        const { plan } = randomKernel(seed, rows);
        const { program, constants } = encode(plan);
        expect(attempt(context, plan, program, constants)).toBe(true);
        for (let n = 0; n < 60; n++) {
          if (attempt(context, plan, mutate(dice, program), constants)) accepted++;
          else refused++;
        }
      }
    }
    expect(accepted).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(1000);
  });

  it("of all kinds of steps", () => {
    const dice = new Dice(8);
    const plan = mixedPlan();
    const { program, constants } = encode(plan);
    expect(attempt(context, plan, program, constants)).toBe(true);
    let refused = 0;
    for (let n = 0; n < 8000; n++) if (!attempt(context, plan, mutate(dice, program), constants)) refused++;
    expect(refused).toBeGreaterThan(1000);
  });

  it.each(forms.filter(({ name }) => ["odd sizes", "a mask of all"].includes(name)))(
    "of attention, $name",
    (form) => {
      const dice = new Dice(9);
      const { plan } = attentionPlan(form, cpuBackend({ threads: 1 }).caps);
      const { program, constants } = encode(plan);
      expect(attempt(context, plan, program, constants)).toBe(true);
      let refused = 0;
      for (let n = 0; n < 2000; n++) if (!attempt(context, plan, mutate(dice, program), constants)) refused++;
      expect(refused).toBeGreaterThan(500);
    },
  );

  it("cut short or extended", () => {
    const plan = mixedPlan();
    const { program, constants } = encode(plan);
    for (let length = 0; length < program.length; length += 7) {
      expect(attempt(context, plan, program.slice(0, length), constants)).toBe(false);
    }
    expect(attempt(context, plan, Int32Array.from([...program, 0]), constants)).toBe(false);
  });
});

describe("errors", () => {
  const cpu = cpuBackend({ threads: 1 });
  const copy = (donated: boolean, length: number) => {
    const maker = new PlanMaker();
    const [x, y] = [maker.input(f32(10)), maker.input(f32(10), donated)];
    const body = new BodyMaker();
    body.store(body.load());
    maker.step({
      kind: "fused",
      body: body.body(),
      segments: [segment([length], 0, [whole(x, [length])], [whole(y, [length])])],
    });
    return maker.plan();
  };
  it("name what is wrong with a plan", () => {
    expect(() => cpu.compile(copy(true, 11))).toThrow(
      "the program is malformed: an access leaves its buffer",
    );
    expect(() => cpu.compile(copy(false, 10))).toThrow("a step writes to a buffer that is not to be written");
    expect(() => cpu.compile(copy(true, 10))).not.toThrow();
  });
  it("know how wide a byte is, and no dtype after the last", () => {
    const bytes = (length: number) => {
      const maker = new PlanMaker();
      const of = { dtype: "u8", shape: [10] } as const;
      const [x, y] = [maker.input(of), maker.output(of)];
      const body = new BodyMaker();
      body.store(body.load("u8"), "u8");
      const at = [whole(x, [length])];
      maker.step({
        kind: "fused",
        body: body.body(),
        segments: [segment([length], 0, at, [whole(y, [length])])],
      });
      return maker.plan();
    };
    expect(() => cpu.compile(bytes(10))).not.toThrow();
    expect(() => cpu.compile(bytes(11))).toThrow("an access leaves its buffer");
    const context = addon.create(0, 1, 2 ** 30, 1);
    const { program, constants } = encode(bytes(10));
    const last = dtypes.length - 1;
    const wrong = [...program.keys()].filter((at) => program[at] === last);
    const errors = wrong.map((at) => {
      try {
        addon.load(context, program.with(at, last + 1), constants);
        return "";
      } catch (error) {
        return String(error);
      }
    });
    // Of two buffers, of a load and of a store.
    expect(errors.filter((error) => error.includes("a dtype is out of range"))).toHaveLength(4);
  });
  it("name what is wrong with a run", () => {
    const exe = cpu.compile(copy(true, 10));
    const [small, good] = [cpu.alloc(36), cpu.alloc(40)];
    expect(() => cpu.run(exe, [good, small], [], [])).toThrow(
      `buffer ${small} is smaller than the plan needs`,
    );
    expect(() => cpu.run(exe, [good, 999], [], [])).toThrow("there is no buffer 999");
    expect(() => cpu.run(exe, [good], [], [])).toThrow(InternalError);
    exe.release();
    expect(() => cpu.run(exe, [good, good], [], [])).toThrow("released");
  });
  it("of memory", async () => {
    expect(() => cpu.alloc(2 ** 50)).toThrow("no room");
    const id = cpu.alloc(8);
    cpu.write(id, Uint8Array.from(numbers(1).length === 1 ? [1, 2, 3] : []), 5);
    expect(await cpu.read(id, 4, 4)).toEqual(Uint8Array.from([0, 1, 2, 3]));
    expect(() => cpu.write(id, new Uint8Array(4), 5)).toThrow();
    await expect(cpu.read(id, 1, 8)).rejects.toThrow();
    cpu.free(id);
    expect(() => cpu.free(id)).toThrow();
    // Recycled memory is zeroed.
    const again = cpu.alloc(8);
    expect(await cpu.read(again, 0, 8)).toEqual(new Uint8Array(8));
  });
  it("of options", () => {
    expect(() => cpuBackend({ threads: 0 })).toThrow("threads: must be a whole number from 1");
    expect(() => cpuBackend({ isa: "mmx" })).toThrow(/isa: must be one of .* on this machine; got "mmx"/);
  });
});
