/** Making tensors, reading them back and printing them. */
import { inspect } from "node:util";
import {
  arange,
  eye,
  fromBytes,
  fromChunks,
  full,
  fullLike,
  grad,
  linspace,
  meshgrid,
  ones,
  onesLike,
  scan,
  type Tensor,
  tensor,
  tril,
  triu,
  zeros,
  zerosLike,
} from "nabla";
import { describe, expect, test } from "vitest";

describe("tensor", () => {
  test("infers dtype and shape", () => {
    const dtypeOf = (data: Parameters<typeof tensor>[0]) => tensor(data).dtype;
    expect(dtypeOf(1)).toBe("f32");
    expect(dtypeOf([[1, 2]])).toBe("f32");
    expect(dtypeOf(true)).toBe("bool");
    expect(dtypeOf([true, false])).toBe("bool");
    expect(dtypeOf([true, 2])).toBe("f32");
    expect(dtypeOf(new Float64Array(1))).toBe("f32");
    expect(dtypeOf(new Int32Array(1))).toBe("i32");
    expect(dtypeOf(new Uint8Array(1))).toBe("i32");
    expect(dtypeOf(new Uint32Array(1))).toBe("u32");
    expect(tensor([new Float32Array(3), new Float32Array(3)]).shape).toEqual([2, 3]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor(new Float32Array(6), { shape: [2, 3] }).shape).toEqual([2, 3]);
    expect(tensor([1, 2, 3, 4], { shape: [2, 2] }).ndim).toBe(2);
    expect(tensor(5).size).toBe(1);
  });

  test("holds a copy", async () => {
    const data = new Float32Array([1, 2]);
    const t = tensor(data);
    data[0] = 9;
    expect(await t.array()).toEqual([1, 2]);
    const read = await t.data();
    read[0] = 9;
    expect(await t.array()).toEqual([1, 2]);
  });

  test("refuses what does not fit", () => {
    expect(() => tensor([[1, 2], [3]])).toThrowErrorMatchingInlineSnapshot(
      `[DataError: tensor: nested arrays must not be ragged; got 1 at data[1] where 2 elements are expected.]`,
    );
    expect(() => tensor([[1], 2])).toThrowErrorMatchingInlineSnapshot(
      `[DataError: tensor: nested arrays must not be ragged; got 2 at data[1] where 1 elements are expected.]`,
    );
    expect(() => tensor([1, [2]])).toThrowErrorMatchingInlineSnapshot(
      `[DataError: tensor: elements must be numbers or booleans; got an array at data[1].]`,
    );
    expect(() => tensor([1, "2" as unknown as number])).toThrowErrorMatchingInlineSnapshot(
      `[DataError: tensor: elements must be numbers or booleans; got 2 at data[1].]`,
    );
    expect(() => tensor([1, 2], { shape: [3] })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: tensor: the shape must have as many elements as the data; got [3] for 2 elements.]`,
    );
    expect(() => tensor([1, 2.5], { dtype: "i32" })).toThrowErrorMatchingInlineSnapshot(
      `[DataError: tensor: i32 elements must be integers in [-2147483648, 2147483647]; got 2.5 at element 1. Use dtype "f32".]`,
    );
    expect(() => tensor([300], { dtype: "i8" })).toThrow("i8 elements must be");
    expect(() => tensor([-1], { dtype: "u8" })).toThrow("u8 elements must be integers in [0, 255]; got -1");
    expect(() => tensor([1], { dtype: "f64" as "f32" })).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: tensor: dtype must be one of f32, i32, u32, bool, f16, bf16, i8, u8; got "f64".]`,
    );
    expect(() => tensor([1], { device: "gpu" })).toThrow(/gpu|reference/);
  });

  test("storage dtypes", async () => {
    expect(await tensor([1, 0.333, -2], { dtype: "f16" }).array()).toEqual([1, 0.3330078125, -2]);
    expect(await tensor([1, Math.PI], { dtype: "bf16" }).array()).toEqual([1, 3.140625]);
    expect(await tensor([-128, 5], { dtype: "i8" }).data()).toEqual(new Int8Array([-128, 5]));
    expect(await tensor([255, 5], { dtype: "u8" }).data()).toEqual(new Uint8Array([255, 5]));
  });

  test("from chunks: every element once, in order, and nothing where there is none", async () => {
    const size = 3 * 65536 + 5;
    const starts: number[] = [];
    const t = fromChunks([size], (start, into) => {
      starts.push(start);
      for (let i = 0; i < into.length; i++) into[i] = start + i;
    });
    const values = await t.data();
    expect(values).toHaveLength(size);
    expect(values.every((value, i) => value === i)).toBe(true);
    expect(starts).toEqual([0, 65536, 131072, 196608]);
    expect([...(await fromChunks([0, 4], () => {}, "reference").data())]).toEqual([]);
  });

  test("bytes", async () => {
    const bytes = new Uint8Array(new Float32Array([1, 2]).buffer);
    expect(await fromBytes(bytes, "f32", [2, 1]).array()).toEqual([[1], [2]]);
    expect(() => fromBytes(bytes, "f32", [3])).toThrowErrorMatchingInlineSnapshot(
      `[DataError: fromBytes: f32[3] takes 12 bytes; got 8.]`,
    );
  });
});

describe("rules", () => {
  test("constants", async () => {
    expect(await full([2], 7, "i32").array()).toEqual([7, 7]);
    expect(full([], true).dtype).toBe("bool");
    expect(await ones([1, 2]).array()).toEqual([[1, 1]]);
    expect(await zerosLike(ones([2], "i32")).data()).toEqual(new Int32Array(2));
    expect(onesLike(zeros([2], "bool")).dtype).toBe("bool");
    expect(await fullLike(zeros([1]), 3).array()).toEqual([3]);
    expect(() => full([2], 0.5, "i32")).toThrow("i32 elements must be integers");
    expect(() => zeros([-1])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: full: sizes must be integers >= 0; got [-1].]`,
    );
  });

  test("ranges", async () => {
    expect(await arange(4).data()).toEqual(new Int32Array([0, 1, 2, 3]));
    expect(await arange(5, 0, -2).array()).toEqual([5, 3, 1]);
    expect(await arange(0, 1, 0.25).array()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(await arange(2, 4, 1, "f32").data()).toEqual(new Float32Array([2, 3]));
    expect(arange(3, 1).shape).toEqual([0]);
    expect(() => arange(0, 1, 0)).toThrow("arange:");
    expect(await linspace(0, 1, 5).array()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    const odd = (await linspace(0.1, 0.7, 4).data()) as Float32Array;
    expect(odd[3]).toBe(Math.fround(0.7));
    expect(await linspace(3, 9, 1).array()).toEqual([3]);
    expect(linspace(0, 1, 0).shape).toEqual([0]);
    const [rows, columns] = meshgrid(arange(2), arange(3)) as [Tensor, Tensor];
    expect([await rows.array(), await columns.array()]).toEqual([
      [
        [0, 0, 0],
        [1, 1, 1],
      ],
      [
        [0, 1, 2],
        [0, 1, 2],
      ],
    ]);
  });

  test("triangles and identities", async () => {
    expect(await eye(2).array()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(await eye(2, 3, 1, "i32").array()).toEqual([
      [0, 1, 0],
      [0, 0, 1],
    ]);
    const m = arange(1, 10).reshape([3, 3]);
    expect(await tril(m, -1).array()).toEqual([
      [0, 0, 0],
      [4, 0, 0],
      [7, 8, 0],
    ]);
    expect(await triu(m).array()).toEqual([
      [1, 2, 3],
      [0, 5, 6],
      [0, 0, 9],
    ]);
    expect(tril(ones([2, 3, 4])).shape).toEqual([2, 3, 4]);
    expect(() => tril(ones([2]))).toThrow("at least two axes");
  });
});

describe("reading", () => {
  test("item, data, array", async () => {
    expect(await tensor([[5]]).item()).toBe(5);
    expect(await tensor(true).item()).toBe(1);
    expect(await tensor([[1, 2]]).array()).toEqual([[1, 2]]);
    expect(await tensor(3).array()).toBe(3);
    expect(await zeros([2, 0]).array()).toEqual([[], []]);
    expect(await tensor([true, false]).data()).toEqual(new Uint8Array([1, 0]));
    await expect(tensor([1, 2]).item()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: item: the tensor must have exactly one element; got f32[2]. Use data() or array().]`,
    );
  });

  test("a traced tensor says what to do", async () => {
    let inside: Promise<unknown> = Promise.resolve();
    scan(
      (carry: Tensor) => {
        inside = carry.data();
        inside.catch(() => {});
        return [carry, null];
      },
      zeros([2]),
      null,
      { length: 2 },
    );
    const message = await inside.catch((error: Error) => error.message);
    expect(String(message).replace(/at \S+creation.test.ts:\d+:\d+/, "at HERE")).toMatchInlineSnapshot(
      `"read: a tensor cannot be read inside jit, grad, scan or another traced function; got f32[2] (at HERE). Return it (from grad with hasAux) and read the result."`,
    );
    // Computing y here would cut the way of its gradient.
    const value = grad((x: Tensor) => {
      const y = x.mul(3);
      inside = y.print();
      inside.catch(() => {});
      return y.sum();
    })(ones([2]));
    await expect(inside).rejects.toThrow("cannot be read inside");
    expect(await value.array()).toEqual([3, 3]);
  });

  test("printing", async () => {
    const t = tensor([
      [1, -2.5],
      [1000, Number.NaN],
    ]);
    expect(String(t)).toMatch(/^f32\[2,2\] on \w+ \(computed; await t\.print\(\) shows the values\)$/);
    await t.data();
    expect(String(t)).toMatch(/^f32\[2,2\] on \w+\n\[\[/);
    expect(inspect(t)).toMatch(/^Tensor f32\[2,2\]/);
    expect(await t.toText()).toMatchInlineSnapshot(`
      "[[   1.0,   -2.5],
       [1000.0,    NaN]]"
    `);
    expect(String(t.add(1))).toContain("not computed yet");
    expect(await tensor(0.1).toText()).toMatchInlineSnapshot(`"0.1"`);
    expect(await tensor([1e-7, 1, 2e9]).toText()).toMatchInlineSnapshot(`"[1e-7, 1e+0, 2e+9]"`);
    expect(
      await tensor([1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]).toText(),
    ).toMatchInlineSnapshot(`"[1e+30,   Inf,  -Inf]"`);
    expect(await tensor([true, false]).toText()).toMatchInlineSnapshot(`"[ true, false]"`);
    expect(await arange(12).reshape([2, 2, 3]).toText()).toMatchInlineSnapshot(`
      "[[[ 0,  1,  2],
        [ 3,  4,  5]],

       [[ 6,  7,  8],
        [ 9, 10, 11]]]"
    `);
    expect(await arange(2000).toText()).toMatchInlineSnapshot(`"[   0,    1,    2, ..., 1997, 1998, 1999]"`);
    expect(await arange(4000).reshape([40, 100]).toText()).toMatchInlineSnapshot(`
      "[[   0,    1,    2, ...,   97,   98,   99],
       [ 100,  101,  102, ...,  197,  198,  199],
       [ 200,  201,  202, ...,  297,  298,  299],
       ...,
       [3700, 3701, 3702, ..., 3797, 3798, 3799],
       [3800, 3801, 3802, ..., 3897, 3898, 3899],
       [3900, 3901, 3902, ..., 3997, 3998, 3999]]"
    `);
    expect(await zeros([0, 2]).toText()).toMatchInlineSnapshot(`"[]"`);
  });

  test("dispose", async () => {
    const t = tensor([1, 2]);
    t.dispose();
    t.dispose();
    await expect(t.data()).rejects.toThrow("freed");
    expect(String(t)).toContain("freed");
  });
});
