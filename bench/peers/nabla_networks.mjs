/** The networks of ../networks.ts in nabla, with the common initial weights, and a step of their training. */
import { gatherRows } from "../../dist/data/index.js";
import { arange, jit, tensor, valueAndGrad, where } from "../../dist/index.js";
import {
  apply,
  BatchNorm,
  Conv2d,
  context,
  crossEntropy,
  Flatten,
  GlobalAvgPool,
  Gpt,
  Linear,
  LSTM,
  MaxPool2d,
  namedParameters,
  Residual,
  relu,
  Sequential,
} from "../../dist/nn/index.js";
import { adam, adamW, applyUpdates, sgd } from "../../dist/optim/index.js";
import { bytes, floats } from "./read.mjs";

const convNorm = (inputs, outputs, stride = 1) => [
  new Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false }),
  new BatchNorm(outputs),
];
/** The shortcut without parameters: every second pixel, channels of zeros on both sides. */
const halve = (x) =>
  x.slice([], [null, null, 2], [null, null, 2]).pad([0, 0, 0, [x.shape[3] / 2, x.shape[3] / 2]]);
const block = (inputs, outputs) => {
  const stride = outputs / inputs;
  const inner = new Sequential(...convNorm(inputs, outputs, stride), relu, ...convNorm(outputs, outputs));
  return [new Residual(inner, stride === 1 ? null : halve), relu];
};

export const networks = {
  lenet: () =>
    new Sequential(
      new Conv2d(1, 6, 5, { padding: 2 }),
      relu,
      new MaxPool2d(2),
      new Conv2d(6, 16, 5),
      relu,
      new MaxPool2d(2),
      new Flatten(),
      new Linear(400, 120),
      relu,
      new Linear(120, 84),
      relu,
      new Linear(84, 10),
    ),
  resnet20: () =>
    new Sequential(
      ...convNorm(3, 16),
      relu,
      ...[16, 16, 16, 32, 32, 32, 64, 64, 64].flatMap((width, i, widths) =>
        block(widths[i - 1] ?? 16, width),
      ),
      new GlobalAvgPool(),
      new Linear(64, 10),
    ),
  gpt: () => new Gpt({ vocabulary: 65, width: 128, layers: 4, heads: 4, context: 128 }),
  lstm: () => new Sequential(new LSTM(64, 128, { returnSequences: false }), new Linear(128, 10)),
};

/** The job's network with the job's weights. */
export function makeNetwork({ network, shapes, weights }) {
  const model = networks[network]().init(0);
  const values = floats(weights);
  const learned = [...namedParameters(model)].filter(([, parameter]) => parameter.trainable);
  let offset = 0;
  learned.forEach(([path, parameter], i) => {
    if (String(parameter.shape) !== String(shapes[i])) {
      throw new Error(`${path}: must have the shape ${shapes[i]}; got ${parameter.shape}.`);
    }
    const size = parameter.shape.reduce((product, dim) => product * dim, 1);
    parameter.value = tensor(values.slice(offset, offset + size), { shape: parameter.shape });
    offset += size;
  });
  if (offset !== values.length)
    throw new Error(`there are ${values.length} weights for ${offset} parameters.`);
  return model;
}

/** Rows on the device: pixels stay bytes until a step divides its batch. */
export function readData({ rows, inputs, inputType, inputShape, labels, labelShape }) {
  const shape = [rows, ...inputShape];
  const read = {
    pixels: () => ({ bytes: tensor(bytes(inputs), { shape, dtype: "u8" }), divisor: tensor(255) }),
    f32: () => tensor(floats(inputs), { shape }),
    tokens: () => tensor(Int32Array.from(bytes(inputs)), { shape, dtype: "i32" }),
  };
  const y = tensor(Int32Array.from(bytes(labels)), { shape: [rows, ...labelShape], dtype: "i32" });
  return { x: read[inputType](), y };
}

const optimizers = {
  adam: (rate) => adam(rate),
  adamW: (rate) => adamW(rate),
  sgd: (rate) => sgd(rate, { momentum: 0.9, weightDecay: 1e-4 }),
};

/** A compiled step (state, data) => [state, loss], and its first state. */
export function makeTraining(job) {
  const { rows, batch } = job;
  const model = makeNetwork(job);
  const optimizer = optimizers[job.optimizer](job.learningRate);
  const last = Math.floor(rows / batch) * batch;
  const step = jit(
    (state, data) => {
      const picked = arange(batch).add(state.cursor);
      const [x, y] = [gatherRows(data.x, picked), data.y.take(picked, 0)];
      const forward = (params) =>
        apply(model, { ...params, ...state.buffers }, () => {
          const ctx = context({ train: true });
          return [crossEntropy(model.forward(x, ctx), y), ctx.updates()];
        });
      const [[loss, buffers], grads] = valueAndGrad(forward, { hasAux: true })(state.params);
      const [updates, next] = optimizer.update(grads, state.optimizer, state.params);
      const cursor = state.cursor.add(batch);
      const params = applyUpdates(state.params, updates);
      return [{ params, buffers, optimizer: next, cursor: where(cursor.ge(last), 0, cursor) }, loss];
    },
    { donate: [0] },
  );
  const params = model.parameters();
  const state = {
    params,
    buffers: model.buffers(),
    optimizer: optimizer.init(params),
    cursor: tensor(0, { dtype: "i32" }),
  };
  return { step, state };
}
