import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import {
  ACCUMULATOR,
  type Access,
  type Aval,
  type Backend,
  type BufferId,
  bytesOf,
  type DType,
  type FusedBody,
  type FusedInstr,
  type Place,
  type Plan,
  type PlanBuffer,
  type ScalarOp,
  type Segment,
  type Step,
} from "../../../../src/engine/ir/index.ts";
import { decodeElements, encodeElements, randomWord } from "../../../../src/engine/ops/index.ts";

const aval = (dtype: DType, ...shape: number[]): Aval => ({ dtype, shape });
const f32 = (...shape: number[]) => aval("f32", ...shape);
const buffer = (place: Place, of: Aval): PlanBuffer => ({ place, aval: of, bytes: bytesOf(of) });
const input = (index: number, of: Aval) => buffer({ in: "input", index }, of);
const output = (index: number, of: Aval) => buffer({ in: "output", index }, of);

/** A plan whose inputs and outputs are those of its buffers. */
function planOf(
  buffers: readonly PlanBuffer[],
  steps: readonly Step[],
  donors: readonly (number | null)[] = [],
): Plan {
  const placed = (kind: Place["in"]) => buffers.filter(({ place }) => place.in === kind);
  const inputs = placed("input").map((b) => b.aval);
  const ends = buffers.flatMap(({ place, bytes }) => (place.in === "arena" ? [place.offset + bytes] : []));
  return {
    buffers,
    steps,
    inputs,
    donated: inputs.map((_, i) => donors.includes(i)),
    scalars: placed("scalar").map((b) => b.aval),
    outputs: placed("output").map((b, i) => ({
      buffer: buffers.indexOf(b),
      aval: b.aval,
      donor: donors[i] ?? null,
    })),
    arenaBytes: Math.max(0, ...ends),
  };
}

function put(backend: Backend, values: readonly number[], dtype: DType): BufferId {
  const bytes = encodeElements(values, dtype);
  const id = backend.alloc(bytes.byteLength);
  backend.write(id, bytes);
  return id;
}
const get = async (backend: Backend, id: BufferId, of: Aval) => [
  ...decodeElements(await backend.read(id, 0, bytesOf(of)), of.dtype),
];

/** Runs a plan once on given inputs. */
async function run(plan: Plan, inputs: readonly (readonly number[])[], scalars: readonly number[] = []) {
  const backend = referenceBackend();
  const ins = plan.inputs.map(({ dtype }, i) => put(backend, inputs[i] as number[], dtype));
  const outs = plan.outputs.map(({ aval: of, donor }) =>
    donor === null ? backend.alloc(bytesOf(of)) : (ins[donor] as number),
  );
  backend.run(backend.compile(plan), ins, outs, scalars);
  return Promise.all(plan.outputs.map(({ aval: of }, i) => get(backend, outs[i] as number, of)));
}

const load = (
  n: number,
  dtype: "f32" | "i32" | "u32" | "bool" = "f32",
  level: "inner" | "outer" = "inner",
): FusedInstr => ({ op: "load", load: n, dtype, level });
const scalar = (
  fn: ScalarOp,
  args: number[],
  dtype: "f32" | "i32" | "u32" | "bool" = "f32",
  level: "inner" | "outer" = "inner",
): FusedInstr => ({ op: "scalar", fn, args, dtype, level });
const body = (instrs: FusedInstr[], loads: DType[], stores: [number, DType][], indices = 0): FusedBody => ({
  instrs,
  loads,
  stores: stores.map(([value, dtype]) => ({ value, dtype })),
  indices,
});
const access = (index: number, strides: number[], offset = 0): Access => ({ buffer: index, offset, strides });
const fused = (of: FusedBody, ...segments: Partial<Segment>[]): Step => ({
  kind: "fused",
  body: of,
  segments: segments.map((segment) => ({
    shape: [],
    inner: 0,
    loads: [],
    indices: [],
    stores: [],
    ...segment,
  })),
});

describe("buffers", () => {
  it("give bytes back as they came, whatever they hold", async () => {
    const backend = referenceBackend();
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 200) & 255);
    const id = backend.alloc(64);
    expect([...(await backend.read(id, 0, 64))]).toEqual(new Array(64).fill(0));
    backend.write(id, bytes);
    backend.write(id, Uint8Array.of(1, 2), 10);
    const got = await backend.read(id, 8, 6);
    expect([...got]).toEqual([bytes[8], bytes[9], 1, 2, bytes[12], bytes[13]]);
    bytes.fill(0); // what was written is a copy
    expect((await backend.read(id, 0, 1))[0]).toBe(200);
  });

  it("keep a NaN's bits when a plan only reads them", async () => {
    const backend = referenceBackend();
    const id = backend.alloc(4);
    backend.write(id, Uint8Array.of(1, 2, 0xc0, 0x7f));
    const plan = planOf(
      [input(0, f32(1)), output(0, f32(1))],
      [
        fused(body([load(0)], ["f32"], [[0, "f32"]]), {
          shape: [1],
          loads: [access(0, [1])],
          stores: [access(1, [1])],
        }),
      ],
    );
    backend.run(backend.compile(plan), [id], [backend.alloc(4)], []);
    expect([...(await backend.read(id, 0, 4))]).toEqual([1, 2, 0xc0, 0x7f]);
  });

  it("keep f64 precision between plans, and are rounded when read", async () => {
    const backend = referenceBackend();
    const third = planOf(
      [input(0, f32(1)), output(0, f32(1))],
      [
        fused(
          body(
            [load(0), { op: "literal", value: 3, dtype: "f32", level: "inner" }, scalar("div", [0, 1])],
            ["f32"],
            [[2, "f32"]],
          ),
          { shape: [1], loads: [access(0, [1])], stores: [access(1, [1])] },
        ),
      ],
    );
    const times = planOf(
      [input(0, f32(1)), output(0, f32(1))],
      [
        fused(
          body(
            [load(0), { op: "literal", value: 1 / 3, dtype: "f32", level: "inner" }, scalar("sub", [0, 1])],
            ["f32"],
            [[2, "f32"]],
          ),
          { shape: [1], loads: [access(0, [1])], stores: [access(1, [1])] },
        ),
      ],
    );
    const [a, b, c] = [put(backend, [1], "f32"), backend.alloc(4), backend.alloc(4)];
    backend.run(backend.compile(third), [a], [b], []);
    expect(await get(backend, b, f32(1))).toEqual([Math.fround(1 / 3)]);
    backend.run(backend.compile(times), [b], [c], []);
    expect(await get(backend, c, f32(1))).toEqual([0]);
  });

  it("are counted", () => {
    const backend = referenceBackend();
    const [a] = [backend.alloc(100), backend.alloc(28)];
    backend.free(a);
    const plan = planOf(
      [input(0, f32(1)), buffer({ in: "arena", offset: 64 }, f32(4)), output(0, f32(1))],
      [
        fused(body([load(0)], ["f32"], [[0, "f32"]]), {
          shape: [1],
          loads: [access(0, [1])],
          stores: [access(2, [1])],
        }),
      ],
    );
    const exe = backend.compile(plan);
    expect(backend.stats()).toEqual({ live: 28, peak: 128, arenas: 160 });
    exe.release();
    exe.release();
    expect(backend.stats().arenas).toBe(0);
    expect(() => backend.run(exe, [backend.alloc(4)], [backend.alloc(4)], [])).toThrow(
      "the plan has been released",
    );
    expect(backend.describe()).toBe("reference (TypeScript, f64 arithmetic)");
  });

  it("refuse what does not fit", async () => {
    const backend = referenceBackend();
    const id = backend.alloc(4);
    expect(() => backend.write(id, new Uint8Array(5))).toThrowErrorMatchingInlineSnapshot(
      `[InternalError: write: 5 bytes at 0 do not fit a buffer of 4]`,
    );
    await expect(backend.read(id, 2, 4)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[InternalError: read: 4 bytes at 2 do not fit a buffer of 4]`,
    );
    expect(() => backend.free(99)).toThrowErrorMatchingInlineSnapshot(
      `[InternalError: reference: there is no buffer 99]`,
    );
    expect(() => backend.alloc(2 ** 60)).toThrowErrorMatchingInlineSnapshot(
      `[OutOfMemoryError: reference: there is no room for 1152921504606847000 bytes; 4 are in use.]`,
    );
    backend.free(id);
    expect(() => backend.write(id, new Uint8Array(1))).toThrowErrorMatchingInlineSnapshot(
      `[InternalError: reference: there is no buffer 1]`,
    );
  });
});

describe("fused steps", () => {
  it("read affine views with guards, and write several segments", async () => {
    const plus = body([load(0), load(1), scalar("add", [0, 1])], ["f32", "f32"], [[2, "f32"]]);
    const guard = { lo: [0, 1], hi: [2, 3], fill: 100 };
    const step = fused(
      plus,
      // out[i,j] = x[j,i] + (j in 1..2 ? x[i, j-1] : 100)
      {
        shape: [2, 3],
        loads: [access(0, [1, 2]), { ...access(0, [2, 1], -1), guard }],
        stores: [access(1, [3, 1])],
      },
      { shape: [2], loads: [access(0, [-1], 5), access(0, [0], 3)], stores: [access(2, [2])] },
    );
    const plan = planOf([input(0, f32(3, 2)), output(0, f32(2, 3)), output(1, f32(3))], [step]);
    const [first, second] = await run(plan, [[1, 2, 3, 4, 5, 6]]);
    expect(first).toEqual([101, 4, 7, 102, 7, 10]);
    expect(second).toEqual([10, 0, 9]);
  });

  it("reduce rows in several stages, and store outer values once a row", async () => {
    // softmax and log-sum-exp of each row
    const instrs: FusedInstr[] = [
      load(0),
      { op: "reduce", kind: "max", args: [0], dtype: "f32", level: "outer" },
      scalar("sub", [0, 1]),
      scalar("exp", [2]),
      { op: "reduce", kind: "sum", args: [3], dtype: "f32", level: "outer" },
      scalar("div", [3, 4]),
      scalar("log", [4], "f32", "outer"),
      scalar("add", [6, 1], "f32", "outer"),
      { op: "reduce", kind: "argMax", args: [0], dtype: "i32", level: "outer" },
    ];
    const of = body(
      instrs,
      ["f32"],
      [
        [5, "f32"],
        [7, "f32"],
        [8, "i32"],
      ],
    );
    const step = fused(of, {
      shape: [2, 3],
      inner: 1,
      loads: [access(0, [3, 1])],
      stores: [access(1, [3, 1]), access(2, [1, 0]), access(3, [1, 0])],
    });
    const plan = planOf(
      [input(0, f32(2, 3)), output(0, f32(2, 3)), output(1, f32(2)), output(2, aval("i32", 2))],
      [step],
    );
    const [soft, lse, arg] = await run(plan, [[0, 1, 2, 5, 5, 5]]);
    const e = [1, Math.E, Math.E ** 2];
    const total = 1 + Math.E + Math.E ** 2;
    const expected = [...e.map((value) => value / total), 1 / 3, 1 / 3, 1 / 3].map(Math.fround);
    expect(soft).toEqual(expected);
    expect(lse).toEqual([Math.log(total), 5 + Math.log(3)].map(Math.fround));
    expect(arg).toEqual([2, 0]);
  });

  it("reduce rows of nothing to the identity", async () => {
    const of = body(
      [load(0), { op: "reduce", kind: "max", args: [0], dtype: "f32", level: "outer" }],
      ["f32"],
      [[1, "f32"]],
    );
    const step = fused(of, {
      shape: [2, 0],
      inner: 1,
      loads: [access(0, [0, 1])],
      stores: [access(1, [1, 0])],
    });
    const plan = planOf([input(0, f32(2, 0)), output(0, f32(2))], [step]);
    expect(await run(plan, [[]])).toEqual([[-Infinity, -Infinity]]);
  });

  it("count, draw random bits, convert and store narrow", async () => {
    const instrs: FusedInstr[] = [
      { op: "index", index: 0, dtype: "u32", level: "inner" },
      load(0, "u32"),
      load(1, "u32"),
      { op: "random", args: [1, 2, 0], dtype: "u32", level: "inner" },
      { op: "index", index: 0, dtype: "i32", level: "inner" },
      { op: "cast", args: [4], to: "f32", dtype: "f32", level: "inner" },
      { op: "literal", value: 1 / 3, dtype: "f32", level: "inner" },
      scalar("add", [5, 6]),
      { op: "cast", args: [7], to: "bf16", dtype: "f32", level: "inner" },
      { op: "literal", value: 5, dtype: "i32", level: "inner" },
      scalar("lt", [4, 9], "bool"),
    ];
    const of = body(
      instrs,
      ["u32", "u32"],
      [
        [3, "u32"],
        [7, "f16"],
        [8, "f32"],
        [10, "bool"],
      ],
      1,
    );
    const step = fused(of, {
      shape: [3],
      loads: [access(0, [0]), access(0, [0], 1)],
      indices: [{ offset: 4, strides: [1] }],
      stores: [access(1, [1]), access(2, [1]), access(3, [1]), access(4, [1])],
    });
    const outs = [
      output(0, aval("u32", 3)),
      output(1, aval("f16", 3)),
      output(2, f32(3)),
      output(3, aval("bool", 3)),
    ];
    const [words, halves, rounded, less] = await run(planOf([input(0, aval("u32", 2)), ...outs], [step]), [
      [7, 9],
    ]);
    expect(words).toEqual([4, 5, 6].map((element) => randomWord(7, 9, element)));
    expect(halves).toEqual([4.33203125, 5.33203125, 6.33203125]);
    expect(rounded).toEqual([4.34375, 5.34375, 6.34375]);
    expect(less).toEqual([1, 0, 0]);
  });

  it("cover more elements than one stretch", async () => {
    const n = 200_000;
    const of = body([{ op: "index", index: 0, dtype: "i32", level: "inner" }], [], [[0, "i32"]], 1);
    const step = fused(of, {
      shape: [2, n / 2],
      indices: [{ offset: 0, strides: [n / 2, 1] }],
      stores: [access(0, [n / 2, 1])],
    });
    const [values] = await run(planOf([output(0, aval("i32", 2, n / 2))], [step]), []);
    expect(values?.every((value, i) => value === i)).toBe(true);
  });
});

describe("other steps", () => {
  const copy = body([load(0)], ["f32"], [[0, "f32"]]);

  it("gemm: strides either way, broadcast batches, epilogue", async () => {
    const bias = body([load(0), load(1), scalar("add", [0, 1])], ["f32", "f32"], [[2, "f32"]]);
    const step: Step = {
      kind: "gemm",
      precision: "f32",
      batch: [2],
      m: 2,
      n: 1,
      k: 2,
      a: { buffer: 0, offset: 3, batchStrides: [0], rowStride: -2, colStride: -1 },
      b: { buffer: 1, offset: 0, batchStrides: [2], rowStride: 1, colStride: 1 },
      epilogue: {
        body: bias,
        segment: {
          shape: [2, 2, 1],
          inner: 0,
          loads: [access(ACCUMULATOR, [0, 0, 0]), access(2, [0, 0, 0])],
          indices: [],
          stores: [access(3, [1, 2, 1])],
        },
      },
    };
    const plan = planOf(
      [input(0, f32(2, 2)), input(1, f32(2, 2, 1)), input(2, f32()), output(0, f32(2, 2))],
      [step],
    );
    // a reversed is [[4,3],[2,1]]; times [1,10] and [2,20]; plus 0.5; stored transposed.
    expect(await run(plan, [[1, 2, 3, 4], [1, 10, 2, 20], [0.5]])).toEqual([[34.5, 68.5, 12.5, 24.5]]);
  });

  it("conv with an epilogue; its gradients", async () => {
    const square = body([load(0), scalar("mul", [0, 0])], ["f32"], [[1, "f32"]]);
    const attrs = { stride: [1], padding: [[1, 0]] as const, dilation: [1], groups: 1 };
    const shapes = { x: [1, 3, 1], w: [2, 1, 1], y: [1, 3, 1] };
    const on = (op: "conv" | "convInputGrad" | "convFilterGrad", of: FusedBody, shape: number[]): Step => ({
      kind: "conv",
      op,
      a: 0,
      b: 1,
      ...attrs,
      ...shapes,
      epilogue: {
        body: of,
        segment: {
          shape,
          inner: 0,
          loads: [access(ACCUMULATOR, [0, 0, 0])],
          indices: [],
          stores: [access(2, [shape[1] as number, 1, 1])],
        },
      },
    });
    const xw = [input(0, f32(1, 3, 1)), input(1, f32(2, 1, 1)), output(0, f32(1, 3, 1))];
    // y = [10 x0, x0 + 10 x1, x1 + 10 x2], squared
    expect(
      await run(planOf(xw, [on("conv", square, [1, 3, 1])]), [
        [1, 2, 3],
        [1, 10],
      ]),
    ).toEqual([[100, 441, 1024]]);
    expect(
      await run(planOf(xw, [on("convInputGrad", copy, [1, 3, 1])]), [
        [1, 2, 3],
        [1, 10],
      ]),
    ).toEqual([[12, 23, 30]]);
    const xg = [input(0, f32(1, 3, 1)), input(1, f32(1, 3, 1)), output(0, f32(2, 1, 1))];
    expect(
      await run(planOf(xg, [on("convFilterGrad", copy, [2, 1, 1])]), [
        [1, 2, 3],
        [1, 1, 1],
      ]),
    ).toEqual([[3, 6]]);
  });

  it("windows, scans, gather, scatter in place, sort, collective", async () => {
    const wide = { window: [2], stride: [1], padding: [[0, 0]] as const, dilation: [1] };
    const steps: Step[] = [
      { kind: "window", op: "reduceWindow", reduce: "max", src: 0, out: 2, ...wide },
      { kind: "window", op: "argWindow", reduce: "max", src: 0, out: 3, ...wide },
      { kind: "window", op: "cumulate", reduce: "sum", axis: 0, reverse: true, src: 0, out: 4 },
      { kind: "index", op: "gather", axis: 0, along: false, src: 0, indices: 1, out: 5 },
      {
        kind: "index",
        op: "scatter",
        mode: "add",
        axis: 0,
        along: false,
        base: 4,
        indices: 1,
        updates: 5,
        out: 4,
      },
      { kind: "sort", axis: 0, descending: true, k: 2, src: 0, out: 6 },
      { kind: "collective", op: "allReduce", axis: 0, src: 0, out: 7 },
    ];
    const outs = [f32(3), aval("i32", 3), f32(4), f32(2), aval("i32", 2), f32(4)].map((of, i) =>
      output(i, of),
    );
    const plan = planOf([input(0, f32(4)), input(1, aval("i32", 2)), ...outs], steps);
    expect(
      await run(plan, [
        [3, 1, 4, 1],
        [2, 9],
      ]),
    ).toEqual([
      [3, 4, 4],
      [0, 2, 2],
      [9, 6, 9, 1],
      [4, Number.NaN],
      [2, 0],
      [3, 1, 4, 1],
    ]);
  });

  it("loops over slices, forwards and backwards, one in another", async () => {
    // carry = carry * 10 + x[i][j]
    const of = body(
      [
        load(0),
        load(1),
        { op: "literal", value: 10, dtype: "f32", level: "inner" },
        scalar("mul", [0, 2]),
        scalar("add", [3, 1]),
      ],
      ["f32", "f32"],
      [
        [4, "f32"],
        [4, "f32"],
      ],
    );
    const step = fused(of, { loads: [access(2, []), access(4, [])], stores: [access(2, []), access(6, [])] });
    const zero = fused(body([{ op: "literal", value: 0, dtype: "f32", level: "inner" }], [], [[0, "f32"]]), {
      stores: [access(2, [])],
    });
    const inner: Step = { kind: "loop", length: 3, reverse: true, steps: [step] };
    const buffers = [
      input(0, f32(2, 3)),
      output(0, f32(2, 3)),
      buffer({ in: "arena", offset: 0 }, f32()),
      buffer({ in: "slice", parent: 0, stride: 12, depth: 0 }, f32(3)),
      buffer({ in: "slice", parent: 3, stride: 4, depth: 1 }, f32()),
      buffer({ in: "slice", parent: 1, stride: 12, depth: 0 }, f32(3)),
      buffer({ in: "slice", parent: 5, stride: 4, depth: 1 }, f32()),
    ];
    const plan = planOf(buffers, [zero, { kind: "loop", length: 2, reverse: false, steps: [inner] }]);
    expect(await run(plan, [[1, 2, 3, 4, 5, 6]])).toEqual([[321, 32, 3, 321654, 32165, 3216]]);
  });

  it("constants, scalars, and memory donated to another dtype", async () => {
    const of = body(
      [
        load(0),
        load(1),
        load(2),
        scalar("mul", [0, 1]),
        scalar("add", [3, 2]),
        { op: "cast", args: [4], to: "i32", dtype: "i32", level: "inner" },
      ],
      ["f32", "f32", "f32"],
      [[5, "i32"]],
    );
    const step = fused(of, {
      shape: [2],
      loads: [access(0, [1]), access(2, [1]), access(3, [0])],
      stores: [access(1, [1])],
    });
    const constant = buffer({ in: "const", data: encodeElements([2, 3], "f32") }, f32(2));
    const plan = planOf(
      [input(0, f32(2)), output(0, aval("i32", 2)), constant, buffer({ in: "scalar", index: 0 }, f32())],
      [step],
      [0],
    );
    expect(await run(plan, [[1.5, 2.5]], [0.75])).toEqual([[3, 8]]);
  });
});

describe("order of work", () => {
  const countUp = planOf(
    [input(0, f32()), output(0, f32()), buffer({ in: "scalar", index: 0 }, f32())],
    [
      fused(body([load(0), load(1), scalar("add", [0, 1])], ["f32", "f32"], [[2, "f32"]]), {
        loads: [access(0, []), access(2, [])],
        stores: [access(1, [])],
      }),
    ],
    [0],
  );

  it("runs many times over donated memory, letting the event loop turn", async () => {
    const backend = referenceBackend();
    const exe = backend.compile(countUp);
    const id = put(backend, [0], "f32");
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await backend.runMany(exe, [id], [id], [0.5], 20_000);
    clearInterval(timer);
    expect(await get(backend, id, f32())).toEqual([10_000]);
    expect(turns).toBeGreaterThan(0);
  });

  it("keeps reads, writes and runs in the order they were asked for", async () => {
    const backend = referenceBackend();
    const exe = backend.compile(countUp);
    const id = put(backend, [0], "f32");
    const many = backend.runMany(exe, [id], [id], [1], 5_000);
    const first = get(backend, id, f32());
    backend.write(id, encodeElements([100], "f32"));
    backend.run(exe, [id], [id], [1]);
    const second = get(backend, id, f32());
    const again = backend.runMany(exe, [id], [id], [2], 3);
    const third = get(backend, id, f32());
    expect(await Promise.all([first, second, third])).toEqual([[5_000], [101], [107]]);
    await Promise.all([many, again]);
  });

  it("lets a buffer be freed while a run still uses it", async () => {
    const backend = referenceBackend();
    const id = put(backend, [0], "f32");
    const many = backend.runMany(backend.compile(countUp), [id], [id], [1], 1_000);
    backend.free(id);
    await many;
    expect(backend.stats().live).toBe(0);
  });
});

it("checks a plan when it is loaded", () => {
  const bad = planOf(
    [input(0, f32(4)), output(0, f32(4))],
    [
      fused(body([load(0)], ["f32"], [[0, "f32"]]), {
        shape: [4],
        loads: [access(0, [2])],
        stores: [access(1, [1])],
      }),
    ],
  );
  expect(() => referenceBackend().compile(bad)).toThrowErrorMatchingInlineSnapshot(
    `[InternalError: verify: fused 0, segment 0, load 0: elements 0 to 6 do not lie in buffer 0 of 4]`,
  );
});
