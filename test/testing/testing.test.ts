/** The helpers catch what they are for. */
import { customGradient, type Tensor, tensor } from "nabla";
import { checkGradient, expectClose, numericGradient, toleranceUlp, ulpDistance } from "nabla/testing";
import { describe, expect, test } from "vitest";

describe("expectClose", () => {
  test("accepts and refuses", async () => {
    await expectClose(
      [1, Number.NaN, Number.POSITIVE_INFINITY],
      [1 + 1e-6, Number.NaN, Number.POSITIVE_INFINITY],
    );
    await expectClose(tensor([[1, 2]]), [[1, 2]]);
    await expect(expectClose([1, 2, 3], [1, 2.5, 3.1])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[Error: expectClose: 2 of 3 elements differ; the worst is element 1: got 2, expected 2.5 (2097152 ulp).]`,
    );
    await expect(expectClose([Number.NaN], [1])).rejects.toThrow("differ");
    await expect(expectClose([1], [Number.NaN])).rejects.toThrow("differ");
    await expect(expectClose([1], [Number.POSITIVE_INFINITY])).rejects.toThrow("differ");
    await expect(expectClose([1], [1, 1])).rejects.toThrow("1 elements where 2");
    await expect(expectClose(tensor([1, 2]), tensor([[1, 2]]))).rejects.toThrow("shapes differ");
  });

  test("ulps", async () => {
    expect(ulpDistance(1, 1 + 2 ** -23)).toBe(1);
    expect(ulpDistance(-(2 ** -149), 2 ** -149)).toBe(2);
    expect(ulpDistance(0, -0)).toBe(0);
    expect(ulpDistance(Number.NaN, 1)).toBe(Number.POSITIVE_INFINITY);
    await expectClose([1], [1 + 2 ** -22], toleranceUlp(2));
    await expect(expectClose([1], [1 + 2 ** -22], toleranceUlp(1))).rejects.toThrow("2 ulp");
  });
});

describe("numeric derivatives", () => {
  test("of a known function", async () => {
    const numeric = await numericGradient((x) => x.pow(3).sum(), tensor([1, -2]));
    expect(numeric[0]).toBeCloseTo(3, 8);
    expect(numeric[1]).toBeCloseTo(12, 8);
    await expect(numericGradient((x) => x, tensor([1]))).rejects.toThrow("must give a scalar");
  });

  test("a wrong gradient is caught", async () => {
    const wrong = customGradient(
      (x) => x.square(),
      (g, [x]) => [g.mul(x as Tensor)],
    );
    await expect(checkGradient((x) => wrong(x), [tensor([1, 2])])).rejects.toThrow(
      /argument 0, element 0: the analytic gradient is 0\.\d+, the numeric one 1\.\d+/,
    );
    await expect(checkGradient((x) => x.mul(0).add(1).log().add(x.sqrt()), [tensor([-1])])).rejects.toThrow(
      "NaN",
    );
  });
});
