/** A loop has the bits of its rounds one after the other, whether or not its matrices are packed before it. */
import { concat, cond, jit, scan, setDefaultDevice, type Tensor, zeros } from "nabla";
import { describe, expect, it } from "vitest";
import { everyIsa, numbers, runPlan } from "./plans.ts";

type Step = (h: Tensor, x: Tensor, w: Tensor) => Tensor;

const rounds = 5;
const devices = [1, 2, 3].flatMap((threads) => everyIsa(threads).map(([, device]) => ({ threads, device })));

/** [rows, inner]: h is [rows, inner], x[i] and w are [inner, inner] unless the step says otherwise. */
const cases: [name: string, step: Step, h: number[], x: number[], w: number[]][] = [
  ["a matrix that stays", (h, x, w) => h.matmul(w).add(x).tanh(), [32, 128], [32, 128], [128, 128]],
  ["odd sizes", (h, x, w) => h.matmul(w).add(x).tanh(), [13, 101], [13, 101], [101, 101]],
  ["its transposed", (h, x, w) => h.matmul(w.transpose()).add(x).tanh(), [33, 70], [33, 70], [70, 70]],
  [
    "a part of it",
    (h, x, w) =>
      h
        .matmul(w.slice([3, 40]))
        .add(x)
        .tanh(),
    [20, 37],
    [20, 37],
    [50, 37],
  ],
  ["one row", (h, x, w) => h.matmul(w).add(x).tanh(), [1, 64], [1, 64], [64, 64]],
  ["depth of several passes", (h, x, w) => h.add(x.matmul(w)).tanh(), [9, 65], [9, 1100], [1100, 65]],
  [
    "two matrices",
    (h, x, w) => h.matmul(w).tanh().matmul(w.transpose()).add(x),
    [17, 48],
    [17, 48],
    [48, 48],
  ],
  ["a matrix that is carried", (h, x, w) => w.matmul(h).add(x).tanh(), [48, 48], [48, 48], [48, 48]],
  ["a matrix of each round", (h, x, w) => h.matmul(x).add(w).tanh(), [21, 64], [64, 64], [21, 64]],
];

/** Loops whose rows read other rows: threads must meet in them. */
const mixing: typeof cases = [
  ["rows in reverse", (h, x, w) => h.flip([0]).matmul(w).add(x).tanh(), [32, 128], [32, 128], [128, 128]],
  [
    "the row below",
    (h, x, w) =>
      concat([h.slice([1]), h.slice([0, 1])])
        .matmul(w)
        .add(x)
        .tanh(),
    [32, 128],
    [32, 128],
    [128, 128],
  ],
  [
    "a sum over rows",
    (h, x, w) =>
      h
        .matmul(w)
        .add(x)
        .sub(h.mean(0, { keepDims: true }))
        .tanh(),
    [32, 128],
    [32, 128],
    [128, 128],
  ],
  [
    "a step that turns the state",
    (h, x, w) => h.matmul(w).add(x).tanh().transpose(),
    [64, 64],
    [64, 64],
    [64, 64],
  ],
];

describe("loops", () => {
  it.each([...cases, ...mixing])("%s", async (_, step, h, x, w) => {
    setDefaultDevice("reference"); // only to trace
    const looped = (h: Tensor, xs: Tensor, w: Tensor) =>
      scan((h: Tensor, x: Tensor) => [step(h, x, w), h], h, xs);
    const oneByOne = (h: Tensor, xs: Tensor, w: Tensor) => {
      for (let i = 0; i < rounds; i++) h = step(h, xs.index(i), w);
      return h;
    };
    const shapes = [h, [rounds, ...x], w];
    const inputs = shapes.map((shape, i) =>
      numbers(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
      ),
    );
    const args = shapes.map((shape) => zeros(shape)) as [Tensor, Tensor, Tensor];
    for (const { threads, device } of devices) {
      const want = await runPlan(device, jit(oneByOne).planFor(...args), inputs);
      for (const donate of [[], [0]]) {
        const got = await runPlan(device, jit(looped, { donate }).planFor(...args), inputs);
        expect(got.bytes[0], `${threads} threads`).toEqual(want.bytes[0]);
      }
    }
  });

  it("leave out what is guarded, and have the same bits on all threads", async () => {
    setDefaultDevice("reference");
    // Of 12 rounds, by the sign of a number of each; a loop in the branch, a branch in that, and steps around them.
    const looped = (h: Tensor, xs: Tensor, w: Tensor) =>
      scan(
        (h: Tensor, x: Tensor) => {
          const due = cond(
            x.gt(0),
            (g) =>
              scan(
                (g: Tensor) => [cond(g.sum().gt(0), (f) => f.matmul(w).tanh(), g.matmul(w)).add(x), null],
                g,
                null,
                { length: 3 },
              )[0],
            h,
          );
          const next = due.mul(0.5).matmul(w).tanh();
          return [cond(x.lt(0.3), (g) => g.matmul(w.transpose()).mul(x), next), next.sum()];
        },
        h,
        xs,
      );
    const inputs = [numbers(96 * 128, 1), numbers(12, 2), numbers(128 * 128, 3)];
    const plan = jit(looped).planFor(zeros([96, 128]), zeros([12]), zeros([128, 128]));
    const want = new Map<string, Uint8Array[]>();
    for (const threads of [1, 2, 3, 8]) {
      for (const [isa, device] of everyIsa(threads)) {
        const { bytes } = await runPlan(device, plan, inputs);
        if (threads === 1) want.set(isa, bytes);
        expect(bytes, `${isa}, ${threads} threads`).toEqual(want.get(isa));
      }
    }
  });

  it.each([
    ...cases.slice(0, 2).map((each) => [true, ...each] as const),
    ...mixing.map((each) => [false, ...each] as const),
  ])("go by rows: %s, %s", (apart, _, step, h, x, w) => {
    setDefaultDevice("reference");
    const looped = jit((h: Tensor, xs: Tensor, w: Tensor) =>
      scan((h: Tensor, x: Tensor) => [step(h, x, w), h], h, xs),
    );
    const plan = looped.planFor(zeros(h), zeros([rounds, ...x]), zeros(w));
    for (const { threads, device } of devices) {
      const exe = device.compile(plan);
      const notes = device.explain?.(exe) ?? [];
      exe.release();
      expect(notes.some((note) => note.includes("rows of its own"))).toBe(apart && threads > 1);
    }
  });
});
