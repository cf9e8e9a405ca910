/** Patterns of parameters: every mask takes them, and one that matches nothing is an error that names the nearest. */
import { tensor } from "nabla";
import {
  adafactor,
  adagrad,
  adamW,
  addDecayedWeights,
  clampParameters,
  dadaptAdamW,
  elasticNet,
  l1Penalty,
  l2Penalty,
  lamb,
  lars,
  lion,
  maxNorm,
  muon,
  nonNegative,
  type Optimizer,
  partition,
  prodigy,
  proximal,
  relativeStep,
  scaleByTrustRatio,
  scheduleFreeSgd,
  sgd,
  unitNorm,
  type Which,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/util/index.ts";

const params = () => ({
  layers: [
    { weight: tensor([3, 4, 3, 4], { shape: [2, 2] }), bias: tensor([5, -6]) },
    { weight: tensor([3, 4, 3, 4], { shape: [2, 2] }), bias: tensor([5, -6]) },
  ],
});

const masked: Record<string, (mask: Which) => Optimizer> = {
  adafactor: (mask) => adafactor(0.1, { weightDecay: 0.5, mask }),
  adagrad: (mask) => adagrad(0.1, { weightDecay: 0.5, initialAccumulatorValue: 1, mask }),
  adamW: (mask) => adamW(0.1, { mask, weightDecay: 0.5 }),
  addDecayedWeights: (mask) => addDecayedWeights(0.1, { mask }),
  clampParameters: (mask) => clampParameters(0, 1, { mask }),
  dadaptAdamW: (mask) => dadaptAdamW(1, { weightDecay: 0.5, mask }),
  "lamb mask": (mask) => lamb(0.1, { weightDecay: 0.5, mask }),
  "lamb trustMask": (trustMask) => lamb(0.1, { trustMask }),
  "lars mask": (mask) => lars(0.1, { weightDecay: 0.5, mask }),
  "lars trustMask": (trustMask) => lars(0.1, { trustMask }),
  lion: (mask) => lion(0.1, { weightDecay: 0.5, mask }),
  maxNorm: (mask) => maxNorm(1, { mask }),
  nonNegative: (mask) => nonNegative({ mask }),
  partition: (mask) => partition([mask, sgd(0.1)], ["**", sgd(0.2)]),
  prodigy: (mask) => prodigy(1, { weightDecay: 0.5, mask }),
  proximal: (mask) => proximal({ l1: 1, learningRate: 0.1, mask }),
  relativeStep: (mask) => relativeStep(0.1, { weightDecay: 0.5, mask }),
  scaleByTrustRatio: (mask) => scaleByTrustRatio({ mask }),
  scheduleFreeSgd: (mask) => scheduleFreeSgd(1, { weightDecay: 0.5, mask }),
  unitNorm: (mask) => unitNorm({ mask }),
};

async function updatesOf(optimizer: Optimizer): Promise<number[]> {
  const p = params();
  const squared = ({ bias, weight }: (typeof p.layers)[number]) => ({
    bias: bias.square().neg(),
    weight: weight.square().neg(),
  });
  const [updates] = optimizer.update({ layers: p.layers.map(squared) }, optimizer.init(p), p);
  const leaves = updates.layers.flatMap(({ bias, weight }) => [bias, weight]);
  return (await Promise.all(leaves.map((leaf) => leaf.data()))).flatMap((values) => [...values]);
}

describe.each(Object.keys(masked))("%s", (name) => {
  const make = masked[name] as (mask: Which) => Optimizer;

  test("takes patterns as it takes functions", async () => {
    const byFunction = await updatesOf(make((path) => path.endsWith("bias")));
    expect(await updatesOf(make("**/bias"))).toEqual(byFunction);
    expect(await updatesOf(make("!layers/*/weight"))).toEqual(byFunction);
    expect(await updatesOf(make(["layers/0/bias", "layers/1/bias"]))).toEqual(byFunction);
    expect(await updatesOf(make(["layers", "!**/weight"]))).toEqual(byFunction);
    expect(await updatesOf(make("**/weight"))).not.toEqual(byFunction);
  });

  test("a pattern that matches nothing is an error", () => {
    for (const pattern of ["**/bais", "!**/bais"]) {
      const start = () => make(["layers/0", pattern]).init(params());
      expect(start).toThrow(ConfigError);
      expect(start).toThrow(
        /: "\*\*\/bais" must match a parameter; there are "layers\/0\/bias", .*"layers\/1\/weight"\. Did you mean "\*\*\/bias"\?$/,
      );
    }
    expect(() => make("layer/0").init(params())).toThrow(/Did you mean "layers\/0"\?$/);
    expect(() => make("encoder/**").init(params())).toThrow(/"layers\/1\/weight"\.$/);
    expect(() => make(/bias/ as never)).toThrow(
      /a mask must be a function, a pattern or patterns; got \/bias\//,
    );
  });
});

test("penalties take patterns, and throw for one that matches nothing", async () => {
  expect(await l1Penalty(params(), 1, { mask: "**/bias" }).item()).toBe(22);
  expect(await l2Penalty(params(), 1, { mask: "layers/0/weight" }).item()).toBe(25);
  expect(() => elasticNet(params(), { l1: 1, l2: 1, mask: "bias" })).toThrow(
    /^l1Penalty: "bias" must match a parameter; there are .* Did you mean/,
  );
});

test("muon's matrices by pattern", async () => {
  const p = params();
  const optimizer = muon(0.1, { mask: "**/weight", others: sgd(0.5), weightDecay: 0 });
  const [updates] = optimizer.update(p, optimizer.init(p), p);
  expect([...((await updates.layers[0]?.bias.data()) ?? [])]).toEqual([-2.5, 3]);
  expect(() => muon(0.1, { mask: "**/wieght" }).init(p)).toThrow(/Did you mean "\*\*\/weight"\?$/);
});
