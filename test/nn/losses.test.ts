/** Losses against PyTorch in f64: values, all gradients, and second derivatives where they are smooth (goldens/losses.py). */
import { readFileSync } from "node:fs";
import { grad, jit, type Tensor, tensor } from "nabla";
import * as nn from "nabla/nn";
import { describe, expect, test } from "vitest";
import { devices } from "./devices.ts";

type Numbers = readonly (number | string)[];
interface Result {
  readonly value: Numbers;
  readonly gradients?: Readonly<Record<string, Numbers>>;
  readonly second?: Readonly<Record<string, Numbers>>;
}
type Nested = number | readonly Nested[];
interface Case {
  readonly inputs: Readonly<Record<string, Nested>>;
  readonly results: Readonly<Partial<Record<nn.Reduction, Result>>>;
}
const golden = JSON.parse(readFileSync(new URL("./goldens/losses.json", import.meta.url), "utf8")) as {
  cases: Record<string, Case>;
};

/** Equal to 1e-5 relative; beside large elements of the same array, to 1e-6 (or `beside`) of those. */
function close(got: ArrayLike<number>, expected: Numbers, what: string, beside = 1e-6): void {
  expect(got).toHaveLength(expected.length);
  const numbers = expected.map(Number);
  const largest = Math.max(...numbers.filter(Number.isFinite).map(Math.abs), 0);
  numbers.forEach((value, i) => {
    const own = got[i] as number;
    const message = `${what} ${i}: ${own} for ${value}`;
    if (Number.isFinite(value)) {
      expect(Math.abs(own - value), message).toBeLessThanOrEqual(1e-5 * Math.abs(value) + beside * largest);
    } else expect(own, message).toBe(value);
  });
}

type Inputs = Readonly<Record<string, Tensor>>;
type Loss = (inputs: Inputs, reduction: nn.Reduction) => Tensor;
const at = (inputs: Inputs, name: string): Tensor => inputs[name] as Tensor;

/** The cases by name: as the Python file has them. */
function losses(): Record<string, Loss> {
  const table: Record<string, Loss> = {
    "smoothL1 0.25": (d, reduction) => nn.smoothL1(at(d, "p"), at(d, "t"), { reduction, beta: 0.25 }),
    "smoothL1 0": (d, reduction) => nn.smoothL1(at(d, "p"), at(d, "t"), { reduction, beta: 0 }),
    smoothL1: (d, reduction) => nn.smoothL1(at(d, "p"), at(d, "t"), { reduction }),
    "mse element weights": (d, reduction) =>
      nn.mse(at(d, "p"), at(d, "t"), { reduction, weights: at(d, "w") }),
  };
  const regression: Record<string, (d: Inputs, options: nn.LossOptions) => Tensor> = {
    mse: (d, options) => nn.mse(at(d, "p"), at(d, "t"), options),
    mae: (d, options) => nn.mae(at(d, "p"), at(d, "t"), options),
    "huber 0.5": (d, options) => nn.huber(at(d, "p"), at(d, "t"), { ...options, delta: 0.5 }),
  };
  for (const [name, loss] of Object.entries(regression)) {
    table[name] = (d, reduction) => loss(d, { reduction });
    table[`${name} weights`] = (d, reduction) => loss(d, { reduction, weights: at(d, "w") });
    table[`${name} mask`] = (d, reduction) => loss(d, { reduction, mask: at(d, "keep") });
  }
  for (const kind of ["", " extreme"]) {
    for (const weights of ["", " weights"]) {
      for (const smooth of ["", " smooth"]) {
        const options = (d: Inputs, reduction: nn.Reduction): nn.CrossEntropyOptions => ({
          reduction,
          labelSmoothing: smooth ? 0.1 : 0,
          ...(weights ? { classWeights: at(d, "cw") } : {}),
        });
        const name = (targets: string) => `crossEntropy${kind} ${targets}${weights}${smooth}`;
        table[name("classes")] = (d, reduction) =>
          nn.crossEntropy(at(d, "x"), at(d, "labels"), options(d, reduction));
        table[name("ignored")] = (d, reduction) =>
          nn.crossEntropy(at(d, "x"), at(d, "labels"), { ...options(d, reduction), ignoreIndex: -100 });
        table[name("dense")] = (d, reduction) =>
          nn.crossEntropy(at(d, "x"), at(d, "t"), options(d, reduction));
      }
    }
  }
  const pair = (name: string, loss: (x: Tensor, t: Tensor, d: Inputs, reduction: nn.Reduction) => Tensor) => {
    table[name] = (d, reduction) => loss(at(d, "x"), d.t ?? at(d, "labels"), d, reduction);
  };
  pair("crossEntropy sample weights", (x, t, d, reduction) =>
    nn.crossEntropy(x, t, { reduction, weights: at(d, "w") }),
  );
  pair("crossEntropy sample and class weights", (x, t, d, reduction) =>
    nn.crossEntropy(x, t, { reduction, weights: at(d, "w"), classWeights: at(d, "cw") }),
  );
  pair("crossEntropy mask", (x, t, d, reduction) =>
    nn.crossEntropy(x, t, { reduction, mask: at(d, "keep") }),
  );
  pair("crossEntropy grid", (x, t, d, reduction) =>
    nn.crossEntropy(x, t, { reduction, classWeights: at(d, "cw"), ignoreIndex: -1 }),
  );
  pair("nll", (x, t, _, reduction) => nn.nll(x, t, { reduction }));
  pair("nll weights ignored", (x, t, d, reduction) =>
    nn.nll(x, t, { reduction, classWeights: at(d, "cw"), ignoreIndex: -100 }),
  );
  pair("bceWithLogits", (x, t, _, reduction) => nn.bceWithLogits(x, t, { reduction }));
  pair("bceWithLogits positive", (x, t, d, reduction) =>
    nn.bceWithLogits(x, t, { reduction, positiveWeight: at(d, "pw") }),
  );
  pair("bceWithLogits weights", (x, t, d, reduction) =>
    nn.bceWithLogits(x, t, { reduction, weights: at(d, "w") }),
  );
  pair("bceWithLogits mask", (x, t, d, reduction) =>
    nn.bceWithLogits(x, t, { reduction, mask: at(d, "keep") }),
  );
  pair("bce", (x, t, _, reduction) => nn.bce(x, t, { reduction }));
  pair("bce inner", (x, t, _, reduction) => nn.bce(x, t, { reduction }));
  pair("focal", (x, t, _, reduction) => nn.focal(x, t, { reduction }));
  pair("focal 1.5", (x, t, _, reduction) => nn.focal(x, t, { reduction, gamma: 1.5, alpha: null }));
  pair("focal 0.5", (x, t, _, reduction) => nn.focal(x, t, { reduction, gamma: 0.5, alpha: 0.75 }));
  pair("focal 0", (x, t, _, reduction) => nn.focal(x, t, { reduction, gamma: 0 }));
  pair("focal extreme", (x, t, _, reduction) => nn.focal(x, t, { reduction }));
  pair("focal 1.5 extreme", (x, t, _, reduction) => nn.focal(x, t, { reduction, gamma: 1.5 }));
  pair("categoricalFocal", (x, t, _, reduction) => nn.categoricalFocal(x, t, { reduction }));
  pair("categoricalFocal weights ignored", (x, t, d, reduction) =>
    nn.categoricalFocal(x, t, { reduction, gamma: 1.5, classWeights: at(d, "cw"), ignoreIndex: -100 }),
  );
  pair("hinge", (x, t, _, reduction) => nn.hinge(x, t, { reduction }));
  pair("hinge squared", (x, t, _, reduction) => nn.hinge(x, t, { reduction, margin: 0.5, squared: true }));
  pair("multiMargin", (x, t, _, reduction) => nn.multiMargin(x, t, { reduction }));
  pair("multiMargin squared weights", (x, t, d, reduction) =>
    nn.multiMargin(x, t, { reduction, margin: 0.5, squared: true, classWeights: at(d, "cw") }),
  );
  const kl = (options: (d: Inputs) => nn.KlDivergenceOptions) => (d: Inputs, reduction: nn.Reduction) =>
    nn.klDivergence(at(d, "y"), at(d, "t"), { ...options(d), reduction });
  table.klDivergence = kl(() => ({}));
  table["klDivergence targets"] = kl(() => ({}));
  table["klDivergence batchmean"] = kl(() => ({}));
  table["klDivergence weights"] = kl((d) => ({ weights: at(d, "w") }));
  table["klDivergence log targets"] = kl(() => ({ logTargets: true }));
  table.cosineSimilarity = (d) => nn.cosineSimilarity(at(d, "a"), at(d, "b"));
  table.cosineEmbedding = (d, reduction) =>
    nn.cosineEmbedding(at(d, "a"), at(d, "b"), at(d, "t"), { reduction });
  table["cosineEmbedding margin"] = (d, reduction) =>
    nn.cosineEmbedding(at(d, "a"), at(d, "b"), at(d, "t"), { reduction, margin: 0.25 });
  const triplets: Record<string, (d: Inputs) => nn.TripletMarginOptions> = {
    tripletMargin: () => ({}),
    "tripletMargin margin": () => ({ margin: 2 }),
    "tripletMargin 1": () => ({ ord: 1 }),
    "tripletMargin swap": () => ({ swap: true }),
    "tripletMargin weights": (d) => ({ weights: at(d, "w") }),
  };
  for (const [name, options] of Object.entries(triplets)) {
    table[name] = (d, reduction) =>
      nn.tripletMargin(at(d, "a"), at(d, "b"), at(d, "c"), { ...options(d), reduction });
  }
  table.contrastive = (d, reduction) =>
    nn.contrastive(at(d, "a"), at(d, "b"), at(d, "t"), { reduction, margin: 3 });
  table.infoNce = (d, reduction) => nn.infoNce(at(d, "a"), at(d, "b"), { reduction });
  table["infoNce symmetric"] = (d, reduction) =>
    nn.infoNce(at(d, "a"), at(d, "b"), { reduction, symmetric: true, temperature: 0.5 });
  table["infoNce negatives"] = (d, reduction) =>
    nn.infoNce(at(d, "a"), at(d, "b"), { reduction, temperature: 0.2, negatives: at(d, "n") });
  const ctc = (options: nn.CtcOptions) => (d: Inputs, reduction: nn.Reduction) =>
    nn.ctc(at(d, "x"), at(d, "labels"), {
      reduction,
      inputLengths: at(d, "inputs"),
      targetLengths: at(d, "targets"),
      ...options,
    });
  table.ctc = ctc({});
  table["ctc blank"] = ctc({ blank: 2 });
  table["ctc impossible"] = ctc({ zeroInfinity: true });
  table["ctc whole"] = (d, reduction) => nn.ctc(at(d, "x"), at(d, "labels"), { reduction });
  table["ctc long"] = (d, reduction) => nn.ctc(at(d, "x"), at(d, "labels"), { reduction });
  return table;
}

const whole = (values: Nested): boolean =>
  typeof values === "number" ? Number.isInteger(values) : values.every(whole);
/** What holds integers in Python does so here. */
const integral: ReadonlySet<string> = new Set(["labels", "inputs", "targets"]);

const table = losses();
test("every golden has its loss", () => {
  expect(Object.keys(table).sort()).toEqual(Object.keys(golden.cases).sort());
});

describe.each(devices)("on %s", (device) => {
  describe.each(Object.keys(golden.cases))("%s", (name) => {
    const { inputs, results } = golden.cases[name] as Case;
    const loss = table[name] as Loss;
    const tensors = (): Inputs =>
      Object.fromEntries(
        Object.entries(inputs).map(([key, values]) => {
          const dtype = integral.has(key) && whole(values) ? "i32" : "f32";
          return [key, tensor(values as number[], { device, dtype })];
        }),
      );
    test.each(Object.keys(results) as nn.Reduction[])("%s", async (reduction) => {
      const d = tensors();
      const result = results[reduction] as Result;
      close(await loss(d, reduction).data(), result.value, "value");
      // The sum of the values has the sum's gradients.
      const of = result.gradients ?? results.sum?.gradients ?? {};
      for (const [key, expected] of Object.entries(of)) {
        const slope = (x: Tensor) => grad((v: Tensor) => loss({ ...d, [key]: v }, reduction).sum())(x);
        // Compiled, as it is used.
        close(await jit(slope)(at(d, key)).data(), expected, `gradient by ${key}`);
        const second = result.second?.[key];
        if (!second) continue;
        const directions = tensor(
          expected.map((_, i) => Math.cos(i)),
          { device, shape: at(d, key).shape },
        );
        const curve = grad((x: Tensor) => slope(x).mul(directions).sum())(at(d, key));
        // Of what it sums more is cancelled.
        close(await curve.data(), second, `second derivative by ${key}`, 5e-6);
      }
    });
  });
});
