/** Decompositions in the graph: identities that define them, on matrices of every kind, and NumPy's values. */
import { eye, jit, type Tensor, tensor, triu, zeros } from "nabla";
import { eigh, inversePthRoot, qr } from "nabla/optim";
import { describe, expect, test } from "vitest";
import { devices } from "../nn/devices.ts";
import { readGolden } from "./problems.ts";

/** Entries of no order in [-1, 1). */
const entries = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => {
    const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });
const matrix = (rows: number, columns: number, device: string, seed = 1): Tensor =>
  tensor(entries(rows * columns, seed), { device }).reshape([rows, columns]);

/** What a rounding of an entry of size 1 may come to. */
const unit = (device: string, n: number) => (device === "cpu" ? 3e-6 : 1e-13) * Math.max(4, n) ** 0.5 * 4;
const most = async (x: Tensor): Promise<number> => {
  const values = [...(await x.data())].map((value) => Math.abs(Number(value)));
  return values.some(Number.isNaN) ? Number.NaN : Math.max(...values);
};

type Make = (device: string) => Tensor;
const tall: Record<string, Make> = {
  "1 x 1": (device) => tensor([-3], { device }).reshape([1, 1]),
  "a row": (device) => matrix(1, 7, device),
  "a column": (device) => matrix(7, 1, device),
  "odd, tall": (device) => matrix(37, 23, device),
  "wide, of several blocks": (device) => matrix(35, 41, device),
  "tall, of several blocks": (device) => matrix(71, 67, device),
  "of rank 2": (device) => matrix(19, 2, device).matmul(matrix(2, 17, device, 2)),
  "ill-conditioned": (device) =>
    matrix(21, 21, device).mul(
      tensor(
        Float32Array.from({ length: 21 }, (_, i) => 10 ** (-i / 3)),
        { device },
      ),
    ),
  zero: (device) => zeros([5, 3]).mul(matrix(5, 3, device)),
  "a zero column first": (device) => {
    const a = matrix(9, 4, device);
    return a.mul(tensor([0, 1, 1, 1], { device }));
  },
  large: (device) => matrix(8, 8, device).mul(2 ** 100),
  small: (device) => matrix(8, 8, device).mul(2 ** -100),
  identity: (device) => eye(6).add(zeros([6, 6]).mul(matrix(6, 6, device))),
};

describe.each(devices)("on %s", (device) => {
  test.each(Object.keys(tall))("qr of a matrix: %s", async (name) => {
    const a = (tall[name] as Make)(device);
    const { q, r } = jit((a: Tensor) => qr(a))(a);
    const k = Math.min(...(a.shape as [number, number]));
    expect([q.shape, r.shape]).toEqual([
      [a.shape[0], k],
      [k, a.shape[1]],
    ]);
    const size = Math.max(await most(a), 2 ** -120);
    expect(await most(q.transpose().matmul(q).sub(eye(k)))).toBeLessThan(unit(device, k));
    expect((await most(q.matmul(r).sub(a))) / size).toBeLessThan(unit(device, k));
    expect(await most(r.sub(triu(r)))).toBe(0);
  });

  const symmetric: Record<string, Make> = {
    "1 x 1": (device) => tensor([-3], { device }).reshape([1, 1]),
    "2 x 2": (device) => tensor([1, 2, 2, -1], { device }).reshape([2, 2]),
    odd: (device) => matrix(33, 33, device).add(matrix(33, 33, device).transpose()),
    even: (device) => matrix(24, 24, device).add(matrix(24, 24, device).transpose()),
    "of rank 2": (device) => matrix(15, 2, device).matmul(matrix(15, 2, device).transpose()),
    "ill-conditioned": (device) => {
      const scale = tensor(
        Float32Array.from({ length: 12 }, (_, i) => 10 ** (-i / 4)),
        { device },
      );
      const b = matrix(12, 12, device).mul(scale);
      return b.transpose().matmul(b);
    },
    zero: (device) => zeros([5, 5]).mul(matrix(5, 5, device)),
    identity: (device) => eye(6).add(zeros([6, 6]).mul(matrix(6, 6, device))),
    diagonal: (device) => eye(4).mul(tensor([3, -1, 2, -1], { device })),
    large: (device) =>
      matrix(6, 6, device)
        .add(matrix(6, 6, device).transpose())
        .mul(2 ** 100),
    small: (device) =>
      matrix(6, 6, device)
        .add(matrix(6, 6, device).transpose())
        .mul(2 ** -100),
    denormal: (device) =>
      matrix(4, 4, device)
        .add(matrix(4, 4, device).transpose())
        .mul(2 ** -70)
        .mul(2 ** -70),
  };
  test.each(Object.keys(symmetric))("eigh of a matrix: %s", async (name) => {
    const a = (symmetric[name] as Make)(device);
    const n = a.shape[0] as number;
    const { w, v } = jit((a: Tensor) => eigh(a))(a);
    // A denormal number has few digits of its own.
    const size = Math.max(await most(a), device === "cpu" ? 2 ** -120 : Number.MIN_VALUE);
    expect(await most(v.transpose().matmul(v).sub(eye(n)))).toBeLessThan(unit(device, n));
    expect((await most(a.matmul(v).sub(v.mul(w)))) / size).toBeLessThan(unit(device, n));
    const values = [...(await w.data())].map(Number);
    expect(values).toEqual([...values].sort((x, y) => x - y));
  });

  test.each([1, 2, 3, 4, 8])("the inverse root of order %i", async (p) => {
    for (const n of [1, 2, 13]) {
      const b = matrix(n, n + 3, device, p);
      const a = b.matmul(b.transpose()).add(eye(n).mul(0.1));
      const x = jit((a: Tensor) => inversePthRoot(a, p, { ridge: 1e-12 }))(a);
      let product = a;
      for (let i = 0; i < p; i++) product = product.matmul(x);
      expect(await most(product.sub(eye(n)))).toBeLessThan(device === "cpu" ? 2e-3 : 1e-9);
    }
  });

  test("the inverse root of what has no inverse is that with the ridge", async () => {
    const rank1 = matrix(5, 1, device).matmul(matrix(5, 1, device).transpose());
    const [largest] = (await eigh(rank1).w.slice([4, 5]).array()) as number[];
    const x = inversePthRoot(rank1, 4);
    const w = (await eigh(x).w.array()) as number[];
    const most = (1e-6 * (largest as number)) ** -0.25;
    for (const value of w.slice(1)) expect(value / most).toBeCloseTo(1, device === "cpu" ? 1 : 5);
    expect((w[0] as number) / (largest as number) ** -0.25).toBeCloseTo(1, device === "cpu" ? 3 : 5);
    const zero = inversePthRoot(rank1.mul(0), 2);
    expect((await zero.index(0).index(0).item()) / 1e-31 ** -0.5).toBeCloseTo(1, 5);
  });

  test("NumPy's eigenvalues, and its R but for the signs of rows", async () => {
    const golden = readGolden<Record<"w" | "r" | "a", number[]>>("linalg.json");
    const a = tensor(golden.a, { device }).reshape([7, 7]);
    const { w } = eigh(a.add(a.transpose()));
    const { r } = qr(a);
    for (const [i, value] of ((await w.array()) as number[]).entries())
      expect(value).toBeCloseTo(golden.w[i] as number, 5);
    const rows = (await r.array()) as number[][];
    for (const [i, value] of rows.flat().entries())
      expect(Math.abs(value)).toBeCloseTo(Math.abs(golden.r[i] as number), 5);
  });
});

test("plans have few steps whatever the size", () => {
  const steps = (n: number, of: (a: Tensor) => unknown) =>
    jit((a: Tensor) => of(a)).planFor(zeros([n, n])).steps.length;
  for (const of of [qr, eigh, (a: Tensor) => inversePthRoot(a, 4)]) {
    expect(steps(200, of)).toBeLessThanOrEqual(60);
    expect(steps(200, of)).toBe(steps(100, of));
  }
});

test("errors", () => {
  expect(() => qr(zeros([3]))).toThrow("qr: the matrix must be [rows, columns], not empty; got f32[3].");
  expect(() => eigh(zeros([3, 2]))).toThrow("eigh: the matrix must be square, not empty; got f32[3,2].");
  expect(() => inversePthRoot(zeros([0, 0]), 2)).toThrow("inversePthRoot: the matrix must be square");
  expect(() => inversePthRoot(zeros([2, 2]), 1.5)).toThrow("inversePthRoot: p must be a whole number");
  expect(() => inversePthRoot(zeros([2, 2]), 2, { ridge: 0 })).toThrow(
    "inversePthRoot: ridge must be above 0",
  );
});
