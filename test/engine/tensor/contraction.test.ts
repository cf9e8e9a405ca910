/** Matrix products and einsum against plain loops. */
import { arange, dot, einsum, matmul, outer, reshape, type Tensor, tensor, tensordot, zeros } from "nabla";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

/** Uneven numbers of a shape. */
const filled = (shape: number[], seed = 0) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(1.3 * i + seed)),
    { shape },
  );
};

/** einsum by looping over every value of every letter; terms without ellipsis. */
async function naive(text: string, ...operands: Tensor[]): Promise<number[]> {
  const [left, right] = text.split("->") as [string, string];
  const terms = left.split(",");
  const size: Record<string, number> = {};
  terms.forEach((term, i) => {
    for (const [axis, letter] of [...term].entries()) {
      const length = (operands[i] as Tensor).shape[axis] as number;
      if (length !== 1 || size[letter] === undefined) size[letter] = length;
    }
  });
  const letters = [...right, ...Object.keys(size).filter((letter) => !right.includes(letter))];
  const data = await Promise.all(operands.map((x) => x.data()));
  const out = new Array<number>([...right].reduce((n, l) => n * (size[l] as number), 1)).fill(0);
  const at: Record<string, number> = {};
  const visit = (depth: number): void => {
    if (depth === letters.length) {
      let product = 1;
      terms.forEach((term, i) => {
        const { shape } = operands[i] as Tensor;
        const offset = [...term].reduce(
          (sum, l, axis) => sum * (shape[axis] as number) + (shape[axis] === 1 ? 0 : (at[l] as number)),
          0,
        );
        product *= (data[i] as Float32Array)[offset] as number;
      });
      const place = [...right].reduce((sum, l) => sum * (size[l] as number) + (at[l] as number), 0);
      out[place] = (out[place] as number) + product;
      return;
    }
    const letter = letters[depth] as string;
    for (let i = 0; i < (size[letter] as number); i++) {
      at[letter] = i;
      visit(depth + 1);
    }
  };
  visit(0);
  return out;
}

describe("matmul", () => {
  const shapes: [number[], number[], string, number[]][] = [
    [[2, 3], [3, 4], "ij,jk->ik", [2, 4]],
    [[3], [3, 4], "j,jk->k", [4]],
    [[2, 3], [3], "ij,j->i", [2]],
    [[3], [3], "j,j->", []],
    [[5, 2, 3], [3, 4], "bij,jk->bik", [5, 2, 4]],
    [[5, 2, 3], [5, 3, 4], "bij,bjk->bik", [5, 2, 4]],
    [[2, 1, 2, 3], [5, 3, 4], "abij,bjk->abik", [2, 5, 2, 4]],
    [[2, 3], [5, 3, 4], "ij,bjk->bik", [5, 2, 4]],
    [[5, 2, 3], [3], "bij,j->bi", [5, 2]],
    [[0, 3], [3, 4], "ij,jk->ik", [0, 4]],
    [[2, 0], [0, 4], "ij,jk->ik", [2, 4]],
  ];
  test.each(shapes)("%j x %j", async (a, b, text, shape) => {
    const [x, y] = [filled(a), filled(b, 1)];
    const result = matmul(x, y);
    expect(result.shape).toEqual(shape);
    await expectClose(result, await naive(text, x, y));
    if (result.size > 0 && x.size > 0) await checkGradient((p, q) => p.matmul(q), [x, y]);
  });

  test("errors and dtypes", () => {
    expect(() => matmul(filled([2, 3]), filled([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: matmul: the last axis of the left must equal the last but one axis of the right; got f32[2,3] and f32[2,3].]`,
    );
    expect(() => matmul(filled([2, 3]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: matmul: operands must have at least one axis; got f32[2,3] and f32[]. Use mul for scalars.]`,
    );
    expect(() => matmul(filled([2, 2, 3]), filled([3, 3, 2]))).toThrow("must broadcast");
    expect(matmul(reshape(arange(6), [2, 3]), filled([3])).dtype).toBe("f32");
  });

  test("dot, outer, tensordot, trace", async () => {
    const [a, b] = [filled([2, 3]), filled([4, 3, 5], 1)];
    await expectClose(dot(a, b), await naive("ij,bjk->ibk", a, b));
    await expectClose(dot(filled([3]), filled([3], 2)), await naive("i,i->", filled([3]), filled([3], 2)));
    expect(dot(2, a).shape).toEqual([2, 3]);
    await expectClose(
      outer(filled([2]), filled([3], 1)),
      await naive("i,j->ij", filled([2]), filled([3], 1)),
    );
    await expectClose(tensordot(b, a, [[1], [1]]), await naive("bjk,ij->bki", b, a));
    await expectClose(
      tensordot(filled([2, 3, 4]), filled([3, 4, 2], 1)),
      await naive("ijk,jkl->il", filled([2, 3, 4]), filled([3, 4, 2], 1)),
    );
    expect(tensordot(filled([2]), filled([3]), 0).shape).toEqual([2, 3]);
    await expectClose(filled([3, 3]).trace(), await naive("ii->", filled([3, 3])));
    expect(() => tensordot(a, b, 1)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: tensordot: paired axes must have equal sizes; got f32[2,3] and f32[4,3,5] over [1] and [0].]`,
    );
  });
});

describe("einsum", () => {
  const cases: [string, ...number[][]][] = [
    ["ij,jk->ik", [2, 3], [3, 4]],
    ["ij,jk->ki", [2, 3], [3, 4]],
    ["ij->ji", [2, 3]],
    ["ij->", [2, 3]],
    ["ij->j", [2, 3]],
    ["ii->i", [3, 3]],
    ["ii->", [3, 3]],
    ["iij->ji", [3, 3, 2]],
    ["iji->j", [3, 2, 3]],
    ["iii->i", [3, 3, 3]],
    ["i,j->ij", [2], [3]],
    ["i,i->", [3], [3]],
    ["i,i->i", [3], [3]],
    ["ij,ij->i", [2, 3], [2, 3]],
    ["bqd,bkd->bqk", [2, 3, 4], [2, 5, 4]],
    ["bhqd,bhkd->bhqk", [2, 2, 3, 4], [2, 2, 5, 4]],
    ["bij,kj->bki", [2, 3, 4], [5, 4]],
    ["ab,bc,cd->ad", [2, 3], [3, 4], [4, 2]],
    ["ab,ab,ab->ab", [2, 3], [2, 3], [2, 3]],
    ["a,b,c->cab", [2], [3], [4]],
    ["ijk,jl->i", [2, 3, 4], [3, 5]],
    ["ij,jk->ik", [2, 1], [3, 4]],
    ["ij,ij->ij", [2, 1], [1, 4]],
    [",i->i", [], [3]],
    ["ij,jk->ik", [0, 3], [3, 2]],
    ["ij,jk->ik", [2, 0], [0, 2]],
    ["ab,cd->dbca", [1, 2], [3, 1]],
  ];
  test.each(cases)("%s %j %j %j", async (text, ...shapes) => {
    const operands = shapes.map((shape, i) => filled(shape as number[], i));
    const result = einsum(text, ...operands);
    await expectClose(result, await naive(text, ...operands));
    if (operands.every((x) => x.size > 0)) await checkGradient((...xs) => einsum(text, ...xs), operands);
  });

  test("ellipsis and implicit output", async () => {
    const [a, b] = [filled([5, 2, 3]), filled([3, 4], 1)];
    await expectClose(einsum("...ij,jk->...ik", a, b), a.matmul(b));
    await expectClose(einsum("...ij,jk", a, b), a.matmul(b));
    await expectClose(einsum("...ij,...jk", a, filled([1, 3, 4], 1)), a.matmul(b));
    expect(einsum("...ij->...ji", a).shape).toEqual([5, 3, 2]);
    expect(einsum("i...,i...->...", a, filled([5, 1, 3])).shape).toEqual([2, 3]);
    expect(einsum("ba", filled([2, 3])).shape).toEqual([3, 2]);
    expect(einsum("ij,jh", filled([2, 3]), filled([3, 4])).shape).toEqual([4, 2]);
    expect(einsum(" i j -> j i ", filled([2, 3])).shape).toEqual([3, 2]);
    expect(einsum("...", filled([2, 3])).shape).toEqual([2, 3]);
  });

  test("errors", () => {
    const a = filled([2, 3]);
    expect(() => einsum("ij,jk->ik", a)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: einsum: there must be as many terms as operands; got 2 in "ij,jk->ik" for 1.]`,
    );
    expect(() => einsum("ij,jk->ik", a, a)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: axes of one letter must have equal sizes; got 3 and 2 for "j" in "ij,jk->ik".]`,
    );
    expect(() => einsum("i", a)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: a term must name each axis of its operand; got "i" in "i" for shape [2,3].]`,
    );
    expect(() => einsum("ij->ik", a)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: einsum: each letter of the output must be in an operand, and only once in the output; got "ij->ik".]`,
    );
    expect(() => einsum("i1->i", a)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: einsum: a term must be letters and at most one "..."; got "i1" in "i1->i".]`,
    );
    expect(() => einsum("i->i->i", zeros([2]))).toThrow('at most one "->"');
  });
});
