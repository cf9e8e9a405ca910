import { describe, expect, it } from "vitest";
import {
  ACCUMULATOR,
  type Access,
  type Aval,
  bytesOf,
  type FusedBody,
  type FusedStep,
  type GemmStep,
  type IndexStep,
  type Node,
  type Place,
  type Plan,
  type PlanBuffer,
  rawNode,
  type Segment,
  type Step,
  verifyGraph,
  verifyPlan,
} from "../../../src/engine/ir/index.ts";
import { build as b, infer, make, scalarRows } from "../../../src/engine/ops/index.ts";

const f32 = (...shape: number[]): Aval => ({ dtype: "f32", shape });
const param = (...shape: number[]) => make("input", [], {}, shape, "f32");
const check = (roots: Node[], inputs?: Node[]) => () => verifyGraph(roots, infer as never, inputs);

describe("graphs", () => {
  it("that are well formed pass", () => {
    const x = param(2, 3);
    const body = { params: [param(2)], outs: [] as Node[] };
    body.outs = [b.exp(body.params[0] as Node)];
    const loop = make("loop", [b.sum(x, [1])], { body, length: 2, carry: 1, xs: 0, reverse: false });
    expect(check([loop, b.mul(x, x)], [x])).not.toThrow();
  });

  it("with a wrong aval", () => {
    const x = param(2);
    const bad = rawNode("exp", [x], f32(3), {});
    expect(check([bad])).toThrow(/verify: exp f32\[3\] #\d+ must give f32\[2\]/);
    expect(check([rawNode("add", [x], f32(2), {})])).toThrow("add: takes 2 operands; got 1.");
    expect(check([rawNode("add", [x, param(3)], f32(2), {})])).toThrow("add: shapes must be equal");
  });

  it("with a cycle", () => {
    const x = b.exp(param(2));
    const y = b.log(x);
    x.src = [y];
    expect(check([y])).toThrow(/depends on itself/);
  });

  it("with an input nobody gives, at the top or in a body", () => {
    const [x, p, stray] = [param(2), param(2), param(2)];
    expect(check([b.add(x, stray)], [x])).toThrow(/is not a parameter/);
    const body = { params: [p], outs: [b.add(p, stray)] };
    expect(check([make("composite", [x], { name: "open", body })], [x])).toThrow(/is not a parameter/);
    const twice = { params: [p, p], outs: [p] };
    expect(check([make("composite", [x, x], { name: "twice", body: twice })])).toThrow(/must be distinct/);
  });
});

const buffer = (place: Place, aval: Aval): PlanBuffer => ({ place, aval, bytes: bytesOf(aval) });
const unary: FusedBody = {
  instrs: [
    { op: "load", load: 0, dtype: "f32", level: "inner" },
    { op: "scalar", fn: "exp", args: [0], dtype: "f32", level: "inner" },
  ],
  loads: ["f32"],
  stores: [{ value: 1, dtype: "f32" }],
  indices: 0,
};
const line = (index: number): Access => ({ buffer: index, offset: 0, strides: [1] });
const segment = (from: Access, to: Access, shape = [4]): Segment => ({
  shape,
  inner: 0,
  loads: [from],
  indices: [],
  stores: [to],
});
const map = (from: number, to: number): FusedStep => ({
  kind: "fused",
  body: unary,
  segments: [segment(line(from), line(to))],
});

/** in 0 -> arena 1 -> arena 2 -> out 3 */
const base: Plan = {
  buffers: [
    buffer({ in: "input", index: 0 }, f32(4)),
    buffer({ in: "arena", offset: 0 }, f32(4)),
    buffer({ in: "arena", offset: 64 }, f32(4)),
    buffer({ in: "output", index: 0 }, f32(4)),
  ],
  steps: [map(0, 1), map(1, 2), map(2, 3)],
  inputs: [f32(4)],
  donated: [false],
  scalars: [],
  outputs: [{ buffer: 3, aval: f32(4), donor: null }],
  arenaBytes: 128,
};

const withBuffer = (index: number, place: Place, aval = f32(4), plan = base): Plan => ({
  ...plan,
  buffers: plan.buffers.with(index, buffer(place, aval)),
});
const withSteps = (...steps: Step[]): Plan => ({ ...base, steps });
const withSegment = (change: Partial<Segment>, body: Partial<FusedBody> = {}): Plan =>
  withSteps({
    kind: "fused",
    body: { ...unary, ...body },
    segments: [{ ...segment(line(0), line(3)), ...change }],
  });
const says = (plan: Plan): string => {
  try {
    verifyPlan(plan, (fn) => scalarRows[fn].arity);
  } catch (error) {
    return (error as Error).message;
  }
  return "fine";
};

describe("plans", () => {
  it("that are well formed pass", () => {
    expect(says(base)).toBe("fine");
    // In place: 2 takes 1's memory in an elementwise step.
    expect(says(withBuffer(2, { in: "arena", offset: 0 }))).toBe("fine");
  });

  it("buffers", () => {
    expect(
      says({ ...base, buffers: base.buffers.with(1, { ...(base.buffers[1] as PlanBuffer), bytes: 12 }) }),
    ).toMatchInlineSnapshot(`"verify: buffer 1 (arena, f32[4]): its bytes must be 16; got 12"`);
    expect(says(withBuffer(2, { in: "arena", offset: 32 }))).toMatchInlineSnapshot(
      `"verify: buffer 2 (arena, f32[4]): its offset 32 must be a multiple of 64"`,
    );
    expect(says(withBuffer(2, { in: "arena", offset: 128 }))).toMatchInlineSnapshot(
      `"verify: buffer 2 (arena, f32[4]): ends after the arena of 128 bytes"`,
    );
    expect(says(withBuffer(0, { in: "input", index: 1 }))).toMatchInlineSnapshot(
      `"verify: buffer 0 (input, f32[4]): does not agree with input 1"`,
    );
    expect(says(withBuffer(0, { in: "const", data: new Uint8Array(8) }))).toMatchInlineSnapshot(
      `"verify: buffer 0 (const, f32[4]): has data of 8 bytes"`,
    );
    expect(says(withBuffer(0, { in: "scalar", index: 0 }))).toMatchInlineSnapshot(
      `"verify: buffer 0 (scalar, f32[4]): does not agree with scalar 0"`,
    );
    expect(says(withBuffer(2, { in: "output", index: 0 }))).toMatchInlineSnapshot(
      `"verify: buffer 2 (output, f32[4]): is not output 0"`,
    );
    expect(says({ ...base, donated: [] })).toMatchInlineSnapshot(
      `"verify: plan: there must be one donated flag per input"`,
    );
  });

  it("accesses", () => {
    expect(says(withSegment({ loads: [{ ...line(0), offset: 1 }] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, load 0: elements 1 to 4 do not lie in buffer 0 of 4"`,
    );
    expect(says(withSegment({ loads: [{ ...line(0), strides: [-1] }] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, load 0: elements -3 to 0 do not lie in buffer 0 of 4"`,
    );
    const guarded = { ...line(0), offset: -1, guard: { lo: [1], hi: [4], fill: 0 } };
    expect(says(withSegment({ loads: [guarded] }))).toBe("fine");
    expect(
      says(withSegment({ loads: [{ ...guarded, guard: { ...guarded.guard, lo: [0] } }] })),
    ).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, load 0: elements -1 to 2 do not lie in buffer 0 of 4"`,
    );
    expect(says(withSegment({ loads: [{ ...line(0), strides: [1, 1] }] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, load 0: there must be one stride per axis"`,
    );
    expect(says(withSegment({ loads: [line(7)] }))).toMatchInlineSnapshot(
      `"verify: fused 0: there is no buffer 7"`,
    );
    expect(says(withSegment({ loads: [line(ACCUMULATOR)] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0: only an epilogue reads the accumulator"`,
    );
    expect(says(withSegment({ loads: [] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0: the segment must have one access per load, index and store of the body"`,
    );
    expect(says(withSegment({}, { loads: ["i32"] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, load 0: dtype i32 does not agree with buffer 0 of f32"`,
    );
    expect(says(withSegment({ loads: [{ ...line(0), offset: 0.5 }] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, load 0: offsets and strides must be integers"`,
    );
  });

  it("stores", () => {
    expect(
      says(withSegment({ stores: [{ ...line(3), guard: { lo: [0], hi: [4], fill: 0 } }] })),
    ).toMatchInlineSnapshot(`"verify: fused 0, segment 0, store 0: a store cannot be guarded"`);
    expect(says(withSegment({ stores: [{ ...line(3), strides: [0] }] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, store 0: two indices are stored to one place"`,
    );
    expect(says(withSegment({ stores: [line(0)] }))).toMatchInlineSnapshot(
      `"verify: fused 0: writes to input 0, which is not donated"`,
    );
    expect(says(withBuffer(3, { in: "const", data: new Uint8Array(16) }))).toMatchInlineSnapshot(
      `"verify: output 0: must be in memory the caller gives for it"`,
    );
  });

  it("bodies", () => {
    const [load, exp] = unary.instrs as [FusedBody["instrs"][number], FusedBody["instrs"][number]];
    const sum = { op: "reduce", kind: "sum", args: [0], dtype: "f32", level: "outer" } as const;
    expect(says(withSegment({}, { instrs: [exp, load] }))).toMatchInlineSnapshot(
      `"verify: fused 0, instruction 0: argument 0 is not an earlier instruction"`,
    );
    expect(says(withSegment({}, { instrs: [load, sum] }))).toMatchInlineSnapshot(
      `"verify: fused 0, instruction 1: a reduction needs a row"`,
    );
    expect(says(withSegment({ inner: 1 }, { instrs: [load, sum] }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0, store 0: the store of an outer value must not move along the row"`,
    );
    expect(
      says(withSegment({ inner: 1, stores: [{ ...line(3), strides: [0] }] }, { instrs: [load, sum] })),
    ).toBe("fine");
    const outer = { op: "scalar", fn: "exp", args: [0], dtype: "f32", level: "outer" } as const;
    expect(says(withSegment({ inner: 1 }, { instrs: [load, outer] }))).toMatchInlineSnapshot(
      `"verify: fused 0, instruction 1: an outer value cannot use an inner one"`,
    );
    const alone = { op: "scalar", fn: "add", args: [0], dtype: "f32", level: "inner" } as const;
    expect(says(withSegment({}, { instrs: [load, alone] }))).toMatchInlineSnapshot(
      `"verify: fused 0, instruction 1: scalar takes 2 arguments"`,
    );
    expect(
      says(withSegment({}, { instrs: [{ ...load, load: 1 } as typeof load, exp] })),
    ).toMatchInlineSnapshot(`"verify: fused 0, instruction 0: there is no load 1"`);
    expect(says(withSegment({}, { stores: [{ value: 2, dtype: "f32" }] }))).toMatchInlineSnapshot(
      `"verify: fused 0: there is no instruction 2 to store"`,
    );
    expect(says(withSegment({ inner: 2 }))).toMatchInlineSnapshot(
      `"verify: fused 0, segment 0: a row of 2 axes does not fit [4]"`,
    );
  });

  it("memory", () => {
    // 1 is still needed when 2, in the same place, has been written.
    const late = [map(0, 1), map(1, 2), map(2, 3), map(1, 3)];
    expect(says(withBuffer(2, { in: "arena", offset: 0 }, f32(4), withSteps(...late)))).toMatchInlineSnapshot(
      `"verify: memory: buffers 1 and 2 share bytes and are alive at once (step 1)"`,
    );
    expect(says(withSteps(map(1, 2), map(0, 1), map(2, 3)))).toMatchInlineSnapshot(
      `"verify: memory: buffer 1 is read before it is written"`,
    );
    expect(says(withSteps(map(3, 1), map(0, 3)))).toMatchInlineSnapshot(
      `"verify: memory: buffer 3 is read before it is written"`,
    );
    expect(says(withSteps(map(0, 1)))).toMatchInlineSnapshot(`"fine"`);
    // In place, but reading elsewhere than it writes.
    const backwards: Step = {
      kind: "fused",
      body: unary,
      segments: [segment({ buffer: 1, offset: 3, strides: [-1] }, line(2))],
    };
    const turned = withSteps(map(0, 1), backwards, map(2, 3));
    expect(says(turned)).toBe("fine");
    expect(says(withBuffer(2, { in: "arena", offset: 0 }, f32(4), turned))).toMatchInlineSnapshot(
      `"verify: memory: buffers 1 and 2 share bytes and are alive at once (step 1)"`,
    );
    // In place over elements of another size.
    const narrow: FusedBody = { ...unary, stores: [{ value: 1, dtype: "f16" }] };
    const halves = withSteps(
      map(0, 1),
      { kind: "fused", body: narrow, segments: [segment(line(1), line(2))] },
      map(0, 3),
    );
    expect(says(withBuffer(2, { in: "arena", offset: 64 }, { dtype: "f16", shape: [4] }, halves))).toBe(
      "fine",
    );
    expect(
      says(withBuffer(2, { in: "arena", offset: 0 }, { dtype: "f16", shape: [4] }, halves)),
    ).toMatchInlineSnapshot(`"verify: memory: buffers 1 and 2 share bytes and are alive at once (step 1)"`);
    // Two segments may run at once: the second reads what the first overwrites.
    const both: Step = {
      kind: "fused",
      body: unary,
      segments: [segment(line(1), line(2)), segment(line(1), line(3))],
    };
    expect(says(withSteps(map(0, 1), both))).toBe("fine");
    expect(
      says(withBuffer(2, { in: "arena", offset: 0 }, f32(4), withSteps(map(0, 1), both))),
    ).toMatchInlineSnapshot(`"verify: memory: buffers 1 and 2 share bytes and are alive at once (step 1)"`);
  });

  it("donation", () => {
    const donated: Plan = { ...base, donated: [true], outputs: [{ buffer: 3, aval: f32(4), donor: 0 }] };
    expect(says(donated)).toBe("fine");
    expect(says({ ...donated, donated: [false] })).toMatchInlineSnapshot(
      `"verify: output 0: its donor 0 is not a donated input"`,
    );
    expect(says({ ...donated, steps: [...base.steps, map(0, 1)] })).toMatchInlineSnapshot(
      `"verify: memory: buffers 0 and 3 share bytes and are alive at once (step 2)"`,
    );
    expect(says({ ...donated, steps: [map(0, 3)] })).toBe("fine");
    // The output's own buffer may be the donated input.
    const inInput: Plan = {
      ...donated,
      steps: [map(0, 0)],
      outputs: [{ buffer: 0, aval: f32(4), donor: 0 }],
    };
    expect(says({ ...inInput, buffers: inInput.buffers.slice(0, 3) })).toBe("fine");
    expect(
      says({
        ...donated,
        inputs: [f32(5)],
        buffers: base.buffers.with(0, buffer({ in: "input", index: 0 }, f32(5))),
      }),
    ).toMatchInlineSnapshot(`"verify: output 0: its donor 0 has another size"`);
    const two: Plan = {
      ...donated,
      buffers: [...base.buffers, buffer({ in: "output", index: 1 }, f32(4))],
      outputs: [...donated.outputs, { buffer: 4, aval: f32(4), donor: 0 }],
    };
    expect(says(two)).toMatchInlineSnapshot(`"verify: output 1: its donor 0 serves another output too"`);
    expect(says({ ...base, outputs: [{ buffer: 1, aval: f32(4), donor: null }] })).toMatchInlineSnapshot(
      `"verify: buffer 3 (output, f32[4]): is not output 0"`,
    );
  });

  it("loops and slices", () => {
    const slice = (parent: number, depth = 0): Place => ({ in: "slice", parent, stride: 8, depth });
    const short = (from: number, to: number): Step => ({
      kind: "fused",
      body: unary,
      segments: [segment(line(from), line(to), [2])],
    });
    const loop = (steps: Step[], length = 2): Step => ({ kind: "loop", length, reverse: false, steps });
    const sliced = (...steps: Step[]): Plan => ({
      ...base,
      buffers: [...base.buffers, buffer(slice(0), f32(2)), buffer(slice(3), f32(2))],
      steps,
    });
    expect(says(sliced(loop([short(4, 5)])))).toBe("fine");
    expect(says(sliced(short(4, 5)))).toMatchInlineSnapshot(
      `"verify: fused 0: buffer 4 is a slice of a loop this step is not in"`,
    );
    expect(says(sliced(loop([short(4, 5)], 3)))).toMatchInlineSnapshot(
      `"verify: loop 0 > fused 0: slices of buffer 0 (16 bytes) end after it"`,
    );
    expect(says(sliced(loop([short(5, 4)])))).toMatchInlineSnapshot(
      `"verify: loop 0 > fused 0: writes to input 0, which is not donated"`,
    );
    expect(says(sliced(loop([short(4, 5)], 0)))).toMatchInlineSnapshot(`"verify: loop 0: runs 0 times"`);
    // A value carried from round to round lives through the loop: 2 must not share its memory.
    const carried = [map(0, 1), loop([map(0, 2), map(1, 3), map(2, 1)]), map(1, 3)];
    expect(says(withSteps(...carried))).toBe("fine");
    expect(
      says(withBuffer(2, { in: "arena", offset: 0 }, f32(4), withSteps(...carried))),
    ).toMatchInlineSnapshot(`"verify: memory: buffers 1 and 2 share bytes and are alive at once (step 1)"`);
    const guarded = (guard: number, length = 1): Plan => {
      const flag = buffer({ in: "const", data: new Uint8Array(1) }, { dtype: "bool", shape: [] });
      return {
        ...base,
        buffers: [...base.buffers, flag],
        steps: [{ ...loop([map(0, 3)], length), guard } as Step],
      };
    };
    expect(says(guarded(4))).toBe("fine");
    expect(says(guarded(4, 2))).toMatchInlineSnapshot(
      `"verify: loop 0: a guard is bool[], of one round; got bool[] and 2 rounds"`,
    );
    expect(says(guarded(0))).toMatchInlineSnapshot(
      `"verify: loop 0: a guard is bool[], of one round; got f32[4] and 1 rounds"`,
    );
    expect(says(guarded(9))).toMatchInlineSnapshot(`"verify: loop 0: there is no buffer 9"`);
    // A value of one round alone may: 2 is written after 1's last use in the round, 1 anew in the next.
    const local = [loop([map(0, 1), map(1, 3), map(0, 2), map(2, 3)])];
    expect(says(withBuffer(2, { in: "arena", offset: 0 }, f32(4), withSteps(...local)))).toBe("fine");
  });

  it("contractions and steps on whole buffers", () => {
    const epilogue = {
      body: unary,
      segment: {
        shape: [2, 2],
        inner: 0,
        loads: [{ buffer: ACCUMULATOR, offset: 0, strides: [2, 1] }],
        indices: [],
        stores: [{ buffer: 3, offset: 0, strides: [2, 1] }],
      },
    };
    const matrix = { buffer: 0, offset: 0, batchStrides: [], rowStride: 2, colStride: 1 };
    const gemm: GemmStep = {
      kind: "gemm",
      precision: "f32",
      batch: [],
      m: 2,
      n: 2,
      k: 2,
      a: matrix,
      b: matrix,
      epilogue,
    };
    expect(says(withSteps(gemm))).toBe("fine");
    expect(says(withSteps({ ...gemm, k: 3 }))).toMatchInlineSnapshot(
      `"verify: gemm 0, a: elements 0 to 4 do not lie in buffer 0 of 4"`,
    );
    expect(says(withSteps({ ...gemm, batch: [1] }))).toMatchInlineSnapshot(
      `"verify: gemm 0, a: there must be one stride per batch axis"`,
    );
    expect(says(withSteps({ ...gemm, m: 1 }))).toMatchInlineSnapshot(
      `"verify: gemm 0: the epilogue must cover [1,2]"`,
    );

    const i32: Aval = { dtype: "i32", shape: [4] };
    const indexed = withBuffer(1, { in: "const", data: new Uint8Array(16) }, i32);
    const gather: IndexStep = {
      kind: "index",
      op: "gather",
      axis: 0,
      along: false,
      src: 0,
      indices: 1,
      out: 3,
    };
    expect(says({ ...indexed, steps: [gather] })).toBe("fine");
    expect(says({ ...indexed, steps: [{ ...gather, axis: 1 }] })).toMatchInlineSnapshot(
      `"verify: index 0: there is no axis 1"`,
    );
    expect(says({ ...indexed, steps: [{ ...gather, indices: 0 }] })).toMatchInlineSnapshot(
      `"verify: index 0: indices must be i32; got f32[4]"`,
    );
    const five = withBuffer(1, { in: "const", data: new Uint8Array(20) }, { dtype: "i32", shape: [5] });
    expect(says({ ...five, steps: [gather] })).toMatchInlineSnapshot(
      `"verify: index 0: the result must be f32[5]; got f32[4]"`,
    );
    const sort: Step = { kind: "sort", axis: 0, descending: false, k: 5, src: 0, out: 3 };
    expect(says(withSteps(sort))).toMatchInlineSnapshot(
      `"verify: sort 0: there are no 5 elements to sort out"`,
    );
    expect(says(withSteps({ ...sort, k: 4 }))).toMatchInlineSnapshot(
      `"verify: sort 0: the result must be i32[4]; got f32[4]"`,
    );
    const window = { kind: "window", op: "reduceWindow", reduce: "sum", src: 0, out: 3 } as const;
    const wide = { window: [2], stride: [1], padding: [[0, 0]] as const, dilation: [1] };
    expect(says(withSteps({ ...window, ...wide }))).toMatchInlineSnapshot(
      `"verify: window 0: the result must be f32[3]; got f32[4]"`,
    );
    expect(says(withSteps({ ...window, ...wide, padding: [[1, 0]] }))).toBe("fine");
  });
});
