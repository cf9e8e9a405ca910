/** TensorFlow.js' side of training the GPT and the LSTM classifier; its WebAssembly backend cannot train convolutions. */
import { bytes, floats } from "./read.mjs";
import { job as readJob, serve } from "./serve.mjs";
import { tf, versions } from "./tfjs.mjs";

const job = readJob();
const { rows, batch, inputShape, labelShape, learningRate } = job;
const tokens = job.inputType === "tokens";
const x = tf.tensor(tokens ? Int32Array.from(bytes(job.inputs)) : floats(job.inputs), [rows, ...inputShape]);
const y = tf.tensor(Int32Array.from(bytes(job.labels)), [rows, ...labelShape], "int32");

function makeParameters() {
  const flat = floats(job.weights);
  let offset = 0;
  return job.shapes.map((shape) => {
    const size = tf.util.sizeFromShape(shape);
    offset += size;
    return tf.variable(tf.tensor(flat.slice(offset - size, offset), shape));
  });
}

/** The matrix product over the last axis of [batch, time, in]. */
const project = (x, weight, bias) => {
  const [width] = x.shape.slice(-1);
  const y = x.reshape([-1, width]).matMul(weight).add(bias);
  return y.reshape([...x.shape.slice(0, -1), y.shape[1]]);
};

function layerNorm(x, weight, bias) {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(weight).add(bias);
}

const gelu = (x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));

/** The tied embedding is read as a product, since gathering has no derivative on this backend. */
function gpt(parameters, input) {
  const at = parameters.values();
  const next = () => at.next().value;
  const affine = (x) => project(x, next(), next());
  const norm = (x) => layerNorm(x, next(), next());
  const [count, time] = input.shape;
  const [embedding, positions] = [next(), next()];
  const [vocabulary, width] = embedding.shape;
  const hidden = tf.linalg
    .bandPart(tf.ones([time, time]), -1, 0)
    .sub(1)
    .mul(1e9);
  const heads = (y) => y.reshape([count, time, 4, width / 4]).transpose([0, 2, 1, 3]);
  const oneHot = tf.oneHot(input.flatten(), vocabulary).toFloat();
  let h = oneHot.matMul(embedding).reshape([count, time, width]).add(positions);
  for (let block = 0; block < 4; block++) {
    const inner = norm(h);
    const [q, k, v] = [heads(affine(inner)), heads(affine(inner)), heads(affine(inner))];
    const scores = tf
      .matMul(q, k, false, true)
      .div(Math.sqrt(width / 4))
      .add(hidden);
    const attended = tf.softmax(scores).matMul(v).transpose([0, 2, 1, 3]).reshape([count, time, width]);
    h = h.add(affine(attended));
    h = h.add(affine(gelu(affine(norm(h)))));
  }
  return norm(h).reshape([-1, width]).matMul(embedding, false, true);
}

function lstm([inputWeight, hiddenWeight, inputBias, hiddenBias, weight, bias], input) {
  const [count, time] = input.shape;
  const steps = project(input, inputWeight, inputBias.add(hiddenBias)).unstack(1);
  let h = tf.zeros([count, 128]);
  let c = h;
  for (let step = 0; step < time; step++) {
    const [i, f, g, o] = tf.split(steps[step].add(h.matMul(hiddenWeight)), 4, 1);
    c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    h = o.sigmoid().mul(c.tanh());
  }
  return project(h, weight, bias);
}

const forward = { gpt, lstm }[job.network];

/** A step on the batch at `at`, giving the loss. AdamW's decay comes before the step, as PyTorch's does. */
function makeTraining() {
  const parameters = makeParameters();
  const optimizer = tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
  return (at) => {
    const start = (at % Math.floor(rows / batch)) * batch;
    const [input, target] = [tf.slice(x, start, batch), tf.slice(y, start, batch).flatten()];
    const { value, grads } = tf.variableGrads(() => {
      const logits = forward(parameters, input);
      return tf.losses.softmaxCrossEntropy(tf.oneHot(target, logits.shape[1]).toFloat(), logits);
    }, parameters);
    if (job.optimizer === "adamW") for (const p of parameters) p.assign(p.mul(1 - 0.01 * learningRate));
    optimizer.applyGradients(grads);
    return value;
  };
}

function check(steps) {
  const step = makeTraining();
  return Array.from({ length: steps }, (_, i) => tf.tidy(() => step(i).dataSync()[0]));
}

const step = makeTraining();
let taken = 0;

function run(units, limit) {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  for (let done = 1; done <= units; done++) {
    tf.tidy(() => step(taken++).dataSync());
    if (seconds() > limit) return { seconds: seconds(), units: done };
  }
  return seconds();
}

await serve({ versions, check, run });
