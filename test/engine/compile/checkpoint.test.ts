/** checkpoint: the backward pass recomputes instead of keeping, and gives the same bits. */
import { checkpoint, grad, jit, random, setDefaultDevice, type Tensor } from "nabla";
import { expect, test } from "vitest";

const block = (x: Tensor, w: Tensor): Tensor => {
  let y = x;
  for (let i = 0; i < 4; i++) y = y.matmul(w).tanh();
  return y;
};

function gradient(wrapped: boolean) {
  const layer = wrapped ? checkpoint(block) : block;
  const loss = (weights: Tensor[], x: Tensor) => weights.reduce((h, w) => layer(h, w), x).sum();
  return jit((weights: Tensor[], x: Tensor) => grad(loss)(weights, x));
}

test("eight checkpointed blocks of four layers need less than half the scratch memory, and more steps", async () => {
  setDefaultDevice("reference");
  const weights = Array.from({ length: 8 }, (_, i) => random.normal(random.key(i), [16, 16]).mul(0.2));
  const x = random.normal(random.key(99), [32, 16]);
  const [keeping, recomputing] = [gradient(false), gradient(true)];
  const plans = [keeping.planFor(weights, x), recomputing.planFor(weights, x)] as const;
  expect(plans[1].arenaBytes).toBeLessThan(plans[0].arenaBytes / 2);
  expect(plans[1].steps.length).toBeGreaterThan(plans[0].steps.length);
  const [kept, again] = [keeping(weights, x), recomputing(weights, x)];
  for (let i = 0; i < weights.length; i++) {
    expect(await (again[i] as Tensor).data()).toEqual(await (kept[i] as Tensor).data());
  }
});
