/** nabla's Adam over `tensors` tensors of `size` elements with given gradients, many steps in one native call. */
import { jit, setThreads, tensor } from "nabla";
import { adam, applyUpdates, type State } from "nabla/optim";
import type { AdamJob } from "../benches/adam.ts";
import { job, serve } from "./serve.mjs";
import { digest, timed, values } from "./values.mjs";

const { tensors, size, learningRate, threads } = job<AdamJob>();
setThreads(threads);

const names = Array.from({ length: tensors }, (_, i) => `parameter${i}`);
const tree = (seed: number) =>
  Object.fromEntries(names.map((name, i) => [name, tensor(values(size, 2 * i + seed, -1, 1))]));
type Params = ReturnType<typeof tree>;

const optimizer = adam(learningRate);
const grads = tree(1);

interface AdamState {
  readonly params: Params;
  readonly optimizer: State;
}
function fresh(): AdamState {
  const params = tree(0);
  return { params, optimizer: optimizer.init(params) };
}

const step = jit(
  ({ params, optimizer: memory }: AdamState, grads: Params): [AdamState] => {
    const [updates, next] = optimizer.update(grads, memory, params);
    return [{ params: applyUpdates(params, updates), optimizer: next }];
  },
  { donate: [0], name: "Adam" },
);

let state = fresh();
await serve({
  check: async (steps) => {
    for (let i = 0; i < steps; i++) [state] = step(state, grads);
    const last = state.params[names.at(-1) as string];
    const numbers = digest((await last?.data()) ?? []);
    state = fresh();
    return numbers;
  },
  run: (units) =>
    timed(async () => {
      [state] = await step.repeat(units, state, grads);
    }),
});
