/** The jax-js contestant: one jitted step on its WebAssembly backend, which finds no Web Workers in Node and so runs on one thread. */
import { readFileSync } from "node:fs";
import { init, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { bytes, floats, pixels } from "./read.mjs";
import { job as readJob, serve } from "./serve.mjs";

await init("wasm");
const { version } = JSON.parse(
  readFileSync(new URL("../node_modules/@jax-js/jax/package.json", import.meta.url), "utf8"),
);

const job = readJob();
const { sizes, rows, batch, learningRate } = job;
const classify = job.loss === "crossEntropy";
const [features] = sizes;
const classes = sizes.at(-1);
const inputs = classify ? pixels(job.inputs) : floats(job.inputs);
/** Of cross-entropy one-hot. */
const labels = classify ? new Float32Array(rows * classes) : floats(job.labels);
if (classify) for (const [row, label] of bytes(job.labels).entries()) labels[row * classes + label] = 1;

function fresh() {
  const flat = floats(job.weights);
  const params = [];
  let offset = 0;
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [fanIn, fanOut] = [sizes[i], sizes[i + 1]];
    const weight = np.array(flat.slice(offset, offset + fanIn * fanOut)).reshape([fanIn, fanOut]);
    offset += fanIn * fanOut;
    params.push([weight, np.array(flat.slice(offset, offset + fanOut))]);
    offset += fanOut;
  }
  const zeros = () => tree.map((p) => np.zeros(p.shape), params);
  return { params, mean: zeros(), square: zeros(), steps: 0 };
}

/** Functions own their arguments: `.ref` keeps an array for another use. */
function lossOf(params, x, y) {
  const logits = params.reduce((h, [weight, bias], i) => {
    const out = np.matmul(h, weight).add(bias);
    return i + 1 < params.length ? nn.relu(out) : out;
  }, x);
  if (job.loss === "mse") return np.mean(np.square(logits.sub(y)));
  if (job.loss === "bce") return np.mean(nn.softplus(logits.ref).sub(logits.mul(y)));
  return np.mean(np.sum(nn.logSoftmax(logits).mul(y), 1)).neg();
}

/** Adam with the bias corrections 1 - beta^t handed in. */
const adamStep = jit((params, mean, square, correction1, correction2, x, y) => {
  const [loss, grads] = valueAndGrad(lossOf)(tree.ref(params), x, y);
  const means = tree.map((m, g) => m.mul(0.9).add(g.mul(0.1)), mean, tree.ref(grads));
  const squares = tree.map((v, g) => v.mul(0.999).add(g.ref.mul(g).mul(0.001)), square, grads);
  const next = tree.map(
    (p, m, v) => {
      const scale = np.sqrt(v.div(correction2.ref)).add(1e-8);
      return p.sub(m.div(correction1.ref).mul(learningRate).div(scale));
    },
    params,
    tree.ref(means),
    tree.ref(squares),
  );
  correction1.dispose();
  correction2.dispose();
  return { loss, params: next, mean: means, square: squares };
});

const sgdStep = jit((params, x, y) => {
  const [loss, grads] = valueAndGrad(lossOf)(tree.ref(params), x, y);
  return { loss, params: tree.map((p, g) => p.sub(g.mul(learningRate)), params, grads) };
});

/** Changes the state in place and gives the loss. */
function advance(state, x, y) {
  if (job.optimizer === "sgd") {
    const { loss, params } = sgdStep(state.params, x, y);
    state.params = params;
    return loss;
  }
  state.steps++;
  const corrections = [0.9, 0.999].map((beta) => np.array(1 - beta ** state.steps));
  const { loss, ...next } = adamStep(state.params, state.mean, state.square, ...corrections, x, y);
  Object.assign(state, next);
  return loss;
}

const matrix = (values, columns) => np.array(values).reshape([values.length / columns, columns]);
/** Gathering in JavaScript is faster here than the library's take. */
function gather(values, columns, order, from) {
  const picked = new Float32Array(batch * columns);
  for (let i = 0; i < batch; i++) {
    const row = order[from + i];
    picked.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  }
  return matrix(picked, columns);
}

function shuffled() {
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  for (let i = rows - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

const outputs = classes;
const inOrder = Uint32Array.from({ length: rows }, (_, i) => i);
const batchAt = (order, i) => [
  gather(inputs, features, order, i * batch),
  gather(labels, outputs, order, i * batch),
];

async function check(steps) {
  const state = fresh();
  const losses = [];
  for (let i = 0; i < steps; i++) {
    const loss = advance(state, ...batchAt(inOrder, batch === rows ? 0 : i));
    losses.push((await loss.data())[0]);
  }
  return losses;
}

const state = fresh();
const [allInputs, allLabels] = batch === rows ? [matrix(inputs, features), matrix(labels, outputs)] : [];

/** The loss is read after each step: left unread, the work piles up and every step gets slower. */
function run(units, limit) {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const batches = Math.floor(rows / batch);
  for (let unit = 0; unit < units; unit++) {
    if (batch === rows) {
      advance(state, allInputs.ref, allLabels.ref).dataSync();
      continue;
    }
    const order = shuffled();
    for (let i = 0; i < batches; i++) {
      advance(state, ...batchAt(order, i)).dataSync();
      if (seconds() > limit) return { seconds: seconds(), units: unit + (i + 1) / batches };
    }
  }
  return seconds();
}

await serve({ versions: { "@jax-js/jax": version }, check, run });
