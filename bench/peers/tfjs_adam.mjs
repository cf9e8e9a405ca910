/** TensorFlow.js' Adam with given gradients. */
import { job, serve } from "./serve.mjs";
import { tf, versions } from "./tfjs.mjs";
import { digest, timed, values } from "./values.mjs";

const { tensors, size, learningRate } = job();
const indices = Array.from({ length: tensors }, (_, i) => i);
const tree = (seed) => indices.map((i) => tf.tensor1d(values(size, 2 * i + seed, -1, 1)));

const grads = Object.fromEntries(tree(1).map((grad, i) => [`parameter${i}`, grad]));
const params = tree(0).map((value, i) => tf.variable(value, true, `parameter${i}`));

function fresh() {
  for (const [i, value] of tree(0).entries()) {
    params[i].assign(value);
    value.dispose();
  }
  return tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
}

let optimizer = fresh();
function run(units) {
  for (let unit = 0; unit < units; unit++) tf.tidy(() => optimizer.applyGradients(grads));
  params[0].slice(0, 1).dataSync();
}

await serve({
  versions,
  check: (steps) => {
    run(steps);
    const numbers = digest(params.at(-1).dataSync());
    optimizer = fresh();
    return numbers;
  },
  run: (units) => timed(() => run(units)),
});
