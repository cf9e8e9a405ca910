/** Padding with what lies inside, against its definition. */
import { grad, pad, type Tensor, tensor, zeros } from "nabla";
import { checkGradient } from "nabla/testing";
import { describe, expect, test } from "vitest";

const row = tensor([1, 2, 3, 4]);
const numbers = async (x: Tensor) => [...(await x.data())];

/** Which element each place holds, by its distance from the first. */
const sources = {
  reflect: (i: number, size: number) => {
    const period = 2 * (size - 1);
    const at = ((i % period) + period) % period;
    return at < size ? at : period - at;
  },
  replicate: (i: number, size: number) => Math.min(size - 1, Math.max(0, i)),
  circular: (i: number, size: number) => ((i % size) + size) % size,
} as const;
const modes = Object.keys(sources) as (keyof typeof sources)[];

describe.each(modes)("%s", (mode) => {
  test("one axis", async () => {
    for (const [before, after] of [
      [0, 0],
      [3, 0],
      [0, 2],
      [1, 3],
      [-1, 2],
      [2, -2],
      [-1, -1],
    ] as const) {
      const values = Array.from({ length: 4 + before + after }, (_, i) => sources[mode](i - before, 4) + 1);
      expect(await numbers(pad(row, [[before, after]], mode))).toEqual(values);
    }
  });

  test("axes one after the other, with gradients", async () => {
    const x = tensor(
      Float32Array.from({ length: 24 }, (_, i) => Math.sin(3 * i)),
      { shape: [2, 3, 4] },
    );
    const pairs = [0, [2, 1], [1, 2]] as const;
    const y = (await pad(x, pairs, mode).array()) as number[][][];
    const whole = (await x.array()) as number[][][];
    const expected = whole.map((plane) =>
      Array.from({ length: 6 }, (_, i) =>
        Array.from({ length: 7 }, (_, j) => plane[sources[mode](i - 2, 3)]?.[sources[mode](j - 1, 4)]),
      ),
    );
    expect(y).toEqual(expected);
    await checkGradient((t) => pad(t, pairs, mode).square(), [x]);
    const slope = grad((t: Tensor) => pad(t, pairs, mode).square().sum());
    await checkGradient((t) => slope(t).square(), [x]);
  });
});

test("what an axis must have", () => {
  expect(() => pad(zeros([2, 3]), [0, 3], "reflect")).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: pad: axis 0 must have at least 4 elements for reflect padding by 0 and 3; got f32[2,3].]`,
  );
  expect(() => pad(zeros([2, 3]), [0, [1, 4]], "circular")).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: pad: axis 1 must have at least 4 elements for circular padding by 1 and 4; got f32[2,3].]`,
  );
  expect(() => pad(zeros([2, 0]), [0, 1], "replicate")).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: pad: axis 1 must have at least 1 elements for replicate padding by 0 and 1; got f32[3,0].]`,
  );
  expect(() => pad(zeros([2]), 1, "mirror" as "reflect")).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: pad: the mode must be "reflect", "replicate" or "circular"; got "mirror".]`,
  );
});
