/**
 * npm run soak -- [--steps 1000000] [--bound 1]
 * Trains a small network for many steps in one process by each route there is, and fails when memory grows: when the line through
 * what is resident (or the JavaScript heap) after the first third rises by more than `bound` MB per 100,000 steps.
 */
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { jit, random, type Tensor, valueAndGrad } from "nabla";
import { dataset } from "nabla/data";
import { apply, bceWithLogits, Linear, relu, Sequential, type Tensors } from "nabla/nn";
import { adam, applyUpdates, type State } from "nabla/optim";
import { Trainer } from "nabla/train";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "1000000" },
    bound: { type: "string", default: "1" },
    route: { type: "string" },
  },
});
const steps = Number(options.steps);
const bound = Number(options.bound);
const samples = 30;
const { gc } = globalThis;
if (gc === undefined) throw new Error("soak: needs node --expose-gc, as `npm run soak` gives.");

const [rows, features] = [64, 10];
const x = await random.normal(random.key(1), [rows, features]).realize();
const y = await x.sum(1, { keepDims: true }).gt(0).astype("f32").realize();
const makeModel = () => new Sequential(new Linear(features, 8), relu, new Linear(8, 1)).init(0);
const model = makeModel();
const optimizer = adam(1e-3);

interface TrainState {
  readonly params: Tensors;
  readonly memory: State;
}

const lossOf = (params: Tensors): Tensor => apply(model, params, () => bceWithLogits(model.forward(x), y));

function train({ params, memory }: TrainState): [TrainState, Tensor] {
  const [value, grads] = valueAndGrad(lossOf)(params);
  const [updates, next] = optimizer.update(grads, memory, params);
  return [{ params: applyUpdates(params, updates), memory: next }, value];
}

function fresh(): TrainState {
  const params = model.init(0).parameters();
  return { params, memory: optimizer.init(params) };
}

/** Each takes so many steps further. */
type Route = (count: number) => Promise<void>;

function calls(): Route {
  const step = jit(train, { donate: [0] });
  let state = fresh();
  return async (count) => {
    let loss: Tensor | undefined;
    for (let i = 0; i < count; i++) [state, loss] = step(state);
    await loss?.item();
  };
}

function repeated(): Route {
  const step = jit(train, { donate: [0] });
  let state = fresh();
  return async (count) => {
    const [next, loss] = await step.repeat(count, state);
    state = next;
    await loss.item();
  };
}

/** Nothing compiled by the program: each step is a graph that is built, found in the cache of plans, and run when it is read. */
function eager(): Route {
  let params = fresh().params;
  return async (count) => {
    for (let i = 0; i < count; i++) {
      const [value, grads] = valueAndGrad(lossOf)(params);
      const next = Object.entries(params).map(
        ([path, tensor]) => [path, tensor.sub((grads[path] as Tensor).mul(0.01))] as const,
      );
      await Promise.all([value.item(), ...next.map(([, tensor]) => tensor.realize())]);
      params = Object.fromEntries(next);
    }
  };
}

async function trained(): Promise<Route> {
  const trainer = new Trainer({ model: makeModel(), loss: bceWithLogits, optimizer: adam(1e-3) });
  const batchSize = 4;
  const batches = 250;
  const many = await random.normal(random.key(2), [batchSize * batches, features]).data();
  const labels = Float32Array.from({ length: batchSize * batches }, (_, row) =>
    (many[row * features] as number) > 0 ? 1 : 0,
  );
  const data = dataset({
    x: { data: many as Float32Array, shape: [batchSize * batches, features] },
    y: { data: labels, shape: [batchSize * batches, 1] },
  });
  return async (count) => {
    await trainer.fit(data, { epochs: Math.max(1, Math.round(count / batches)), batchSize });
  };
}

interface Sample {
  readonly steps: number;
  /** MB. */
  readonly rss: number;
  readonly heap: number;
}

/** A turn of the event loop, for without one the engine never hears of what was collected; see the route `unyielding`. */
async function measure(done: number, turn: boolean): Promise<Sample> {
  for (let i = 0; i < 2; i++) {
    gc?.();
    if (turn) await setImmediate();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { steps: done, rss: rss / 1e6, heap: (heapUsed + external) / 1e6 };
}

/** MB per 100,000 steps: the line of least squares through the last two thirds. */
function slope(curve: readonly Sample[], of: (sample: Sample) => number): number {
  const late = curve.slice(Math.floor(curve.length / 3));
  const mean = (pick: (sample: Sample) => number) =>
    late.reduce((sum, sample) => sum + pick(sample), 0) / late.length;
  const [middle, level] = [mean(({ steps }) => steps), mean(of)];
  const up = late.reduce((sum, sample) => sum + (sample.steps - middle) * (of(sample) - level), 0);
  const across = late.reduce((sum, { steps }) => sum + (steps - middle) ** 2, 0);
  return (1e5 * up) / across;
}

const routes: Readonly<Record<string, () => Route | Promise<Route>>> = {
  calls,
  repeated,
  eager,
  trained,
  // A program that never waits for anything but tensors gives the event loop no turn.
  unyielding: calls,
};
let leaking = false;
for (const [name, make] of Object.entries(routes)) {
  if (options.route !== undefined && options.route !== name) continue;
  const route = await make();
  const curve: Sample[] = [];
  const share = Math.ceil(steps / samples);
  const start = performance.now();
  for (let i = 0; i < samples; i++) {
    await route(share);
    curve.push(await measure((i + 1) * share, name !== "unyielding"));
  }
  const [rss, heap] = [slope(curve, (sample) => sample.rss), slope(curve, (sample) => sample.heap)];
  const rate = Math.round((samples * share) / ((performance.now() - start) / 1000));
  process.stdout.write(`${name}: ${samples * share} steps, ${rate} a second\n`);
  for (const sample of curve) {
    process.stdout.write(
      `  ${String(sample.steps).padStart(9)}  resident ${sample.rss.toFixed(1)} MB  heap ${sample.heap.toFixed(2)} MB\n`,
    );
  }
  const bad = rss > bound || heap > bound;
  leaking ||= bad;
  process.stdout.write(
    `  per 100,000 steps: resident ${rss.toFixed(2)} MB, heap ${heap.toFixed(2)} MB${bad ? `: more than ${bound}` : ""}\n`,
  );
}
process.exitCode = leaking ? 1 : 0;
