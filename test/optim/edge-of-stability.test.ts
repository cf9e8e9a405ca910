/** The edge of stability: below it steps on a quadratic come to rest, above it they grow, by running them. */
import { jit, type Tensor, tensor } from "nabla";
import {
  adam,
  adamW,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  constant,
  edgeOfStability,
  lion,
  type Optimizer,
  type State,
  sgd,
  withLearningRateTimes,
} from "nabla/optim";
import { describe, expect, it } from "vitest";
import { flattenTree } from "../../src/util/index.ts";

const params = () => ({ w: tensor([1]) });

interface Descent {
  readonly p: { readonly w: Tensor };
  readonly state: State;
}

/** Parameter and state after `steps` steps on h p^2 / 2, from p = 1 where nothing else is given. */
async function run(optimizer: Optimizer, h: number, steps: number, from?: Descent): Promise<Descent> {
  const step = jit(
    ({ p, state }: Descent): [Descent] => {
      const [updates, next] = optimizer.update({ w: p.w.mul(h) }, state, p);
      return [{ p: applyUpdates(p, updates), state: next }];
    },
    { donate: [0] },
  );
  const [end] = await step.repeat(steps, from ?? { p: params(), state: optimizer.init(params()) });
  return end;
}

/** For gradients of 1, after `steps` steps with such. */
async function edge(optimizer: Optimizer, steps = 0): Promise<number | null> {
  const state = steps === 0 ? optimizer.init(params()) : (await run(optimizer, 1, steps)).state;
  return (await edgeOfStability(optimizer, state, params())?.edge.item()) ?? null;
}

const distance = async (optimizer: Optimizer, h: number, steps: number): Promise<number> =>
  Math.abs(await (await run(optimizer, h, steps)).p.w.item());

const linear: Record<string, [Optimizer, number]> = {
  "descent: 2 / rate": [sgd(0.1), 20],
  "momentum: 2 (1 + m) / rate": [sgd(0.1, { momentum: 0.5 }), 30],
  "dampening: its inverse besides": [sgd(0.1, { momentum: 0.5, dampening: 0.5 }), 60],
  "Nesterov: 2 (1 + m) / ((1 + 2 m) rate)": [sgd(0.1, { momentum: 0.5, nesterov: true }), 15],
  "L2: less the decay": [sgd(0.1, { weightDecay: 2 }), 18],
  "L2 with momentum": [sgd(0.1, { momentum: 0.5, weightDecay: 2 }), 28],
  "a schedule": [sgd(constant(0.2)), 10],
};

describe("on a quadratic steps come to rest below the edge and grow above:", () => {
  for (const [name, [optimizer, wanted]] of Object.entries(linear)) {
    it(name, async () => {
      expect(await edge(optimizer)).toBeCloseTo(wanted, 4);
      expect(await distance(optimizer, 0.95 * wanted, 150)).toBeLessThan(0.1);
      expect(await distance(optimizer, 1.05 * wanted, 150)).toBeGreaterThan(10);
    });
  }
});

describe("Adam", () => {
  it("has 2 (1 + beta1) / ((1 - beta1) rate) once its means are full, and 1 / (sqrt(v) + epsilon) for D", async () => {
    const optimizer = adam(0.01, { beta2: 0.9, epsilon: 0.5 });
    expect(((await edge(optimizer, 300)) ?? 0) / 3800).toBeCloseTo(1, 4);
    const at = edgeOfStability(optimizer, optimizer.init(params()), { w: tensor([2]) });
    const [scale] = flattenTree(at?.scale).leaves as [Tensor];
    expect(await scale.item()).toBeCloseTo(1 / 2.5, 6);
  });

  it("with decoupled decay has a share of rate * decay / 2 less", async () => {
    expect(((await edge(adamW(0.01, { weightDecay: 20 }), 300)) ?? 0) / 3800).toBeCloseTo(0.9, 4);
  });

  it("grows above the edge where D is constant", async () => {
    const optimizer = scaled(adam(0.1, { epsilon: 1, beta2: 0.5 }), 1e-6);
    const later = async (h: number): Promise<number> => {
      const full = await run(optimizer, 0, 300); // the corrections of its first steps are over
      return Math.abs(await (await run(optimizer, h, 200, full)).p.w.item());
    };
    expect(await later(0.95 * 380)).toBeLessThan(0.1);
    expect(await later(1.05 * 380)).toBeGreaterThan(10);
  });
});

/** Gradients so small that v is nothing beside epsilon, and updates as large again. */
const scaled = (optimizer: Optimizer, by: number): Optimizer => ({
  init: optimizer.init,
  update(grads, state, p, at) {
    const times = (tree: typeof grads, factor: number): typeof grads =>
      Object.fromEntries(
        Object.entries(tree).map(([path, one]) => [path, (one as Tensor).mul(factor)]),
      ) as typeof grads;
    const [updates, next] = optimizer.update(times(grads, by), state, p, at);
    return [times(updates, 1 / by), next];
  },
});

it("follows what learning rates are times", async () => {
  const optimizer = sgd(0.1);
  const state = optimizer.init(params());
  const at = withLearningRateTimes(tensor(2), () => edgeOfStability(optimizer, state, params()));
  expect(await at?.edge.item()).toBeCloseTo(10, 5);
});

it("is not known of clipping, of signs, of L2 into Adam and of links without a rate", async () => {
  const unknown = [
    chain(clipByGlobalNorm(1), sgd(0.1)),
    lion(1e-3),
    chain(addDecayedWeights(0.1), adam(0.1)),
    addDecayedWeights(0.1),
  ];
  for (const optimizer of unknown) expect(await edge(optimizer)).toBeNull();
});
