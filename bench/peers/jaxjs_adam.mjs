/** jax-js' compiled Adam with given gradients; written out, as its optax updates one tensor after the other. */
import { blockUntilReady, defaultDevice, init, jit, numpy as np, tree as trees } from "@jax-js/jax";
import { job, serve } from "./serve.mjs";
import { digest, timed, values } from "./values.mjs";

await init("wasm");
defaultDevice("wasm");

const { tensors, size, learningRate } = job();
const indices = Array.from({ length: tensors }, (_, i) => i);
const array = (seed) => indices.map((i) => np.array(values(size, 2 * i + seed, -1, 1)));
const zeros = () => indices.map(() => np.zeros([size]));

const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
const step = jit((params, mu, nu, grads, scales) => {
  const scale1 = scales.ref.slice(0);
  const scale2 = scales.slice(1);
  const next = params.map((param, i) => {
    const grad = grads[i];
    const m = mu[i].mul(beta1).add(grad.ref.mul(1 - beta1));
    const v = nu[i].mul(beta2).add(grad.ref.mul(grad).mul(1 - beta2));
    const update = m.ref.mul(scale1.ref).div(np.sqrt(v.ref.mul(scale2.ref)).add(epsilon));
    return [param.sub(update.mul(learningRate)), m, v];
  });
  scale1.dispose();
  scale2.dispose();
  return [0, 1, 2].map((part) => next.map((leaf) => leaf[part]));
});

const grads = array(1);
const fresh = () => ({ state: [array(0), zeros(), zeros()], steps: 0 });
let now = fresh();

async function run(units) {
  for (let unit = 0; unit < units; unit++) {
    now.steps++;
    // The corrections of the averages' bias, computed outside as a learning rate would be.
    const scales = np.array([1 / (1 - beta1 ** now.steps), 1 / (1 - beta2 ** now.steps)]);
    now.state = step(...now.state, trees.ref(grads), scales);
  }
  await blockUntilReady(now.state);
}

await serve({
  versions: { "@jax-js/jax": "0.1.25" },
  check: async (steps) => {
    await run(steps);
    const numbers = digest(now.state[0].at(-1).ref.dataSync());
    trees.dispose(now.state);
    now = fresh();
    return numbers;
  },
  run: (units) => timed(() => run(units)),
});
