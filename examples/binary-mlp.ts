/**
 * The loop by hand, without the Trainer: a 10-5-1 network, 1,000 rows at once, 1,000 Adam steps, compiled into native calls.
 * Run it with `npx tsx examples/binary-mlp.ts`.
 */
import { jit, random, type Tensor, valueAndGrad } from "nabla";
import { apply, bceWithLogits, context, Linear, relu, Sequential, type Tensors } from "nabla/nn";
import { adam, applyUpdates, type State } from "nabla/optim";

// 1,000 rows of 10 features; a row is positive when a hidden rule of two products says so.
const x = random.normal(random.key(1), [1000, 10]);
const column = (i: number): Tensor => x.slice([], [i, i + 1]);
const rule = column(0).mul(column(1)).add(column(2)).sub(column(3).mul(0.5));
const y = rule.gt(0).astype("f32"); // [1000, 1]

const model = new Sequential(new Linear(10, 5), relu, new Linear(5, 1)).init(0);
const optimizer = adam(1e-2);

/** The model ends in logits: bceWithLogits applies the sigmoid itself, which neither overflows nor takes the log of 0. */
const lossOf = (params: Tensors): Tensor =>
  apply(model, params, () => bceWithLogits(model.forward(x, context({ train: true })), y));

interface TrainState {
  readonly params: Record<string, Tensor>;
  readonly optimizer: State;
}

// Compiled once. The state is donated: each step writes the next one into the memory of the last.
const step = jit(
  (state: TrainState): [TrainState] => {
    const [, grads] = valueAndGrad(lossOf)(state.params);
    const [updates, next] = optimizer.update(grads, state.optimizer, state.params);
    return [{ params: applyUpdates(state.params, updates), optimizer: next }];
  },
  { donate: [0] },
);

const params = model.parameters();
let state: TrainState = { params, optimizer: optimizer.init(params) };
console.log(`step    0  loss ${(await lossOf(state.params).item()).toFixed(4)}`);

let seconds = 0;
for (let done = 250; done <= 1000; done += 250) {
  const start = performance.now();
  [state] = await step.repeat(250, state); // 250 steps in one native call
  if (done > 250) seconds += (performance.now() - start) / 1000; // the first call compiles
  console.log(`step ${String(done).padStart(4)}  loss ${(await lossOf(state.params).item()).toFixed(4)}`);
}

model.load(state.params);
const right = model.forward(x, context()).gt(0).eq(y.gt(0.5));
const accuracy = await right.astype("f32").mean().item();
console.log(`accuracy ${accuracy.toFixed(3)}, ${Math.round(750 / seconds).toLocaleString("en-US")} steps/s`);
