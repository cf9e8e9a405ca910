/** Metrics against scikit-learn (goldens/generate.py): in a compiled step over unequal batches, and of whole arrays. */
import { readFileSync } from "node:fs";
import { jit, softmax, type Tensor, tensor } from "nabla";
import * as metrics from "nabla/metrics";
import { describe, expect, test } from "vitest";

const golden = JSON.parse(readFileSync(new URL("./goldens/metrics.json", import.meta.url), "utf8")) as {
  labels: number[];
  logits: number[][];
  yes: number[];
  scores: number[];
  target: number[][];
  prediction: number[][];
  results: Record<string, number>;
  confusion: number[][];
  perClass: metrics.exact.ClassScores;
};
const rows = golden.labels.length;

/** The metric over batches of 64 rows and a smaller last one, as the trainer runs it. */
async function over(metric: metrics.Metric, logits: Tensor, targets: Tensor): Promise<number> {
  const step = jit(
    (state: ReturnType<typeof metric.init>, z: Tensor, t: Tensor) => [
      metric.update(state, { logits: z, targets: t, loss: z.sum() }),
    ],
    { donate: [0] },
  );
  let state = metric.init();
  expect(await metric.value(state).item(), "before the first update").toBeNaN();
  for (let start = 0; start < rows; start += 64) {
    const part = (x: Tensor) => x.slice([start, start + 64]);
    [state] = step(state, part(logits), part(targets)) as [typeof state];
  }
  return metric.value(state).item();
}

const classes = () => [tensor(golden.logits), tensor(golden.labels, { dtype: "i32" })] as const;
const binary = () => [tensor(golden.scores), tensor(golden.yes, { dtype: "i32" })] as const;
const numbers = () => [tensor(golden.prediction), tensor(golden.target)] as const;
const firstNumbers = () => numbers().map((x) => x.slice([], [0, 1])) as [Tensor, Tensor];

type Case = [string, metrics.Metric, () => readonly [Tensor, Tensor]];
const each = { precision: metrics.precision, recall: metrics.recall, f1: metrics.f1 };
const cases: Case[] = [
  ["accuracy", metrics.accuracy() as metrics.Metric, classes],
  ["top2", metrics.topKAccuracy({ k: 2 }) as metrics.Metric, classes],
  ["logLoss", metrics.logLoss() as metrics.Metric, classes],
  ["perplexity", metrics.perplexity() as metrics.Metric, classes],
  ["logLoss binary", metrics.logLoss() as metrics.Metric, binary],
  ["calibrationError", metrics.calibrationError() as metrics.Metric, classes],
  ["calibrationError 4 bins", metrics.calibrationError({ bins: 4 }) as metrics.Metric, classes],
  ["calibrationError binary", metrics.calibrationError() as metrics.Metric, binary],
  ["mse", metrics.mse() as metrics.Metric, numbers],
  ["mae", metrics.mae() as metrics.Metric, numbers],
  ["rmse", metrics.rmse() as metrics.Metric, numbers],
  ["r2", metrics.r2() as metrics.Metric, firstNumbers],
  ["r2 outputs", metrics.r2({ outputs: 3 }) as metrics.Metric, numbers],
  ...Object.entries(each).flatMap(([name, make]): Case[] => [
    [name, make() as metrics.Metric, binary],
    ...(["macro", "micro", "weighted", 2, 4] as const).map(
      (average): Case => [`${name} ${average}`, make({ classes: 5, average }) as metrics.Metric, classes],
    ),
  ]),
];

describe("in the step", () => {
  test.each(cases)("%s", async (name, metric, data) => {
    const expected = golden.results[name] as number;
    expect(Math.abs((await over(metric, ...data())) - expected)).toBeLessThanOrEqual(
      2e-6 * Math.max(1, Math.abs(expected)),
    );
  });

  // Scores and probabilities on a grid so coarse that no bucket holds two of them.
  test.each([
    ["rocAuc", metrics.rocAuc],
    ["prAuc", metrics.prAuc],
  ] as const)("%s of fine buckets is exact", async (name, make) => {
    const fine = make({ buckets: 2048 }) as metrics.Metric;
    expect(await over(fine, ...binary())).toBeCloseTo(golden.results[name] as number, 6);
  });
});

describe("the stated bounds of areas from buckets", () => {
  const place = (score: number, buckets: number) =>
    Math.floor((score / (4 + Math.abs(score)) + 1) * (buckets / 2));
  const count = (of: (row: number) => boolean) =>
    Array.from({ length: rows }, (_, row) => row).filter(of).length;

  test.each([8, 32, 128])("rocAuc and prAuc, %i buckets", async (buckets) => {
    const at = golden.scores.map((score) => place(score, buckets));
    const positives = count((row) => golden.yes[row] === 1);
    const inBucket = (b: number, label: number) => count((row) => at[row] === b && golden.yes[row] === label);
    const all = Array.from({ length: buckets }, (_, b) => b);
    const rocBound = all
      .map((b) => (inBucket(b, 1) / positives) * (inBucket(b, 0) / (rows - positives)))
      .reduce((x, y) => x + y / 2, 0);
    const prBound = all
      .map((b) => {
        const above = count((row) => (at[row] as number) >= b);
        return (inBucket(b, 1) / positives) * ((inBucket(b, 0) + inBucket(b, 1)) / Math.max(1, above));
      })
      .reduce((x, y) => x + y, 0);
    const roc = await over(metrics.rocAuc({ buckets }) as metrics.Metric, ...binary());
    const pr = await over(metrics.prAuc({ buckets }) as metrics.Metric, ...binary());
    expect(Math.abs(roc - (golden.results.rocAuc as number))).toBeLessThanOrEqual(rocBound + 1e-6);
    expect(Math.abs(pr - (golden.results.prAuc as number))).toBeLessThanOrEqual(prBound + 1e-6);
    expect(rocBound).toBeLessThan(0.15);
  });

  test("several classes, each against the rest", async () => {
    const roc = await over(metrics.rocAuc({ classes: 5 }) as metrics.Metric, ...classes());
    const pr = await over(metrics.prAuc({ classes: 5 }) as metrics.Metric, ...classes());
    expect(Math.abs(roc - (golden.results["rocAuc macro"] as number))).toBeLessThan(1e-3);
    expect(Math.abs(pr - (golden.results["prAuc macro"] as number))).toBeLessThan(5e-3);
  });
});

describe("of whole arrays", () => {
  const close = (got: number, name: string) =>
    expect(Math.abs(got - (golden.results[name] as number))).toBeLessThan(1e-10);

  test("areas for yes and no, with ties", () => {
    close(metrics.exact.rocAuc(golden.scores, golden.yes), "rocAuc");
    close(metrics.exact.prAuc(Float32Array.from(golden.scores), Int32Array.from(golden.yes)), "prAuc");
  });

  test("areas for classes, from f32 probabilities", async () => {
    const four = softmax(tensor(golden.logits).slice([], [0, 4]));
    const got = metrics.exact.rocAuc(await four.data(), golden.labels);
    expect(Math.abs(got - (golden.results["rocAuc ovr"] as number))).toBeLessThan(1e-4);
    // Probabilities that no row has to share: the same in f64, to the last bits.
    const p = golden.logits.map((row) => row.slice(0, 4).map(Math.exp));
    const shares = p.flatMap((row) => row.map((value) => value / row.reduce((a, b) => a + b)));
    expect(
      Math.abs(metrics.exact.rocAuc(shares, golden.labels) - (golden.results["rocAuc ovr"] as number)),
    ).toBeLessThan(1e-6);
  });

  test("the confusion matrix and each class's scores", () => {
    const guess = golden.logits.map((row) => row.indexOf(Math.max(...row)));
    expect(metrics.exact.confusionMatrix(guess, golden.labels, 5)).toEqual(golden.confusion);
    const scores = metrics.exact.classScores(guess, golden.labels, 5);
    for (const name of ["precision", "recall", "f1", "support"] as const) {
      scores[name].forEach((value, c) => {
        expect(value, `${name} ${c}`).toBeCloseTo(golden.perClass[name][c] as number, 12);
      });
    }
  });

  test("what cannot be meant is refused, naming its place", () => {
    const { exact } = metrics;
    expect(() => exact.rocAuc([0.1, 0.2], [0, 2])).toThrow(
      "rocAuc: labels must be whole numbers in [0, 2); row 1 has 2.",
    );
    expect(() => exact.prAuc([0.1, Number.NaN], [0, 1])).toThrow(
      "prAuc: scores must be numbers; element 1 is NaN.",
    );
    expect(() => exact.rocAuc([0.1, 0.2, 0.3], [0, 1])).toThrow(
      "rocAuc: there must be a score, or one for each class, for each label; got 3 scores and 2 labels.",
    );
    expect(() => exact.confusionMatrix([0, 3], [0, 1], 3)).toThrow(
      "confusionMatrix: predictions must be whole numbers in [0, 3); row 1 has 3.",
    );
    expect(() => exact.confusionMatrix([0], [0, 1], 3)).toThrow(
      "confusionMatrix: there must be a label for each row; got 2 for 1 rows.",
    );
    expect(exact.rocAuc([0.1, 0.2], [1, 1])).toBeNaN();
  });
});

describe("in general", () => {
  const z = tensor([
    [2, 1, 0],
    [0, 1, 2],
    [0, 3, 1],
    [1, 0, 0],
  ]);
  const ignored = tensor([0, -1, 2, -1], { dtype: "i32" });
  const kept = () => [z.take(tensor([0, 2], { dtype: "i32" })), tensor([0, 2], { dtype: "i32" })] as const;
  const once = (metric: metrics.Metric, logits: Tensor, targets: Tensor) =>
    metric.value(metric.update(metric.init(), { logits, targets, loss: z.sum() })).item();
  const options = { ignoreIndex: -1 };
  test.each([
    ["accuracy", metrics.accuracy(options), metrics.accuracy()],
    ["topKAccuracy", metrics.topKAccuracy({ k: 2, ...options }), metrics.topKAccuracy({ k: 2 })],
    ["f1", metrics.f1({ classes: 3, ...options }), metrics.f1({ classes: 3 })],
    ["logLoss", metrics.logLoss(options), metrics.logLoss()],
    ["perplexity", metrics.perplexity(options), metrics.perplexity()],
    ["calibrationError", metrics.calibrationError(options), metrics.calibrationError()],
    ["rocAuc", metrics.rocAuc({ classes: 3, ...options }), metrics.rocAuc({ classes: 3 })],
    ["prAuc", metrics.prAuc({ classes: 3, ...options }), metrics.prAuc({ classes: 3 })],
  ] as [string, metrics.Metric, metrics.Metric][])(
    "%s leaves out rows to be ignored",
    async (_, with_, without) => {
      expect(await once(with_, z, ignored)).toBeCloseTo(await once(without, ...kept()), 6);
    },
  );

  test("ignoring works for yes and no as well", async () => {
    const scores = tensor([2, -1, 3, 1]);
    const targets = tensor([1, 0, -1, -1], { dtype: "i32" });
    expect(await once(metrics.accuracy(options) as metrics.Metric, scores, targets)).toBe(1);
    expect(await once(metrics.precision(options) as metrics.Metric, scores, targets)).toBe(1);
    expect(await once(metrics.rocAuc(options) as metrics.Metric, scores, targets)).toBe(1);
  });

  test("top k counts ties as accuracy does, and NaN as wrong", async () => {
    const tied = tensor([
      [1, 1, 0],
      [Number.NaN, 1, 0],
    ]);
    const top = (k: number, ...targets: number[]) =>
      once(metrics.topKAccuracy({ k }) as metrics.Metric, tied, tensor(targets, { dtype: "i32" }));
    expect(await top(1, 0, 1)).toBe(0.5);
    expect(await top(1, 1, 1)).toBe(0);
    expect(await top(2, 1, 1)).toBe(1);
  });

  test("r2 of targets that do not vary is 1 when they are met and 0 when not", async () => {
    const same = tensor([3, 3, 3]);
    expect(await once(metrics.r2() as metrics.Metric, same, same)).toBe(1);
    expect(await once(metrics.r2() as metrics.Metric, tensor([3, 3, 4]), same)).toBe(0);
  });

  test.each([
    [
      () => once(metrics.f1() as metrics.Metric, z, ignored),
      'f1: classes must be the number the model has; got 2 for 3. Say f1({ classes: 3, average: "macro" }).',
    ],
    [
      () => once(metrics.rocAuc() as metrics.Metric, z, ignored),
      "rocAuc: classes must be the number the model has; got none for 3. Say rocAuc({ classes: 3 }).",
    ],
    [
      () => once(metrics.topKAccuracy() as metrics.Metric, z, ignored),
      "topKAccuracy: k must be at most the number of classes, 3; got 5.",
    ],
    [
      () => once(metrics.mse() as metrics.Metric, z, ignored),
      "mse: predictions and targets must have one shape; got [4,3] and [4]. Reshape one of them.",
    ],
    [
      () => once(metrics.r2() as metrics.Metric, z, z),
      "r2: outputs must be how many numbers a row has; got 1 for targets [4,3].",
    ],
    [
      () => once(metrics.accuracy(options) as metrics.Metric, z, z),
      "accuracy: ignoreIndex is of class numbers, and the targets are probabilities.",
    ],
    [() => metrics.f1({ classes: 3, average: 3 }), "f1: the class must be a whole number in [0, 3); got 3."],
    [
      () => metrics.f1({ classes: 3, average: "binary" }),
      'f1: the average "binary" is of two classes; got 3.',
    ],
    [() => metrics.rocAuc({ buckets: 1 }), "rocAuc: buckets must be a whole number of at least 2; got 1."],
    [() => metrics.logLoss({ ignoreIndex: 0.5 }), "logLoss: ignoreIndex must be an integer; got 0.5."],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
  });
});
