/** Decaying means end at 0 where gradients stay 0, and not as denormal numbers, which are slow. */
import { jit, type Tensor, tensor } from "nabla";
import {
  adadelta,
  adam,
  lion,
  nadam,
  type Optimizer,
  prodigy,
  rmsprop,
  type State,
  scheduleFreeAdamW,
  sgd,
} from "nabla/optim";
import { expect, it } from "vitest";
import { visitLeaves } from "../../src/util/index.ts";

const optimizers: Record<string, Optimizer> = {
  adam: adam(1e-3),
  "sgd with momentum": sgd(1e-3, { momentum: 0.9 }),
  "centered rmsprop": rmsprop(1e-3, { alpha: 0.5, centered: true }),
  nadam: nadam(1e-3),
  lion: lion(1e-3, { beta2: 0.9 }),
};

it.each(Object.keys(optimizers))("%s", async (name) => {
  const optimizer = optimizers[name] as Optimizer;
  const params = { w: tensor([1, 1, 1]) };
  const step = jit((state: State, w: Tensor) => [optimizer.update({ w }, state, params)[1]], { donate: [0] });
  // The second gets no gradient after the first step, the third a very small one always.
  let [state] = step(optimizer.init(params), tensor([1, 1, 1e-25])) as [State];
  [state] = (await step.repeat(900, state, tensor([1, 0, 1e-25]))) as [State];
  const leaves: Tensor[] = [];
  visitLeaves(state, (leaf) => leaves.push(leaf as Tensor));
  const vectors = await Promise.all(leaves.filter(({ ndim }) => ndim === 1).map((leaf) => leaf.data()));
  // Means of squares are of another size: that of the gradient itself is the one that keeps 1e-25.
  const means = vectors.filter(([, , little]) => (little as number) > 1e-26);
  expect(means).toHaveLength(1);
  const [much, none] = means[0] as ArrayLike<number> as [number, number];
  expect(much).toBeGreaterThan(0.5);
  expect(none).toBe(0);
});

/** Those that keep means of squares, with a short memory: 0.5^900 is below all numbers. */
const squares: Record<string, Optimizer> = {
  adadelta: adadelta(1, { rho: 0.5 }),
  adam: adam(1e-3, { beta2: 0.5 }),
  nadam: nadam(1e-3, { beta2: 0.5 }),
  rmsprop: rmsprop(1e-3, { alpha: 0.5 }),
  prodigy: prodigy(1, { beta1: 0.5, beta2: 0.5 }),
  scheduleFreeAdamW: scheduleFreeAdamW(1e-3, { beta2: 0.5 }),
};

it.each(Object.keys(squares))("no state of %s is ever a denormal number", async (name) => {
  const optimizer = squares[name] as Optimizer;
  const params = { w: tensor([1, 1]) };
  const step = jit((state: State, w: Tensor) => [optimizer.update({ w }, state, params)[1]], { donate: [0] });
  // The second gets no gradient after the first step; 2^-126 is the least normal number.
  let [state] = step(optimizer.init(params), tensor([1, 1])) as [State];
  let zeros = 0;
  for (let i = 0; i < 40; i++) {
    [state] = (await step.repeat(5, state, tensor([1, 0]))) as [State];
    const leaves: Tensor[] = [];
    visitLeaves(state, (leaf) => leaves.push(leaf as Tensor));
    zeros = 0;
    for (const values of await Promise.all(
      leaves.filter(({ ndim }) => ndim === 1).map((leaf) => leaf.data()),
    )) {
      const none = Math.abs(values[1] as number);
      if (none === 0) zeros++;
      else expect(none).toBeGreaterThanOrEqual(2 ** -126);
    }
  }
  expect(zeros).toBeGreaterThan(0);
});
