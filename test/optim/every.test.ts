/** Every optimizer: it converges, keeps dtypes and shapes, and its state survives a checkpoint bit by bit. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jit, random, type Tensor, tensor, valueAndGrad } from "nabla";
import { loadCheckpoint, restoreTree, saveCheckpoint } from "nabla/io";
import {
  accumulate,
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  applyUpdates,
  averagedParameters,
  chain,
  clipByGlobalNorm,
  dadaptAdamW,
  ema,
  evaluationParams,
  gradientNoise,
  lamb,
  lars,
  lion,
  lookahead,
  muon,
  nadam,
  type Optimizer,
  partition,
  polyakSgd,
  polynomial,
  prodigy,
  radam,
  rmsprop,
  rprop,
  type State,
  type StepContext,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  shampoo,
  sharpnessAware,
  soap,
  sophia,
  swa,
  switchAt,
} from "nabla/optim";
import { afterAll, describe, expect, test } from "vitest";
import { flattenTree } from "../../src/util/index.ts";

type Leaves = Record<string, Tensor>;
const steps = 600;
/** Falls to 0 at the end: signs and noise then settle. */
const falling = (rate: number) => polynomial({ from: rate, to: 0, steps });

/** Each with rates for the parabola, the valley and the network. */
const every: Record<string, readonly [make: (rate: number) => Optimizer, rates: readonly number[]]> = {
  sgd: [(rate) => sgd(rate), [0.3, 5e-3, 0.3]],
  momentum: [(rate) => sgd(rate, { momentum: 0.9 }), [0.05, 1e-3, 0.1]],
  nesterov: [(rate) => sgd(rate, { momentum: 0.9, nesterov: true }), [0.05, 1e-3, 0.1]],
  rmsprop: [(rate) => rmsprop(falling(rate)), [0.1, 0.02, 0.02]],
  "rmsprop centered": [(rate) => rmsprop(falling(rate), { centered: true }), [0.05, 0.01, 0.01]],
  adagrad: [(rate) => adagrad(rate), [0.5, 0.3, 0.3]],
  adadelta: [(rate) => adadelta(rate), [30, 10, 10]],
  adam: [(rate) => adam(falling(rate)), [0.1, 0.05, 0.03]],
  amsgrad: [(rate) => adam(falling(rate), { amsgrad: true }), [0.1, 0.05, 0.03]],
  adamW: [(rate) => adamW(falling(rate), { weightDecay: 1e-4 }), [0.1, 0.05, 0.03]],
  adamax: [(rate) => adamax(falling(rate)), [0.1, 0.05, 0.03]],
  nadam: [(rate) => nadam(rate), [0.05, 0.02, 0.03]],
  radam: [(rate) => radam(falling(rate)), [0.2, 0.1, 0.05]],
  lion: [(rate) => lion(falling(rate), { weightDecay: 0 }), [0.02, 0.01, 0.01]],
  lamb: [(rate) => lamb(falling(rate)), [0.1, 0.05, 0.05]],
  lars: [(rate) => lars(falling(rate), { momentum: 0.9 }), [20, 5, 50]],
  adafactor: [(rate) => adafactor(falling(rate)), [0.2, 0.1, 0.1]],
  muon: [(rate) => muon(falling(rate), { weightDecay: 0, others: adam(falling(rate)) }), [0.1, 0.05, 0.03]],
  prodigy: [(rate) => prodigy(falling(rate)), [1, 1, 1]],
  dadaptAdamW: [(rate) => dadaptAdamW(falling(rate), { weightDecay: 0 }), [1, 1, 1]],
  rprop: [(rate) => rprop(rate), [0.05, 0.01, 0.01]],
  soap: [(rate) => soap(falling(rate), { weightDecay: 0 }), [0.1, 0.05, 0.03]],
  shampoo: [(rate) => shampoo(falling(rate)), [0.02, 0.01, 0.005]],
  sophia: [(rate) => sophia(falling(rate), { gamma: 0.1, every: 5 }), [0.05, 0.02, 0.02]],
  polyakSgd: [(rate) => polyakSgd(1, { maxLearningRate: rate }), [1, 0.05, 0.5]],
  sharpnessAware: [(rate) => sharpnessAware(adam(falling(rate)), { rho: 0.01 }), [0.1, 0.05, 0.03]],
  scheduleFreeSgd: [(rate) => scheduleFreeSgd(rate), [0.5, 0.02, 0.3]],
  scheduleFreeAdamW: [(rate) => scheduleFreeAdamW(rate), [0.1, 0.05, 0.03]],
  lookahead: [(rate) => lookahead(adam(falling(rate))), [0.1, 0.05, 0.03]],
  accumulate: [(rate) => accumulate(adam(rate), { every: 2 }), [0.05, 0.05, 0.03]],
  ema: [(rate) => ema(adam(falling(rate)), { decay: 0.9 }), [0.1, 0.05, 0.03]],
  swa: [(rate) => swa(adam(rate), { start: 500 }), [0.02, 0.03, 0.02]],
  switchAt: [(rate) => switchAt(300, adam(rate), sgd(rate / 50)), [0.1, 0.04, 0.03]],
  partition: [(rate) => partition(["b", sgd(rate / 10)], ["**", adam(falling(rate))]), [0.1, 0.03, 0.03]],
  "noise, clipped": [
    (rate) => chain(clipByGlobalNorm(5), gradientNoise({ eta: 1e-4, gamma: 2 }), adam(falling(rate))),
    [0.1, 0.05, 0.03],
  ],
};
const names = Object.keys(every);
const make = (name: string, problem: number): Optimizer => {
  const [of, rates] = every[name] as (typeof every)[string];
  return of(rates[problem] as number);
};

const parabola = ({ b, w }: Leaves) =>
  (b as Tensor)
    .sub(3)
    .square()
    .sum()
    .add((w as Tensor).add(1).square().sum().mul(0.5));
/** Rosenbrock's, with a milder valley: first-order methods need thousands of steps in his. */
const valley = ({ b, w }: Leaves) => {
  const [x, y] = [(b as Tensor).slice([0, 1]), (b as Tensor).slice([1, 2])];
  return y
    .sub(x.square())
    .square()
    .mul(10)
    .add(x.neg().add(1).square())
    .sum()
    .add((w as Tensor).sub(1).square().sum());
};
const inputs = tensor(Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * 7.3))).reshape([32, 2]);
const targets = inputs.slice([0], [0, 1]).mul(inputs.slice([0], [1, 2]));
const network = (p: Leaves) => {
  const hidden = inputs
    .matmul(p.w as Tensor)
    .add(p.b as Tensor)
    .tanh();
  return hidden
    .matmul(p.v as Tensor)
    .sub(targets)
    .square()
    .mean();
};
const wave = (shape: number[], scale: number) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, (_, i) => scale * Math.sin(i * 2.7 + 1))).reshape(shape);
};
const problems: readonly (readonly [string, (p: Leaves) => Tensor, () => Leaves, number])[] = [
  ["a parabola", parabola, () => ({ b: tensor([0.5, -1]), w: wave([3, 2], 0.5) }), 0.02],
  ["a curved valley", valley, () => ({ b: tensor([-0.5, 0.5]), w: wave([3, 2], 0.5) }), 0.1],
  ["a network", network, () => ({ b: wave([8], 0.3), w: wave([2, 8], 1), v: wave([8, 1], 0.7) }), 0.2],
];

/** Its key follows from the state, where that counts steps: a run that goes on draws the same numbers. */
const contextOf = (loss: (p: Leaves) => Tensor, value: Tensor, state: State): StepContext => {
  const { leaves, paths } = flattenTree(state);
  const taken = leaves[paths.findIndex((path) => path.endsWith("taken"))] as Tensor | undefined;
  return { loss: value, lossAt: (p) => loss(p as Leaves), key: random.foldIn(random.key(1), taken ?? 0) };
};

/** The parameters an optimizer means to be used in the end. */
function used(name: string, params: Leaves, state: State): Leaves {
  if (name.startsWith("scheduleFree")) return evaluationParams(state, params);
  return name === "ema" || name === "swa" ? (averagedParameters(state) as Leaves) : params;
}

describe.each(problems.map((problem, index) => [problem[0], index] as const))("on %s", (_, index) => {
  const [, loss, start, part] = problems[index] as (typeof problems)[number];
  test.each(names)("%s converges", async (name) => {
    const optimizer = make(name, index);
    const step = jit(
      ({ params, state }: { params: Leaves; state: State }) => {
        const [value, grads] = valueAndGrad(loss)(params);
        const [updates, next] = optimizer.update(grads, state, params, contextOf(loss, value, state));
        return [{ params: applyUpdates(params, updates), state: next }];
      },
      { donate: [0] },
    );
    const params = start();
    const before = await loss(params).item();
    const [end] = await step.repeat(steps, { params, state: optimizer.init(params) });
    const { params: last, state } = end as { params: Leaves; state: State };
    expect(await loss(used(name, last, state)).item()).toBeLessThan(part * before);
  });
});

describe("a checkpoint in the middle", () => {
  const folder = mkdtempSync(join(tmpdir(), "nabla-optim-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  test.each(names)("%s goes on to the same bits", async (name) => {
    const optimizer = make(name, 2);
    const update = jit(({ params, state }: { params: Leaves; state: State }) => {
      const [value, grads] = valueAndGrad(network)(params);
      const [updates, next] = optimizer.update(grads, state, params, contextOf(network, value, state));
      return { params: applyUpdates(params, updates), state: next };
    });
    const params = (problems[2] as (typeof problems)[number])[2]();
    let now = { params, state: optimizer.init(params) };
    for (let i = 0; i < 7; i++) now = update(now);
    const dir = join(folder, name.replace(/\W/g, "-"));
    await saveCheckpoint(dir, now, {});
    const { tensors } = await loadCheckpoint(dir, {});
    let restored = restoreTree({ params, state: optimizer.init(params) }, tensors, dir);
    for (let i = 0; i < 6; i++) [now, restored] = [update(now), update(restored)];
    const [a, b] = [flattenTree(now), flattenTree(restored)];
    expect(b.structure).toBe(a.structure);
    for (const [i, leaf] of (a.leaves as Tensor[]).entries()) {
      const other = b.leaves[i] as Tensor;
      expect(other.dtype).toBe(leaf.dtype);
      expect(await other.data(), a.paths[i]).toEqual(await leaf.data());
    }
    expect(update.compilations).toBe(1);
  });
});
