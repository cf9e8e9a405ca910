/** The gradients of loops, first and second, against those of the same steps one after the other. */
import { grad, random, scan, stack, type Tensor, tensor } from "nabla";
import { expectClose } from "nabla/testing";
import { expect, test } from "vitest";

type Step = (c: Tensor, x: Tensor, m: Tensor, n: Tensor, bias: Tensor) => readonly [Tensor, Tensor];
type Loop = (fn: (c: Tensor, x: Tensor) => readonly [Tensor, Tensor], init: Tensor, xs: Tensor) => Tensor[];

const asLoop: Loop = (fn, init, xs) => scan(fn, init, xs);
const backwards: Loop = (fn, init, xs) => scan(fn, init, xs, { reverse: true });
const asSteps: Loop = (fn, init, xs) => {
  let carry = init;
  const ys: Tensor[] = [];
  for (let i = 0; i < (xs.shape[0] as number); i++) {
    const [next, y] = fn(carry, xs.index(i));
    carry = next;
    ys.push(y);
  }
  return [carry, stack(ys)];
};

const numbers = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), [...shape]).mul(0.5);
const args = [
  numbers(1, [3, 4]),
  numbers(2, [5, 3, 4]),
  numbers(3, [4, 4]),
  numbers(4, [4, 4]),
  numbers(5, [4]),
];

const steps: Record<string, Step> = {
  "a product with what stays the same": (c, x, m) => {
    const next = x.add(c.matmul(m)).tanh();
    return [next, next];
  },
  "the same matrix twice, one product in the other": (c, x, m) => {
    const next = c.matmul(m).tanh().matmul(m).add(x).tanh();
    return [next, next.mul(x)];
  },
  "a bias and two matrices, one of which is summed as well": (c, x, m, n, bias) => {
    const next = x.mul(c.matmul(m).add(bias).tanh()).add(c.matmul(n).sin());
    return [next.add(n.sum(0)), c.exp()];
  },
  "a transposed matrix, and one multiplied from the left": (c, x, m, n, bias) => {
    const next = c.matmul(m.transpose()).add(x).tanh();
    return [next, n.matmul(next.transpose()).transpose().add(bias)];
  },
  "a matrix multiplied by what stays the same too": (c, x, m, n) => {
    const next = c.add(x.matmul(m.matmul(n))).tanh();
    return [next, m.slice([0, 3]).matmul(n)];
  },
  "a loop in the loop": (c, x, m) => {
    const [inner, all] = scan(
      (d: Tensor, row: Tensor) => {
        const next = d.matmul(m).add(row).tanh();
        return [next, next.sum()];
      },
      c,
      x,
    );
    return [inner.mul(0.5), inner.add(all.sum())];
  },
  "a softmax over rows, whose results are kept": (c, x, m) => {
    const next = c.matmul(m).add(x).softmax(-1);
    return [next, next.log()];
  },
  "a step that leaves the carry as it is": (c, x, m) => [c, x.matmul(m).exp()],
};

test.each(Object.keys(steps))("%s", async (name) => {
  const step = steps[name] as Step;
  const loss = (loop: Loop, [start, xs, ...weights]: readonly Tensor[]): Tensor => {
    const [m, n, bias] = weights as [Tensor, Tensor, Tensor];
    const [last, all] = loop((c, x) => step(c, x, m, n, bias), start as Tensor, xs as Tensor);
    return (last as Tensor)
      .square()
      .sum()
      .add((all as Tensor).sin().sum());
  };
  const every = { argnums: [0, 1, 2, 3, 4] };
  const gradients = (loop: Loop) => {
    const first = grad((...xs: Tensor[]) => loss(loop, xs), every);
    const second = grad(
      (...xs: Tensor[]) => first(...xs).reduce((sum, g) => sum.add(g.cos().sum()), tensor(0)),
      every,
    );
    return [...first(...args), ...second(...args)];
  };
  const expected = gradients(asSteps);
  for (const [i, g] of gradients(asLoop).entries()) {
    await expectClose(g, expected[i] as Tensor, { relative: 1e-4, absolute: 1e-5 });
  }
  // From the end is the same as along the reversed inputs.
  const [start, xs, ...rest] = args as [Tensor, Tensor, ...Tensor[]];
  const reversed = grad((...all: Tensor[]) => loss(backwards, all), every)(...args);
  const flipped = grad((...all: Tensor[]) => loss(asLoop, all), every)(start, xs.flip(0), ...rest);
  for (const [i, g] of reversed.entries()) {
    const other = flipped[i] as Tensor;
    await expectClose(g, i === 1 ? other.flip(0) : other, { relative: 1e-4, absolute: 1e-5 });
  }
  expect(await expected[2]?.abs().sum().item()).toBeGreaterThan(0);
});
