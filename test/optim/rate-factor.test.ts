/** withLearningRateTimes: what a link's learning rate times a factor does is what the larger learning rate does. */
import { jit, type Tensor, tensor } from "nabla";
import {
  adafactor,
  adam,
  adamW,
  chain,
  constant,
  dadaptAdamW,
  hyperparameters,
  lamb,
  lars,
  lion,
  type Optimizer,
  partition,
  prodigy,
  rmsprop,
  type Schedule,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  withLearningRateTimes,
} from "nabla/optim";
import { describe, expect, it } from "vitest";

type Params = { w: Tensor; b: Tensor };
const params = (): Params => ({
  w: tensor([
    [0.5, -0.25],
    [1, 0.125],
  ]),
  b: tensor([0.1, -0.2]),
});
const grads = (step: number): Params => ({
  w: tensor([
    [0.3, -0.1 * step],
    [0.2, 0.4],
  ]),
  b: tensor([step * 0.05, 0.2]),
});

async function run(optimizer: Optimizer, factors: readonly number[]): Promise<number[]> {
  let [at, state] = [params(), optimizer.init(params())];
  for (const [step, factor] of factors.entries()) {
    const update = () => optimizer.update(grads(step + 1), state, at);
    const [updates, next] = factor === 1 ? update() : withLearningRateTimes(tensor(factor), update);
    at = { w: at.w.add(updates.w), b: at.b.add(updates.b) };
    state = next;
  }
  return [...(await at.w.data()), ...(await at.b.data())];
}

const make: Record<string, (rate: number | Schedule) => Optimizer> = {
  sgd,
  momentum: (rate) => sgd(rate, { momentum: 0.9, weightDecay: 0.1 }),
  adam,
  adamW: (rate) => adamW(rate, { weightDecay: 0.1 }),
  rmsprop,
  lars,
  lamb,
  lion: (rate) => lion(rate, { weightDecay: 0.1 }),
  adafactor,
  prodigy,
  dadaptAdamW,
  scheduleFreeSgd: (rate) => scheduleFreeSgd(rate),
  scheduleFreeAdamW: (rate) => scheduleFreeAdamW(rate, { weightDecay: 0.1 }),
  partition: (rate) => partition(["b", sgd(rate)], ["**", adam(rate)]),
};

describe("withLearningRateTimes", () => {
  it.each(Object.entries(make))("%s: a factor of 3 is a rate of 3 times as much", async (_, of) => {
    const wanted = await run(of(0.03), [1, 1, 1]);
    for (const rate of [0.01, constant(0.01)]) {
      const got = await run(of(rate), [3, 3, 3]);
      for (const [i, value] of got.entries()) expect(value).toBeCloseTo(wanted[i] as number, 6);
    }
    const plain = await run(of(0.01), [1, 1, 1]);
    expect(plain).not.toEqual(wanted);
  });

  it("changes between steps without a recompile, and leaves what hyperparameters shows", async () => {
    const optimizer = chain(adam(0.01));
    const step = jit((state: ReturnType<typeof optimizer.init>, factor: Tensor, g: Params, p: Params) =>
      withLearningRateTimes(factor, () => optimizer.update(g, state, p)),
    );
    let state = optimizer.init(params());
    const sizes: number[] = [];
    for (const factor of [1, 2, 4]) {
      const [updates, next] = step(state, tensor(factor), grads(1), params());
      sizes.push((await updates.b.data())[1] as number);
      state = next;
    }
    expect(step.compilations).toBe(1);
    // Of a gradient that stays, Adam's direction stays.
    expect((sizes[1] as number) / (sizes[0] as number)).toBeCloseTo(2, 4);
    expect((sizes[2] as number) / (sizes[0] as number)).toBeCloseTo(4, 4);
    expect(await hyperparameters(state).learningRate?.item()).toBeCloseTo(0.01, 8);
  });

  it("holds no longer than the update, even one that throws", async () => {
    const broken = () => {
      throw new Error("mine");
    };
    expect(() => withLearningRateTimes(tensor(5), broken)).toThrow("mine");
    expect(await run(sgd(0.1), [1])).toEqual(await run(sgd(0.1), [1]));
    const [updates] = sgd(0.1).update(grads(1), sgd(0.1).init(params()), params());
    expect((await updates.b.data())[1]).toBeCloseTo(-0.02, 7);
  });
});
