/** What losses have in common: weights, masks, class numbers, and refusing what cannot be meant. */
import { grad, jit, random, type Tensor, tensor, valueAndGrad, zeros } from "nabla";
import * as nn from "nabla/nn";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const labels = (...list: number[]): Tensor => tensor(list, { dtype: "i32" });

describe("what a mask leaves out", () => {
  const keep = tensor([true, false]);
  const bad = (...rest: number[]) => tensor([rest, rest.map(() => Number.NaN)]);
  const classes = labels(1, 7);
  const losses: Record<string, [(x: Tensor, options: nn.LossOptions) => Tensor, Tensor]> = {
    mse: [(x, options) => nn.mse(x, bad(1, 2, 3), options), bad(3, 1, 2)],
    mae: [(x, options) => nn.mae(x, bad(1, 2, 3), options), bad(3, 1, 2)],
    huber: [(x, options) => nn.huber(x, bad(1, 2, 3), options), bad(3, 1, 2)],
    smoothL1: [(x, options) => nn.smoothL1(x, bad(1, 2, 3), options), bad(3, 1, 2)],
    crossEntropy: [(x, options) => nn.crossEntropy(x, classes, options), bad(3, 1, 2)],
    "crossEntropy dense": [(x, options) => nn.crossEntropy(x, bad(0.5, 0.25, 0.25), options), bad(3, 1, 2)],
    nll: [(x, options) => nn.nll(x, classes, options), bad(-3, -1, -2)],
    categoricalFocal: [(x, options) => nn.categoricalFocal(x, classes, options), bad(3, 1, 2)],
    multiMargin: [(x, options) => nn.multiMargin(x, classes, options), bad(3, 1, 2)],
    klDivergence: [(x, options) => nn.klDivergence(x, bad(0.5, 0.25, 0.25), options), bad(-3, -1, -2)],
    bceWithLogits: [(x, options) => nn.bceWithLogits(x, bad(0, 1, 1), options), bad(3, 1, 2)],
    bce: [(x, options) => nn.bce(x, bad(0, 1, 1), options), bad(0.5, 0.25, 0.125)],
    focal: [(x, options) => nn.focal(x, bad(0, 1, 1), options), bad(3, 1, 2)],
    hinge: [(x, options) => nn.hinge(x, bad(-1, 1, 1), options), bad(3, 1, 2)],
    cosineEmbedding: [
      (x, options) => nn.cosineEmbedding(x, bad(1, 2, 3), labels(1, 1), options),
      bad(3, 1, 2),
    ],
    contrastive: [(x, options) => nn.contrastive(x, bad(1, 2, 3), labels(1, 1), options), bad(3, 1, 2)],
    tripletMargin: [(x, options) => nn.tripletMargin(x, bad(9, 2, 3), bad(1, 0, 0), options), bad(3, 1, 2)],
    infoNce: [(x, options) => nn.infoNce(x, bad(1, 2, 3), options), bad(3, 1, 2)],
    ctc: [
      (x, options) => nn.ctc(x.unsqueeze(1), tensor([[1], [7]], { dtype: "i32" }), options),
      bad(3, 1, 2),
    ],
  };
  test.each(Object.keys(losses))("%s: costs nothing, moves nothing, and is not counted", async (name) => {
    const [loss, x] = losses[name] as [(x: Tensor, options: nn.LossOptions) => Tensor, Tensor];
    const masked = { mask: keep };
    const [value, slope] = valueAndGrad((z: Tensor) => loss(z, masked))(x);
    const rows = [...(await loss(x, { ...masked, reduction: "none" }).data())];
    const kept = rows.slice(0, rows.length / 2);
    expect(rows.slice(rows.length / 2).every((row) => row === 0)).toBe(true);
    expect(kept.every(Number.isFinite)).toBe(true);
    await expectClose(value, kept.reduce((a, b) => a + b, 0) / kept.length);
    const slopes = [...(await slope.data())];
    expect(slopes.slice(3)).toEqual([0, 0, 0]);
    // infoNce has no negatives left: its loss is constant.
    if (name !== "infoNce") expect(slopes.slice(0, 3).some((element) => element !== 0)).toBe(true);
  });

  test("nothing left is a mean of NaN, as in PyTorch, and a sum of 0", async () => {
    const x = tensor([[1, 2, 3]]);
    const options = { ignoreIndex: -100 };
    expect(await nn.crossEntropy(x, labels(-100), options).item()).toBeNaN();
    expect(await nn.crossEntropy(x, labels(-100), { ...options, reduction: "sum" }).item()).toBe(0);
    const slope = grad((z: Tensor) => nn.crossEntropy(z, labels(-100), { ...options, reduction: "sum" }))(x);
    expect([...(await slope.data())]).toEqual([0, 0, 0]);
  });

  test("ignoreIndex and a mask both count", async () => {
    const x = tensor([
      [1, 0],
      [0, 2],
      [3, 0],
    ]);
    const options = { ignoreIndex: 0, mask: tensor([true, true, false]), reduction: "none" } as const;
    const [, second] = await nn.crossEntropy(x, labels(0, 1, 1), { reduction: "none" }).data();
    expect([...(await nn.crossEntropy(x, labels(0, 1, 1), options).data())]).toEqual([0, second, 0]);
  });
});

describe("weights", () => {
  test("of a square batch go along the rows, not the columns", async () => {
    const p = tensor([
      [1, 1],
      [2, 2],
    ]);
    const options = { weights: tensor([1, 0]), reduction: "none" } as const;
    expect(await nn.mse(p, zeros([2, 2]), options).array()).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });

  test("may be a list for classes", async () => {
    const x = tensor([
      [1, 0, 2],
      [0, 2, 1],
    ]);
    const list = [1, 2, 3];
    await expectClose(
      nn.crossEntropy(x, labels(0, 2), { classWeights: list }),
      nn.crossEntropy(x, labels(0, 2), { classWeights: tensor(list) }),
    );
    await expectClose(
      nn.bceWithLogits(x, x.gt(0), { positiveWeight: list }),
      nn.bceWithLogits(x, x.gt(0), { positiveWeight: tensor(list) }),
    );
  });
});

describe("class numbers out of range", () => {
  const x = tensor([
    [1, 2, 3],
    [1, 2, 3],
    [1, 2, 3],
  ]);
  const wrong = labels(1, 3, -1);
  test.each([
    ["nll", nn.nll],
    ["categoricalFocal", nn.categoricalFocal],
    ["multiMargin", nn.multiMargin],
    ["crossEntropy", nn.crossEntropy],
  ] as const)("%s is NaN for their rows alone, compiled too", async (_, loss) => {
    const rows = jit((z: Tensor, t: Tensor) => loss(z, t, { reduction: "none", classWeights: [1, 2, 3] }));
    expect([...(await rows(x, wrong).data())].map(Number.isNaN)).toEqual([false, true, true]);
  });

  test("ctc is NaN for their rows alone", async () => {
    const logits = random.normal(random.key(1), [3, 4, 3]);
    const options = { reduction: "none", targetLengths: labels(1, 2, 1) } as const;
    const t = tensor(
      [
        [1, 99],
        [1, 3],
        [-1, 2],
      ],
      { dtype: "i32" },
    );
    expect([...(await nn.ctc(logits, t, options).data())].map(Number.isNaN)).toEqual([false, true, true]);
  });
});

describe("ctc", () => {
  test("agrees with adding up the alignments, and its gradient with differences", async () => {
    const x = random.normal(random.key(3), [1, 3, 3]);
    const p = (await nn.softmax(x).array()) as number[][][];
    // All paths of three steps that become [1, 2] without repetitions and blanks (0).
    const paths = [
      [1, 1, 2],
      [1, 2, 2],
      [0, 1, 2],
      [1, 0, 2],
      [1, 2, 0],
    ];
    const total = paths
      .map((path) => path.reduce((product, c, t) => product * (p[0]?.[t]?.[c] as number), 1))
      .reduce((a, b) => a + b);
    const t = tensor([[1, 2]], { dtype: "i32" });
    await expectClose(nn.ctc(x, t, { reduction: "sum" }), -Math.log(total));
    await checkGradient((z) => nn.ctc(z, t), [x]);
    // And the gradient's gradient.
    await checkGradient((z) => grad((v: Tensor) => nn.ctc(v, t))(z), [x]);
  });

  test("labels that do not fit cost Infinity, and move nothing", async () => {
    const x = random.normal(random.key(4), [1, 2, 3]);
    const [value, slope] = valueAndGrad((z: Tensor) => nn.ctc(z, tensor([[1, 1]], { dtype: "i32" })))(x);
    expect(await value.item()).toBe(Number.POSITIVE_INFINITY);
    expect([...(await slope.data())].every((element) => element === 0)).toBe(true);
  });
});

describe("errors", () => {
  const x = tensor([[1, 2, 3]]);
  const one = labels(1);
  const cube = zeros([2, 4, 3]);
  const words = zeros([2, 2], "i32");
  test.each([
    [
      () => nn.mse(x, x, { weights: zeros([3]) }),
      "mse: weights must have the shape of the losses or of their leading axes; got f32[3] for losses [1,3].",
    ],
    [
      () => nn.crossEntropy(x, one, { mask: zeros([1, 3], "bool") }),
      "crossEntropy: mask must have the shape of the losses or of their leading axes; got bool[1,3] for losses [1].",
    ],
    [
      () => nn.crossEntropy(x, one, { classWeights: [1, 2] }),
      "crossEntropy: classWeights must have one number per class, [3]; got [2].",
    ],
    [
      () => nn.crossEntropy(x, one, { ignoreIndex: 0.5 }),
      "crossEntropy: ignoreIndex must be an integer; got 0.5.",
    ],
    [
      () => nn.crossEntropy(x, x, { ignoreIndex: -1 }),
      "crossEntropy: ignoreIndex is of class numbers, and the targets are probabilities. Use { mask }.",
    ],
    [() => nn.nll(x, x), "nll: targets must be class numbers [1]; got f32[1,3] and f32[1,3]."],
    [
      () => nn.nll(x, tensor([1])),
      'nll: class numbers must be integers; got f32[1,3] and f32[1]. Hint: targets.astype("i32").',
    ],
    [() => nn.smoothL1(x, x, { beta: -1 }), "smoothL1: beta must be at least 0; got -1."],
    [() => nn.focal(x, x, { gamma: -1 }), "focal: gamma must be a number of at least 0; got -1."],
    [() => nn.focal(x, x, { alpha: 2 }), "focal: alpha must be in [0, 1], or null; got 2."],
    [
      () => nn.bceWithLogits(x, x, { positiveWeight: [1, 2] }),
      "bceWithLogits: positiveWeight must be a number or one for each place of the last axis; got [2] for logits [1,3].",
    ],
    [() => nn.klDivergence(tensor(0), tensor(0)), "klDivergence: there must be a class axis; got []."],
    [
      () => nn.cosineEmbedding(x, x, x),
      "cosineEmbedding: targets must have one value per pair, [1]; got [1,3].",
    ],
    [
      () => nn.cosineSimilarity(tensor(0), tensor(0)),
      "cosineSimilarity: vectors must have one shape, [...,size]; got f32[] and f32[].",
    ],
    [
      () => nn.tripletMargin(x, x, tensor([1, 2, 3])),
      "tripletMargin: vectors must have one shape, [...,size]; got f32[1,3] and f32[3].",
    ],
    [() => nn.infoNce(x, x, { temperature: 0 }), "infoNce: temperature must be above 0; got 0."],
    [
      () => nn.infoNce(x, x, { negatives: zeros([4, 2]) }),
      "infoNce: queries, keys and negatives must be [n,size], [n,size] and [m,size]; got [1,3], [1,3], [4,2].",
    ],
    [
      () => nn.infoNce(x, x, { negatives: x, symmetric: true }),
      "infoNce: symmetric takes the keys as negatives; got { negatives } as well.",
    ],
    [
      () => nn.ctc(x, words),
      "ctc: logits must be [batch,time,classes] and labels [batch,most labels]; got f32[1,3] and i32[2,2]. PyTorch's [time,batch,classes] is logits.permute([1, 0, 2]).",
    ],
    [
      () => nn.ctc(cube, zeros([2, 2])),
      'ctc: labels must be integers; got f32[2,4,3] and f32[2,2]. Hint: labels.astype("i32").',
    ],
    [() => nn.ctc(cube, words, { blank: 3 }), "ctc: blank must be a class, in [0, 3); got 3."],
    [
      () => nn.ctc(cube, words, { targetLengths: labels(1) }),
      "ctc: targetLengths must be i32[2], one for each row; got i32[1].",
    ],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
  });
});
