/**
 * Gradient descent in the open: y = theta0 + theta1 x, with the gradient printed on the way.
 * Run it with `npx tsx examples/gradient-descent.ts`.
 */
import { type Tensor, tensor, valueAndGrad } from "nabla";

// Five points on the line y = 4 + 3 x.
const x = tensor([0, 1, 2, 3, 4]);
const y = tensor([4, 7, 10, 13, 16]);

interface Line {
  readonly theta0: Tensor;
  readonly theta1: Tensor;
}

/** Half the mean squared error: its gradient is (mean(e), mean(e x)) with e = theta0 + theta1 x - y. */
function loss({ theta0, theta1 }: Line): Tensor {
  const error = theta0.add(theta1.mul(x)).sub(y);
  return error.square().mean().mul(0.5);
}

const gradient = valueAndGrad(loss);
const rate = 0.15;
let line: Line = { theta0: tensor(0), theta1: tensor(0) };

console.log(" step    loss   theta0   theta1   gradient");
for (let step = 0; step <= 100; step++) {
  const [value, grads] = gradient(line);
  if (step < 5 || step % 20 === 0) {
    const tensors = [value, line.theta0, line.theta1, grads.theta0, grads.theta1];
    const [now, a, b, da, db] = await Promise.all(tensors.map(async (t) => (await t.item()).toFixed(4)));
    console.log(
      `${String(step).padStart(5)} ${now?.padStart(7)}  ${a?.padStart(7)}  ${b?.padStart(7)}   (${da}, ${db})`,
    );
  }
  line = {
    theta0: line.theta0.sub(grads.theta0.mul(rate)),
    theta1: line.theta1.sub(grads.theta1.mul(rate)),
  };
}
