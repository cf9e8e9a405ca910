import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  expandView,
  identityView,
  isIdentity,
  padView,
  permuteView,
  reshapeView,
  sliceView,
  type View,
} from "../../../src/engine/compile/view.ts";
import { build as b, evaluateGraph, make } from "../../../src/engine/ops/index.ts";
import { type Shape, sizeOf } from "../../../src/util/index.ts";

/** The elements a view sees in 0, 1, 2, ... */
function seen({ shape, offset, strides, guard }: View): number[] {
  const result: number[] = [];
  const walk = (axis: number, at: number, inside: boolean) => {
    if (axis === shape.length) {
      result.push(inside ? at : (guard?.fill ?? Number.NaN));
      return;
    }
    for (let i = 0; i < (shape[axis] as number); i++) {
      const within = guard === null || (i >= (guard.lo[axis] as number) && i < (guard.hi[axis] as number));
      walk(axis + 1, at + i * (strides[axis] as number), inside && within);
    }
  };
  walk(0, offset, true);
  return result;
}

const among = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

function factorings(size: number): Shape[] {
  const list: Shape[] = [[size], [1, size]];
  for (const k of [2, 3, 4, 6]) if (size % k === 0) list.push([size / k, k], [k, 1, size / k], [k, size / k]);
  return list;
}

describe("views", () => {
  test("chains of movements see what the graph means", () => {
    let composed = 0;
    fc.assert(
      fc.property(
        fc.constantFrom<Shape>([12], [3, 4], [2, 3, 2], [4, 1, 3]),
        fc.array(fc.tuple(fc.nat(4), fc.nat(999), fc.nat(999)), { minLength: 1, maxLength: 6 }),
        (shape, steps) => {
          const x = make("input", [], {}, shape, "f32");
          let node = x;
          let view: View | null = identityView(shape);
          for (const [kind, p, q] of steps) {
            const from: Shape = node.aval.shape;
            if (view === null || sizeOf(from) === 0 || sizeOf(from) > 200) break;
            if (kind === 0) {
              const to = among(factorings(sizeOf(from)), p);
              node = b.reshape(node, to);
              view = reshapeView(view, to);
            } else if (kind === 1) {
              const perm = from.map((_, i) => (i + p) % from.length);
              node = b.permute(node, perm);
              view = permuteView(view, perm);
            } else if (kind === 2) {
              const to = from.map((n, i) => (n === 1 && (p >> i) & 1 ? 2 : n));
              node = b.expand(node, to);
              view = expandView(view, to);
            } else if (kind === 3) {
              const step = from.map((_, i) => among([1, -1, 2, -2], p + i));
              const start = from.map((n, i) => ((step[i] as number) > 0 ? q % n : n - 1 - (q % n)));
              const to = from.map((n, i) =>
                Math.ceil(
                  ((step[i] as number) > 0 ? n - (start[i] as number) : (start[i] as number) + 1) /
                    Math.abs(step[i] as number),
                ),
              );
              node = make("slice", [node], { start, step }, to);
              view = sliceView(view, start, step, to);
            } else {
              const lo = from.map((_, i) => (p >> i) % 3);
              const hi = from.map((_, i) => (q >> i) % 2);
              node = make("pad", [node], { lo, hi, interior: from.map(() => 0), value: p % 7 === 0 ? 5 : 0 });
              view = padView(view, lo, hi, p % 7 === 0 ? 5 : 0);
            }
          }
          if (view === null) return;
          composed++;
          const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => i);
          expect(view.shape).toEqual(node.aval.shape);
          expect(seen(view)).toEqual([...(evaluateGraph([node], new Map([[x, data]]))[0] ?? [])]);
        },
      ),
      { numRuns: 2000 },
    );
    // Most chains compose: else the test would show little.
    expect(composed).toBeGreaterThan(1000);
  });

  test("what does not compose is said so", () => {
    const transposed = permuteView(identityView([3, 4]), [1, 0]);
    expect(reshapeView(transposed, [12])).toBeNull();
    expect(reshapeView(transposed, [2, 2, 3])).toMatchObject({ strides: [2, 1, 4] });
    expect(reshapeView(expandView(identityView([3, 1]), [3, 4]), [12])).toBeNull();
    const guarded = padView(identityView([3]), [1], [0], 0) as View;
    expect(reshapeView(guarded, [2, 2])).toBeNull();
    expect(padView(guarded, [1], [0], 1)).toBeNull();
    expect(reshapeView(padView(identityView([4]), [2], [0], 0) as View, [3, 2])?.guard).toEqual({
      lo: [1, 0],
      hi: [3, 2],
      fill: 0,
    });
  });

  test("the identity is known whatever the strides of single elements", () => {
    expect(isIdentity({ shape: [1, 3], offset: 0, strides: [77, 1], guard: null })).toBe(true);
    expect(isIdentity({ shape: [1, 3], offset: 1, strides: [3, 1], guard: null })).toBe(false);
    expect(isIdentity(expandView(identityView([1, 3]), [2, 3]))).toBe(false);
  });
});
