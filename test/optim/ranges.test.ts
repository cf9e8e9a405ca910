/** The other optimizers' hyper-parameters: what they may be, that they can be set, what state they need. */
import { jit, type Tensor, tensor } from "nabla";
import {
  adadelta,
  adafactor,
  adagrad,
  adamax,
  adaptiveGradientClip,
  chain,
  clipByBlockRms,
  clipByNorm,
  dadaptAdamW,
  evaluationParams,
  hyperparameters,
  lamb,
  lars,
  lion,
  nadam,
  type Optimizer,
  prodigy,
  radam,
  rmsprop,
  rprop,
  scaleByAdam,
  scheduleFree,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  setHyperparameter,
  sgd,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { flattenTree } from "../../src/util/index.ts";

const device = "reference";
const params = () => ({ w: tensor([1, -2, 3], { device }) });
const grads = () => ({ w: tensor([0.5, 0.25, -1], { device }) });

/** With the bytes of state per parameter that their docs give. */
const optimizers: readonly (readonly [string, (rate: number) => Optimizer, number])[] = [
  ["adagrad", adagrad, 4],
  ["adadelta", adadelta, 8],
  ["adamax", adamax, 8],
  ["nadam", nadam, 8],
  ["radam", radam, 8],
  ["lion", lion, 4],
  ["lars", lars, 4],
  ["lamb", lamb, 8],
  ["adafactor", adafactor, 4],
  ["scheduleFreeSgd", scheduleFreeSgd, 4],
  ["scheduleFreeAdamW", scheduleFreeAdamW, 8],
  ["prodigy", prodigy, 16],
  ["dadaptAdamW", dadaptAdamW, 12],
];

describe.each(optimizers)("%s", (_name, make, bytes) => {
  test("takes another learning rate without a recompile, as if it had been made with it", async () => {
    const optimizer = make(0.25);
    const step = jit((state: ReturnType<Optimizer["init"]>, p: ReturnType<typeof params>) => {
      const [updates] = optimizer.update(grads(), state, p);
      return [updates];
    });
    const state = optimizer.init(params());
    const run = async (from: typeof state) => {
      const [updates] = step(from, params()) as [ReturnType<typeof params>];
      return [...(await updates.w.data())];
    };
    const before = await run(state);
    const changed = await run(setHyperparameter(state, "learningRate", 0.0625));
    expect(changed).not.toEqual(before);
    expect(changed).toEqual(await run(make(0.0625).init(params())));
    expect(step.compilations).toBe(1);
  });

  test("keeps the state that its docs tell", () => {
    const p = { w: tensor(new Float32Array(1000), { device }) };
    const leaves = flattenTree(make(1).init(p)).leaves as Tensor[];
    expect(leaves.filter((leaf) => leaf.size === 1000).length * 4).toBe(bytes);
  });

  test("throws for a negative learning rate", () => {
    expect(() => make(-1)).toThrow(/: learningRate must be at least 0; got -1\.$/);
  });
});

test("adafactor keeps rows and columns of a matrix", () => {
  const p = { w: tensor(new Float32Array(600), { shape: [20, 30], device }) };
  const sizes = (flattenTree(adafactor().init(p)).leaves as Tensor[]).map(({ size }) => size);
  expect(sizes.filter((size) => size > 1).sort()).toEqual([20, 30]);
});

test("rprop's first step size is no hyper-parameter, its factors and limits are", () => {
  const names = Object.keys(hyperparameters(rprop(0.1).init(params())));
  expect(names.sort()).toEqual(["etaMinus", "etaPlus", "stepMax", "stepMin"]);
});

test("adaptive clipping takes the norms of units over all axes but the last, of vectors over the whole", async () => {
  const p = { kernel: tensor(new Float32Array(8).fill(1), { shape: [2, 2, 2], device }) };
  // |p| is 2 for both units: 0.5 of that is 1. Gradients have the norms 0.5 and 4.
  const g = { kernel: tensor([0.25, 2, 0.25, 2, 0.25, 2, 0.25, 2], { device }).reshape([2, 2, 2]) };
  const link = adaptiveGradientClip(0.5);
  const [clipped] = link.update(g, link.init(p), p);
  expect([...(await clipped.kernel.data())]).toEqual([0.25, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25, 0.5]);
});

test("clipping zero gradients leaves zeros", async () => {
  const g = { w: tensor([0, 0, 0], { device }) };
  for (const link of [clipByNorm(1), clipByBlockRms(1), adaptiveGradientClip(1)]) {
    const [clipped] = link.update(g, link.init(g), g);
    expect([...(await clipped.w.data())]).toEqual([0, 0, 0]);
  }
});

test.each([
  ["prodigy", prodigy()],
  ["dadaptAdamW", dadaptAdamW()],
  ["lamb", lamb(0.1)],
  ["lars", lars(0.1)],
  ["adafactor", adafactor()],
  ["scheduleFreeAdamW", scheduleFreeAdamW(0)],
] as const)("%s stays where gradients are 0", async (_name, optimizer: Optimizer) => {
  const zero = { w: tensor([0, 0, 0], { device }) };
  const [updates] = optimizer.update(zero, optimizer.init(params()), params());
  expect([...(await updates.w.data())].map(Math.abs)).toEqual([0, 0, 0]);
});

test("evaluationParams are the mean of z; in a chain they are found", async () => {
  const optimizer = chain(clipByNorm(100), scheduleFreeSgd(0.5));
  let p = { w: tensor([1], { device }) };
  let state = optimizer.init(p);
  // Constant gradients: z is 0, -1, -2, and x their mean.
  for (let i = 0; i < 3; i++) {
    const [updates, next] = optimizer.update({ w: tensor([2], { device }) }, state, p);
    p = { w: p.w.add(updates.w) };
    state = next;
  }
  expect(await evaluationParams(state, p).w.item()).toBeCloseTo(-1, 6);
  expect(() => evaluationParams(sgd(1).init(p), p)).toThrow(
    "evaluationParams: the state must be that of a schedule-free optimizer; it has none.",
  );
});

test.each([
  [() => adagrad(1, { lrDecay: -1 }), "scaleByAdagrad: lrDecay must be at least 0; got -1."],
  [
    () => adagrad(1, { initialAccumulatorValue: -1 }),
    "scaleByAdagrad: initialAccumulatorValue must be at least 0; got -1.",
  ],
  [() => adagrad(1, { weightDecay: -1 }), "addDecayedWeights: weightDecay must be at least 0; got -1."],
  [() => adadelta(1, { rho: 1 }), "scaleByAdadelta: rho must be at least 0 and below 1; got 1."],
  [() => adamax(1, { epsilon: 0 }), "scaleByAdamax: epsilon must be above 0; got 0."],
  [() => nadam(1, { momentumDecay: -1 }), "scaleByNadam: momentumDecay must be at least 0; got -1."],
  [() => radam(1, { beta2: 1 }), "scaleByRadam: beta2 must be at least 0 and below 1; got 1."],
  [() => lion(1, { beta1: -1 }), "scaleByLion: beta1 must be at least 0 and below 1; got -1."],
  [() => rprop(-1), "rprop: learningRate must be at least 0; got -1."],
  [() => rprop(1, { etas: [1, 1.2] }), "rprop: etaMinus must be above 0 and below 1; got 1."],
  [() => rprop(1, { etas: [0.5, 1] }), "rprop: etaPlus must be above 1; got 1."],
  [() => rprop(1, { stepSizes: [2, 1] }), "rprop: stepMin must be at most stepMax; got 2 and 1."],
  [
    () => lars(1, { trustCoefficient: -1 }),
    "scaleByTrustRatio: trustCoefficient must be at least 0; got -1.",
  ],
  [() => lamb(1, { beta1: 1 }), "scaleByAdam: beta1 must be at least 0 and below 1; got 1."],
  [() => adafactor(1, { beta2Decay: 0 }), "scaleByFactoredRms: beta2Decay must be below 0; got 0."],
  [() => adafactor(1, { clippingThreshold: 0 }), "clipByBlockRms: threshold must be above 0; got 0."],
  [() => clipByNorm(0), "clipByNorm: maxNorm must be above 0; got 0."],
  [() => adaptiveGradientClip(0), "adaptiveGradientClip: clipping must be above 0; got 0."],
  [
    () => scheduleFree(scaleByAdam(), 1, { beta1: 0 }),
    "scheduleFree: beta1 must be above 0 and below 1; got 0.",
  ],
  [() => prodigy(1, { estimLr0: 0 }), "prodigy: estimLr0 must be above 0; got 0."],
  [() => dadaptAdamW(1, { epsilon: 0 }), "dadaptAdamW: epsilon must be above 0; got 0."],
  [
    () => rmsprop(1, { centered: true, biasCorrection: true }),
    "scaleByRms: biasCorrection must be off where centered is on; got both.",
  ],
  [() => nadam(1).init({}), "scaleByNadam: there must be a parameter to train; got an empty tree."],
])("what cannot be throws (%#)", (make, message) => {
  expect(make).toThrow(message);
});
