/** What an update compiles to: a whole optimizer is one pass over memory, whatever the number of tensors. */
import { jit, tensor } from "nabla";
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  adaptiveGradientClip,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  clipByNorm,
  dadaptAdamW,
  lamb,
  lars,
  linear,
  lion,
  nadam,
  type Optimizer,
  prodigy,
  radam,
  rmsprop,
  rprop,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  type TensorTree,
} from "nabla/optim";
import { expect, test } from "vitest";

const shapes = { w1: [784, 128], b1: [128], w2: [128, 128], b2: [128], w3: [128, 10], b3: [10] };
const tree = () =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      tensor(new Float32Array(shape.reduce((a, b) => a * b)), { shape, device: "reference" }),
    ]),
  );

/** Steps of the plan: of the scalars, and of the tensors. */
function commands(optimizer: Optimizer): number {
  const update = jit(
    (state: { params: TensorTree; state: TensorTree }, grads: TensorTree) => {
      const [updates, next] = optimizer.update(grads, state.state, state.params);
      return [{ params: applyUpdates(state.params, updates), state: next }];
    },
    { donate: [0] },
  );
  const params = tree();
  return update.planFor({ params, state: optimizer.init(params) }, tree()).steps.length;
}

test.each([
  ["sgd", sgd(0.1), 2],
  ["sgd with momentum", sgd(0.1, { momentum: 0.9, nesterov: true, weightDecay: 0.1 }), 2],
  ["rmsprop", rmsprop(0.1, { centered: true, momentum: 0.9 }), 2],
  ["adam", adam(0.1), 2],
  ["adam on a schedule", adam(linear({ from: 1, to: 0, steps: 10 })), 2],
  ["adamW", adamW(0.1, { amsgrad: true }), 2],
  ["adagrad", adagrad(0.1, { lrDecay: 0.1, weightDecay: 0.1 }), 2],
  ["adadelta", adadelta(1, { weightDecay: 0.1 }), 2],
  ["adamax", adamax(0.1, { weightDecay: 0.1 }), 2],
  ["nadam", nadam(0.1, { weightDecay: 0.1, decoupledWeightDecay: true }), 2],
  ["radam", radam(0.1, { weightDecay: 0.1, decoupledWeightDecay: true }), 2],
  ["lion", lion(0.1), 2],
  ["rprop", rprop(0.1), 2],
  ["scheduleFreeSgd", scheduleFreeSgd(0.1, { weightDecay: 0.1 }), 2],
  ["scheduleFreeAdamW", scheduleFreeAdamW(0.1, { weightDecay: 0.1 }), 2],
  // sums of squares, their total and the scalars, the update
  ["adamW with clipping", chain(clipByGlobalNorm(1), adamW(0.1)), 4],
  // norms of all tensors beside each other, the scalars, the update
  ["sgd with clipping by tensor", chain(clipByNorm(1), sgd(0.1)), 4],
  ["lars", lars(0.1), 4],
  // norms of vectors and of columns apart
  ["sgd with adaptive clipping", chain(adaptiveGradientClip(0.1), sgd(0.1)), 6],
  ["lamb", lamb(0.1), 7],
  ["prodigy", prodigy(), 7],
  ["dadaptAdamW", dadaptAdamW(), 6],
  // rows, columns and updates of three matrices of different shapes
  ["adafactor", adafactor(0.1), 17],
] as const)("%s", (_name, optimizer, most) => {
  expect(commands(optimizer)).toBeLessThanOrEqual(most);
});
