/** From nothing to the loss of the first training step: jax-js, the step not compiled, since it is taken once. */
import { defaultDevice, init, nn, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { job } from "./serve.mjs";

await init("wasm");
defaultDevice("wasm");

const { sizes, batch } = job();
const params = sizes.slice(1).map((fanOut, i) => {
  const bound = 1 / Math.sqrt(sizes[i]);
  const weight = random.uniform(random.key(i), [sizes[i], fanOut], { minval: -bound, maxval: bound });
  return [weight, np.zeros([fanOut])];
});
const labels = Int32Array.from({ length: batch }, (_, i) => i % sizes.at(-1));
const y = nn.oneHot(np.array(labels, { dtype: np.int32 }), sizes.at(-1));
const x = random.uniform(random.key(9), [batch, sizes[0]]);

const lossOf = (params, x, y) => {
  const logits = params.reduce((h, [weight, bias], i) => {
    const out = np.matmul(h, weight).add(bias);
    return i + 1 < params.length ? nn.relu(out) : out;
  }, x);
  return nn
    .logSoftmax(logits)
    .mul(y)
    .sum()
    .mul(-1 / batch);
};
const [loss, grads] = valueAndGrad(lossOf)(tree.ref(params), x, y);
// Adam's first step from zero averages, corrected for their bias: g / (|g| + epsilon).
const next = params.map((pair, i) =>
  pair.map((param, j) => {
    const grad = grads[i][j];
    return param.sub(grad.ref.div(np.abs(grad).add(1e-8)).mul(1e-3));
  }),
);
for (const pair of next) for (const param of pair) param.dataSync();
process.stdout.write(`${JSON.stringify({ loss: loss.dataSync()[0] })}\n`);
