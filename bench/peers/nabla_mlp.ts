/** nabla's side, by the public API: one compiled step that gathers its batch, many of them in one native call. */
import { arange, jit, random, setThreads, Tensor, take, tensor, valueAndGrad } from "nabla";
import { gatherRows, type Rows } from "nabla/data";
import {
  apply,
  bceWithLogits,
  context,
  crossEntropy,
  Linear,
  mse,
  relu,
  Sequential,
  type Tensors,
} from "nabla/nn";
import { adam, applyUpdates, type State, sgd } from "nabla/optim";
import type { MlpJob } from "../mlp.ts";
import { bytes, floats } from "./read.mjs";
import { job as readJob, serve } from "./serve.mjs";

const job = readJob<MlpJob>();
const { sizes, rows, batch } = job;
setThreads(job.threads);

const classes = job.loss === "crossEntropy";
const shape = [rows, sizes[0] as number];
/** As the trainer holds what mnist() reads: pixels are bytes until a step divides its batch. */
const inputs: Rows = classes
  ? { bytes: tensor(bytes(job.inputs), { shape, dtype: "u8" }), divisor: tensor(255) }
  : tensor(floats(job.inputs), { shape });
const labels = classes
  ? tensor(Int32Array.from(bytes(job.labels)), { shape: [rows], dtype: "i32" })
  : tensor(floats(job.labels), { shape: [rows, 1] });
const lossOf = { bce: bceWithLogits, mse, crossEntropy }[job.loss];

const layers = sizes.slice(1).map((outputs, i) => new Linear(sizes[i] as number, outputs));
const model = new Sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [relu, layer]))).init(0);
const optimizer = { adam, sgd }[job.optimizer](job.learningRate);

interface TrainState {
  readonly params: Tensors;
  readonly optimizer: State;
  /** The first row of the next batch, i32. */
  readonly cursor: Tensor;
}

/** The common initial weights, in memory of their own. */
function fresh(): TrainState {
  const values = floats(job.weights);
  let offset = 0;
  for (const { weight, bias } of layers) {
    for (const parameter of [weight, bias]) {
      if (parameter === null) continue;
      const size = parameter.shape.reduce((product, dim) => product * dim, 1);
      parameter.value = tensor(values.slice(offset, offset + size), { shape: parameter.shape });
      offset += size;
    }
  }
  const params = model.parameters();
  return { params, optimizer: optimizer.init(params), cursor: tensor(0, { dtype: "i32" }) };
}

const train = (state: TrainState, x: Tensor, y: Tensor): [TrainState, Tensor] => {
  const loss = (params: Tensors): Tensor =>
    apply(model, params, () => lossOf(model.forward(x, context({ train: true })), y));
  const [value, grads] = valueAndGrad(loss)(state.params);
  const [updates, next] = optimizer.update(grads, state.optimizer, state.params);
  const params = applyUpdates(state.params, updates);
  return [{ params, optimizer: next, cursor: state.cursor.add(batch) }, value];
};

const fullStep = jit(
  (state: TrainState, x: Rows, y: Tensor) =>
    train(state, x instanceof Tensor ? x : gatherRows(x, arange(rows)), y),
  { donate: [0] },
);
const batchStep = jit(
  (state: TrainState, x: Rows, y: Tensor, order: Tensor) => {
    const picked = take(order, arange(batch).add(state.cursor), 0);
    return train(state, gatherRows(x, picked), take(y, picked, 0));
  },
  { donate: [0] },
);

async function check(steps: number): Promise<number[]> {
  let state = fresh();
  const order = arange(rows);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const [next, loss] =
      batch === rows ? fullStep(state, inputs, labels) : batchStep(state, inputs, labels, order);
    state = next;
    losses.push(await loss.item());
  }
  return losses;
}

let state = fresh();
let epoch = 0;

async function run(units: number): Promise<number> {
  const start = performance.now();
  let loss: Tensor | undefined;
  if (batch === rows) {
    [state, loss] = await fullStep.repeat(units, state, inputs, labels);
  } else {
    for (let unit = 0; unit < units; unit++) {
      const order = random.permutation(random.key(epoch++), rows);
      const from = { ...state, cursor: tensor(0, { dtype: "i32" }) };
      [state, loss] = await batchStep.repeat(Math.floor(rows / batch), from, inputs, labels, order);
    }
  }
  await loss?.item();
  return (performance.now() - start) / 1000;
}

await serve({ check, run });
