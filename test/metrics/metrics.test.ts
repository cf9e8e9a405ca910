/** Metrics against counting by hand. */
import { jit, type Tensor, tensor } from "nabla";
import { accuracy, meanLoss } from "nabla/metrics";
import { describe, expect, test } from "vitest";

const loss = () => tensor(0);

describe("accuracy", () => {
  const of = async (...batches: readonly (readonly [Tensor, Tensor])[]) => {
    const metric = accuracy();
    let state = metric.init();
    for (const [logits, targets] of batches) state = metric.update(state, { logits, targets, loss: loss() });
    return metric.value(state).item();
  };
  const logits = () =>
    tensor([
      [1, 3, 2],
      [9, 0, 0],
      [0, 0, 1],
      [5, 4, 6],
    ]); // 1, 0, 2, 2

  test("of class numbers, over batches of unequal size", async () => {
    const labels = (...list: number[]) => tensor(list, { dtype: "i32" });
    expect(await of([logits(), labels(1, 0, 0, 2)])).toBe(0.75);
    expect(await of([logits(), labels(1, 0, 0, 2)], [tensor([[1, 0, 0]]), labels(1)])).toBeCloseTo(0.6, 7);
    expect(await of([logits(), labels(1, 0, 0, 2).astype("i8")])).toBe(0.75);
  });

  test("of probabilities", async () => {
    expect(
      await of([
        logits(),
        tensor([
          [0, 1, 0],
          [0.1, 0.8, 0.1],
          [0, 0, 1],
          [0.2, 0.2, 0.6],
        ]),
      ]),
    ).toBe(0.75);
  });

  test("of binary logits: the sign decides", async () => {
    const binary = tensor([[2], [-1], [0.5], [-3]]);
    expect(await of([binary, tensor([[1], [0], [0], [0]])])).toBe(0.75);
    expect(await of([binary.reshape([4]), tensor([1, 1, 0, 0])])).toBe(0.5);
    expect(await of([binary, tensor([[1], [0], [1], [1]], { dtype: "i32" })])).toBe(0.75);
  });

  test("of images of class numbers", async () => {
    const labels = tensor(
      [
        [1, 0],
        [0, 2],
      ],
      { dtype: "i32" },
    );
    expect(await of([logits().reshape([2, 2, 3]), labels])).toBe(0.75);
  });

  test("is NaN before the first batch", async () => {
    expect(await of()).toBeNaN();
  });

  test("counts exactly beyond 2^24", async () => {
    const metric = accuracy();
    const state = {
      correct: tensor(2 ** 25 + 1, { dtype: "i32" }),
      count: tensor(2 ** 25 + 2, { dtype: "i32" }),
    };
    const next = metric.update(state, {
      logits: logits(),
      targets: tensor([1, 0, 0, 0], { dtype: "i32" }),
      loss: loss(),
    });
    expect([await next.correct.item(), await next.count.item()]).toEqual([2 ** 25 + 3, 2 ** 25 + 6]);
  });

  test("shapes that mean nothing throw", async () => {
    const metric = accuracy();
    const batch = { logits: logits(), targets: tensor([[1], [0], [0], [2]], { dtype: "i32" }), loss: loss() };
    expect(() => metric.update(metric.init(), batch)).toThrow(
      "accuracy: targets must be class numbers [4] or of the logits' shape; got logits [4,3] and targets [4,1].",
    );
  });
});

describe("meanLoss", () => {
  test("weighs batches by size, also compiled with a donated state", async () => {
    const metric = meanLoss();
    const update = jit(
      (state: ReturnType<typeof metric.init>, targets: Tensor, value: Tensor) => [
        metric.update(state, { logits: targets, targets, loss: value }),
      ],
      { donate: [0] },
    );
    let state = metric.init();
    [state] = update(state, tensor([0, 0, 0]), tensor(2)) as [typeof state];
    [state] = update(state, tensor([0]), tensor(6)) as [typeof state];
    expect(await metric.value(state).item()).toBe(3);
  });
});
