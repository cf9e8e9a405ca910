/** Comparing numbers with a stated tolerance. */

import { Tensor } from "../index.ts";
import { sameShape } from "../util/index.ts";

export interface Tolerance {
  /** |actual - expected| <= absolute + relative * |expected|; defaults 1e-6 and 1e-5. */
  readonly absolute?: number;
  readonly relative?: number;
  /** Instead: at most this many f32 values lie between the two (see `toleranceUlp`). */
  readonly ulp?: number;
}

/** A tolerance of `count` units in the last place of f32, with no absolute slack. */
export const toleranceUlp = (count: number): Tolerance => ({ ulp: count });

/** How many f32 steps lie between two numbers rounded to f32; 0 for equal ones and two NaNs, Infinity where one is NaN. */
export function ulpDistance(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b))
    return Number.isNaN(a) && Number.isNaN(b) ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(ordinal(a) - ordinal(b));
}

/** The f32 values numbered in order, both zeros being 0. */
function ordinal(x: number): number {
  const bits = new Int32Array(new Float32Array([x]).buffer)[0] as number;
  return bits >= 0 ? bits : -(bits & 0x7fffffff);
}

function agree(
  actual: number,
  expected: number,
  { absolute = 1e-6, relative = 1e-5, ulp }: Tolerance,
): boolean {
  if (ulp !== undefined) return ulpDistance(actual, expected) <= ulp;
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (!Number.isFinite(expected)) return actual === expected;
  return Math.abs(actual - expected) <= absolute + relative * Math.abs(expected);
}

type Numbers = number | ArrayLike<number> | readonly Numbers[];

function flat(values: Numbers): number[] {
  if (typeof values === "number") return [values];
  return Array.from(values as ArrayLike<Numbers>).flatMap(flat);
}

/**
 * Throws unless the elements agree within the tolerance; NaN agrees with NaN and infinities with themselves. Two tensors must
 * also have equal shapes. The message names the worst element and how many disagree.
 * @example await expectClose(model(x), [[0.1, 0.9]], { relative: 1e-4 });
 */
export async function expectClose(
  actual: Tensor | Numbers,
  expected: Tensor | Numbers,
  tolerance: Tolerance = {},
): Promise<void> {
  if (actual instanceof Tensor && expected instanceof Tensor && !sameShape(actual.shape, expected.shape)) {
    throw new Error(`expectClose: shapes differ: [${actual.shape}] and [${expected.shape}].`);
  }
  const read = async (x: Tensor | Numbers) => (x instanceof Tensor ? Array.from(await x.data()) : flat(x));
  const [got, wanted] = [await read(actual), await read(expected)];
  if (got.length !== wanted.length) {
    throw new Error(`expectClose: ${got.length} elements where ${wanted.length} are expected.`);
  }
  const wrong = got.flatMap((value, i) => (agree(value, wanted[i] as number, tolerance) ? [] : [i]));
  if (wrong.length === 0) return;
  const distance = (i: number) => {
    const gap = Math.abs((got[i] as number) - (wanted[i] as number));
    return Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap;
  };
  const worst = wrong.reduce((a, b) => (distance(b) > distance(a) ? b : a));
  throw new Error(
    `expectClose: ${wrong.length} of ${got.length} elements differ; the worst is element ${worst}: got ${got[worst]}, expected ${wanted[worst]} (${ulpDistance(got[worst] as number, wanted[worst] as number)} ulp).`,
  );
}
