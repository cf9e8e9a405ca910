/** A table of what one update compiles to, for all optimizers: steps of the plan, and passes over a large matrix. */
import { jit, tensor } from "nabla";
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  dadaptAdamW,
  ema,
  lamb,
  lars,
  lion,
  muon,
  nadam,
  type Optimizer,
  prodigy,
  radam,
  rmsprop,
  scheduleFreeAdamW,
  sgd,
  type TensorTree,
} from "nabla/optim";
import { expect, test } from "vitest";

const LARGE = 784 * 128;
const shapes = { w1: [784, 128], b1: [128], w2: [128, 10], b2: [10] };
const tree = () =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      tensor(new Float32Array(shape.reduce((a, b) => a * b)), { shape, device: "reference" }),
    ]),
  );

/** Steps of the plan, and those fused ones that read or write a tensor of as many elements as the large matrix. */
function countsOf(optimizer: Optimizer): { readonly steps: number; readonly passes: number } {
  const update = jit(
    (state: { params: TensorTree; state: TensorTree }, grads: TensorTree) => {
      const [updates, next] = optimizer.update(grads, state.state, state.params);
      return [{ params: applyUpdates(state.params, updates), state: next }];
    },
    { donate: [0] },
  );
  const params = tree();
  const { steps, buffers } = update.planFor({ params, state: optimizer.init(params) }, tree());
  const isLarge = ({ buffer }: { readonly buffer: number }) =>
    buffers[buffer]?.aval.shape.reduce((a, b) => a * b, 1) === LARGE;
  const passes = steps.filter(
    (step) =>
      step.kind === "fused" && step.segments.some(({ loads, stores }) => [...loads, ...stores].some(isLarge)),
  );
  return { steps: steps.length, passes: passes.length };
}

const optimizers: Readonly<Record<string, () => Optimizer>> = {
  sgd: () => sgd(),
  momentum: () => sgd(0.01, { momentum: 0.9 }),
  nesterov: () => sgd(0.01, { momentum: 0.9, nesterov: true }),
  rmsprop: () => rmsprop(),
  adagrad: () => adagrad(),
  adadelta: () => adadelta(),
  adam: () => adam(),
  amsgrad: () => adam(1e-3, { amsgrad: true }),
  adamW: () => adamW(),
  adamax: () => adamax(),
  nadam: () => nadam(),
  radam: () => radam(),
  lion: () => lion(),
  lamb: () => lamb(1e-3),
  lars: () => lars(0.1),
  adafactor: () => adafactor(),
  muon: () => muon(),
  prodigy: () => prodigy(),
  dadaptAdamW: () => dadaptAdamW(),
  scheduleFreeAdamW: () => scheduleFreeAdamW(),
  "clip, adamW, ema": () => ema(chain(clipByGlobalNorm(1), adamW())),
};

test("steps and passes", () => {
  const rows = Object.entries(optimizers).map(([name, make]) => {
    const { steps, passes } = countsOf(make());
    return `${name.padEnd(18)}${String(steps).padStart(5)}${String(passes).padStart(8)}`;
  });
  expect(["optimizer         steps  passes", ...rows].join("\n")).toMatchInlineSnapshot(`
    "optimizer         steps  passes
    sgd                   2       1
    momentum              2       1
    nesterov              2       1
    rmsprop               2       1
    adagrad               2       1
    adadelta              2       1
    adam                  2       1
    amsgrad               2       1
    adamW                 2       1
    adamax                2       1
    nadam                 2       1
    radam                 2       1
    lion                  2       1
    lamb                  7       4
    lars                  4       3
    adafactor            15       5
    muon                 36       4
    prodigy               7       4
    dadaptAdamW           6       3
    scheduleFreeAdamW     2       1
    clip, adamW, ema      3       2"
  `);
});

// The least that can be: the update needs the norm of all gradients before it can begin.
test.each<readonly [string, number]>([
  ["sgd", 1],
  ["momentum", 1],
  ["adam", 1],
  ["lion", 1],
  ["clip, adamW, ema", 2],
])("%s passes over the matrix as seldom as it can: %i", (name, least) => {
  expect(countsOf((optimizers[name] as () => Optimizer)()).passes).toBe(least);
});
