/** From nothing to the loss of the first training step: nabla as installed, run by plain Node. */
import { jit, random, setThreads, valueAndGrad } from "../../dist/index.js";
import { apply, crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam, applyUpdates } from "../../dist/optim/index.js";
import { job } from "./serve.mjs";

const { sizes, batch, threads } = job();
setThreads(threads);
const layers = sizes.slice(1).map((outputs, i) => new Linear(sizes[i], outputs));
const model = new Sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [relu, layer]))).init(0);
const optimizer = adam(1e-3);

const step = jit(
  ({ params, memory }, x, y) => {
    const loss = (params) => apply(model, params, () => crossEntropy(model.forward(x), y));
    const [value, grads] = valueAndGrad(loss)(params);
    const [updates, next] = optimizer.update(grads, memory, params);
    return [{ params: applyUpdates(params, updates), memory: next }, value];
  },
  { donate: [0] },
);

const x = random.uniform(random.key(1), [batch, sizes[0]]);
const y = random.randint(random.key(2), [batch], 0, sizes.at(-1));
const params = model.parameters();
const [, loss] = step({ params, memory: optimizer.init(params) }, x, y);
process.stdout.write(`${JSON.stringify({ loss: await loss.item() })}\n`);
