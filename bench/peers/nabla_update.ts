/** nabla's optimizers over `tensors` tensors of `size` elements with given gradients, many steps in one native call. */
import { jit, setThreads, tensor } from "nabla";
import {
  adam,
  adamW,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  ema,
  lion,
  type Optimizer,
  type State,
  sgd,
} from "nabla/optim";
import type { Rule, UpdateJob } from "../benches/updates.ts";
import { job, serve } from "./serve.mjs";
import { digest, timed, values } from "./values.mjs";

const { rule, tensors, size, learningRate, threads } = job<UpdateJob>();
setThreads(threads);

const names = Array.from({ length: tensors }, (_, i) => `parameter${i}`);
const tree = (seed: number) =>
  Object.fromEntries(names.map((name, i) => [name, tensor(values(size, 2 * i + seed, -1, 1))]));
type Params = ReturnType<typeof tree>;

const rules: Record<Rule, () => Optimizer> = {
  momentum: () => sgd(learningRate, { momentum: 0.9 }),
  adam: () => adam(learningRate),
  "adamw-clip-ema": () => ema(chain(clipByGlobalNorm(1), adamW(learningRate))),
  lion: () => lion(learningRate, { weightDecay: 1 }), // much, so that five steps show it in f32
};
const optimizer = rules[rule]();
const grads = tree(1);

interface UpdateState {
  readonly params: Params;
  readonly optimizer: State;
}
function fresh(): UpdateState {
  const params = tree(0);
  return { params, optimizer: optimizer.init(params) };
}

const step = jit(
  ({ params, optimizer: memory }: UpdateState, grads: Params): [UpdateState] => {
    const [updates, next] = optimizer.update(grads, memory, params);
    return [{ params: applyUpdates(params, updates), optimizer: next }];
  },
  { donate: [0], name: "the update" },
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
