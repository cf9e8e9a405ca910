/** Whether a device's result is near enough to the f64 one. */
import type { Aval } from "../../src/engine/ir/index.ts";
import type { Tolerance } from "./case.ts";

const smallest = 2 ** -149;

/** The gap between neighbouring f32 numbers at the size of x. */
export function ulpOf(x: number): number {
  const size = Math.abs(x);
  if (size < 2 ** -126) return smallest;
  const exponent = Math.min(127, Math.floor(Math.log2(size)));
  // log2 may round up to the next power.
  const gap = 2 ** (exponent - 23);
  return size < 2 ** exponent ? gap / 2 : gap;
}

const isFloat = (aval: Aval) => aval.dtype === "f32" || aval.dtype === "f16" || aval.dtype === "bf16";

/** The allowed distance at one element; `magnitude` is the sum of the absolute values of its terms. */
function allowed(tolerance: Tolerance, want: number, magnitude: number): number {
  switch (tolerance.kind) {
    case "exact":
      return 0;
    case "ulps":
      return tolerance.ulps * ulpOf(want);
    case "terms":
      return tolerance.ulps * Math.max(ulpOf(magnitude), smallest);
    case "close":
      return tolerance.share * Math.max(1, Math.abs(want));
    default:
      return tolerance satisfies never;
  }
}

/** A line on the worst element out of tolerance, or null when all are near enough. */
export function difference(
  got: Float64Array,
  want: Float64Array,
  magnitude: Float64Array | null,
  aval: Aval,
  tolerance: Tolerance,
): string | null {
  if (got.length !== want.length) return `has ${got.length} elements instead of ${want.length}`;
  const rule: Tolerance = isFloat(aval) ? tolerance : { kind: "exact" };
  let worst = 0;
  let wrong = 0;
  let text: string | null = null;
  for (let i = 0; i < got.length; i++) {
    const [is, exactly] = [got[i] as number, want[i] as number];
    const nearest = aval.dtype === "f32" ? Math.fround(exactly) : exactly;
    if (is === nearest || (Number.isNaN(is) && Number.isNaN(nearest))) continue;
    // Past the largest number, the infinity and the largest number itself are neighbours.
    const limit = allowed(rule, exactly, magnitude?.[i] ?? 0);
    const reach = Number.isFinite(is) ? is : Math.sign(is) * 2 ** 128;
    const goal = Number.isFinite(exactly) ? exactly : Math.sign(exactly) * 2 ** 128;
    const distance = Math.abs(reach - goal);
    if (!Number.isNaN(is) && !Number.isNaN(exactly) && distance <= limit) continue;
    wrong++;
    const size = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance / ulpOf(goal);
    if (text === null || size > worst) {
      worst = size;
      text = `[${i}] is ${is}, must be ${nearest} (${size.toPrecision(3)} ulps off)`;
    }
  }
  return text === null ? null : `${wrong} of ${got.length} wrong; the worst: ${text}`;
}
