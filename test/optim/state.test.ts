/** The state: its structure, its hyper-parameters, compilation, donation, errors. */
import { jit, type Tensor, tensor, zeros } from "nabla";
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  adaptiveGradientClip,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  dadaptAdamW,
  globalNorm,
  hyperparameters,
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
  setHyperparameter,
  sgd,
  shampoo,
  soap,
  traceMomentum,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { flattenTree } from "../../src/util/index.ts";

const device = "reference";
const params = () => ({
  w: tensor([1, -2, 3], { device }),
  b: tensor([0.5], { device }),
});
const grads = () => ({
  w: tensor([0.5, 0.25, -1], { device }),
  b: tensor([2], { device }),
});
const optimizers: Record<string, Optimizer> = {
  sgd: sgd(0.1),
  momentum: sgd(0.1, { momentum: 0.9, dampening: 0.1 }),
  rmsprop: rmsprop(0.1, { centered: true, momentum: 0.5 }),
  adam: adam(linear({ from: 0.1, to: 0, steps: 100 })),
  amsgrad: adam(0.1, { amsgrad: true }),
  adamW: chain(clipByGlobalNorm(1), adamW(0.1)),
  adagrad: adagrad(0.1, { lrDecay: 0.1, initialAccumulatorValue: 0.1 }),
  adadelta: adadelta(),
  adamax: adamax(0.1),
  nadam: nadam(0.1),
  radam: radam(0.1),
  lion: lion(0.1),
  rprop: rprop(0.1),
  lars: lars(0.1, { weightDecay: 0.1 }),
  lamb: chain(adaptiveGradientClip(0.1), lamb(0.1)),
  adafactor: adafactor(0.1, { weightDecay: 0.1 }),
  scheduleFreeSgd: scheduleFreeSgd(0.1),
  scheduleFreeAdamW: scheduleFreeAdamW(linear({ from: 0, to: 0.1, steps: 3 }), { weightDecay: 0.1 }),
  prodigy: prodigy(1, { estimLr0: 1e-3, weightDecay: 0.1 }),
  soap: soap(0.1, { every: 2 }),
  shampoo: shampoo(0.1, { every: 2, start: 1, blockSize: 2 }),
  dadaptAdamW: dadaptAdamW(1, { estimLr0: 1e-3, weightDecay: 0.1 }),
};
const numbers = async (tree: unknown) =>
  Promise.all(flattenTree(tree).leaves.map(async (leaf) => [...(await (leaf as Tensor).data())]));

describe.each(Object.entries(optimizers))("%s", (_name, optimizer) => {
  test("keeps the structure, dtypes and shapes of its state and of the updates", () => {
    const p = params();
    const state = optimizer.init(p);
    const [updates, next] = optimizer.update(grads(), state, p);
    const avals = (tree: unknown) =>
      flattenTree(tree).leaves.map((leaf) => `${(leaf as Tensor).dtype}[${(leaf as Tensor).shape}]`);
    expect(flattenTree(next).structure).toBe(flattenTree(state).structure);
    expect(avals(next)).toEqual(avals(state));
    expect(avals(updates)).toEqual(avals(p));
  });

  test("is the same compiled, donated and repeated as eager", async () => {
    const body = (
      { p, state }: { p: ReturnType<typeof params>; state: ReturnType<Optimizer["init"]> },
      g: ReturnType<typeof grads>,
    ) => {
      const [updates, next] = optimizer.update(g, state, p);
      return [{ p: applyUpdates(p, updates), state: next }] as const;
    };
    const start = () => ({ p: params(), state: optimizer.init(params()) });
    let eager = start();
    for (let i = 0; i < 4; i++) [eager] = body(eager, grads());
    const step = jit(body, { donate: [0] });
    let compiled = start();
    for (let i = 0; i < 4; i++) [compiled] = step(compiled, grads());
    const [repeated] = await jit(body, { donate: [0] }).repeat(4, start(), grads());
    const expected = await numbers(compiled);
    expect(await numbers(repeated)).toEqual(expected);
    for (const [i, values] of (await numbers(eager)).entries()) {
      values.forEach((value, j) => {
        expect(value).toBeCloseTo(expected[i]?.[j] as number, 5);
      });
    }
    expect(step.compilations).toBe(1);
  });
});

describe("hyper-parameters", () => {
  test("are read by name, complements are not among them", async () => {
    const state = adamW(0.125, { weightDecay: 0.25 }).init(params());
    const read = hyperparameters(state);
    expect(Object.keys(read).sort()).toEqual(["beta1", "beta2", "epsilon", "learningRate", "weightDecay"]);
    expect(await read.learningRate?.item()).toBe(0.125);
    expect(await read.weightDecay?.item()).toBe(0.25);
  });

  test("setting one changes the step and compiles nothing", async () => {
    const optimizer = sgd(0.5);
    const step = jit(
      (state: ReturnType<Optimizer["init"]>, p: ReturnType<typeof params>, g: ReturnType<typeof grads>) => {
        const [updates, next] = optimizer.update(g, state, p);
        return [next, updates];
      },
    );
    let state = optimizer.init(params());
    const [next, first] = step(state, params(), grads()) as [typeof state, ReturnType<typeof params>];
    expect([...(await first.w.data())]).toEqual([-0.25, -0.125, 0.5]);
    state = setHyperparameter(next, "learningRate", 2);
    const [, second] = step(state, params(), grads()) as [typeof state, ReturnType<typeof params>];
    expect([...(await second.w.data())]).toEqual([-1, -0.5, 2]);
    expect(step.compilations).toBe(1);
  });

  test("setting a decay sets its complement, as if it had been made with it", async () => {
    const make = (beta2: number) => adam(0.1, { beta2 });
    const changed = setHyperparameter(make(0.999).init(params()), "beta2", 0.5);
    expect(await numbers(changed)).toEqual(await numbers(make(0.5).init(params())));
    const [fromChanged] = make(0.999).update(grads(), changed, params());
    const [fromMade] = make(0.5).update(grads(), make(0.5).init(params()), params());
    expect(await numbers(fromChanged)).toEqual(await numbers(fromMade));
  });

  test("leaves the old state as it was", async () => {
    const state = sgd(0.5).init(params());
    setHyperparameter(state, "learningRate", 2);
    expect(await hyperparameters(state).learningRate?.item()).toBe(0.5);
  });

  test("of one name in several links are told apart by place", async () => {
    const state = chain(addDecayedWeights(0.25, { mask: () => true }), adamW(0.5, { weightDecay: 0.5 })).init(
      params(),
    );
    const read = hyperparameters(state);
    expect(Object.keys(read).filter((name) => name.endsWith("weightDecay"))).toEqual([
      "0/weightDecay",
      "1/1/weightDecay",
    ]);
    const set = hyperparameters(setHyperparameter(state, "1/1/weightDecay", 0.125));
    expect(await set["0/weightDecay"]?.item()).toBe(0.25);
    expect(await set["1/1/weightDecay"]?.item()).toBe(0.125);
  });

  test("that follow a schedule show the value last used and cannot be set", async () => {
    const optimizer = sgd(linear({ from: 1, to: 0, steps: 4 }));
    let state = optimizer.init(params());
    const seen = [await hyperparameters(state).learningRate?.item()];
    for (let i = 0; i < 3; i++) {
      [, state] = optimizer.update(grads(), state, params());
      seen.push(await hyperparameters(state).learningRate?.item());
    }
    expect(seen).toEqual([1, 1, 0.75, 0.5]);
    expect(() => setHyperparameter(state, "learningRate", 1)).toThrow(
      'setHyperparameter: "learningRate" follows a schedule and cannot be set.',
    );
  });

  test("a scheduled decay is corrected for exactly: constant gradients give steps of the learning rate", async () => {
    const optimizer = adam(1, { beta1: linear({ from: 0.5, to: 0.99, steps: 5 }), epsilon: 0 });
    let state = optimizer.init(params());
    for (let i = 0; i < 8; i++) {
      const [updates, next] = optimizer.update(grads(), state, params());
      state = next;
      const values = (await numbers(updates)).flat(); // b, then w
      [-1, -1, -1, 1].forEach((sign, j) => {
        expect(values[j]).toBeCloseTo(sign, 5);
      });
    }
  });

  test.each([
    ["unknown", 1, 'setHyperparameter: the optimizer must have "unknown"; it has learningRate.'],
    ["learningRate", Number.NaN, 'setHyperparameter: "learningRate" must be a finite number; got NaN.'],
  ] as const)("%s, %s throws", (name, value, message) => {
    expect(() => setHyperparameter(sgd(1).init(params()), name, value)).toThrow(message);
  });
});

describe("links", () => {
  test("globalNorm is over all tensors; clipping leaves what is within", async () => {
    const g = { a: tensor([3], { device }), b: tensor([[0, 4]], { device }) };
    expect(await globalNorm(g).item()).toBe(5);
    const clip = async (limit: number) => {
      const link = clipByGlobalNorm(limit);
      return numbers(link.update(g, link.init(g), g)[0]);
    };
    expect(await clip(10)).toEqual([[3], [0, 4]]);
    expect(await clip(2.5)).toEqual([[1.5], [0, 2]]);
  });

  test("clipping zero gradients leaves zeros", async () => {
    const g = { a: tensor([0, 0, 0], { device }) };
    const link = clipByGlobalNorm(1);
    expect(await numbers(link.update(g, link.init(g), g)[0])).toEqual([[0, 0, 0]]);
  });

  test("addDecayedWeights takes the parameters its mask picks, by path", async () => {
    const p = { layers: [{ weight: tensor([2], { device }), bias: tensor([4], { device }) }] };
    const g = { layers: [{ weight: tensor([0], { device }), bias: tensor([0], { device }) }] };
    const seen: string[] = [];
    const link = addDecayedWeights(0.5, {
      mask: (path) => {
        seen.push(path);
        return path.endsWith("weight");
      },
    });
    const [updates] = link.update(g, link.init(p), p);
    expect(await numbers(updates)).toEqual([[0], [1]]); // bias, weight
    expect(seen).toEqual(["layers/0/bias", "layers/0/weight"]);
  });

  test("only what an option needs is in the state", () => {
    const bytes = (optimizer: Optimizer) => {
      const p = { w: tensor(new Float32Array(1000), { device }) };
      const leaves = flattenTree(optimizer.init(p)).leaves as Tensor[];
      return leaves.filter((leaf) => leaf.size === 1000).length * 4;
    };
    expect(
      [sgd(1), sgd(1, { momentum: 0.9 }), rmsprop(1), rmsprop(1, { centered: true, momentum: 0.9 })].map(
        bytes,
      ),
    ).toEqual([0, 4, 4, 12]);
    expect([adam(1), adam(1, { amsgrad: true }), adamW(1)].map(bytes)).toEqual([8, 12, 8]);
  });
});

test.each([
  [() => sgd(-1), "scaleByLearningRate: learningRate must be at least 0; got -1."],
  [() => sgd(Number.NaN), "scaleByLearningRate: learningRate must be at least 0; got NaN."],
  [() => sgd(1, { nesterov: true }), "sgd: dampening and nesterov need a momentum above 0; got momentum 0."],
  [
    () => traceMomentum(0.9, { nesterov: true, dampening: 0.5 }),
    "traceMomentum: nesterov takes no dampening; got 0.5.",
  ],
  [() => adam(1, { beta1: 1 }), "scaleByAdam: beta1 must be at least 0 and below 1; got 1."],
  [() => rmsprop(1, { epsilon: -1 }), "scaleByRms: epsilon must be at least 0; got -1."],
  [() => clipByGlobalNorm(0), "clipByGlobalNorm: maxNorm must be above 0; got 0."],
  [() => adam(1).init({}), "scaleByAdam: there must be a parameter to train; got an empty tree."],
  [
    () => applyUpdates<Record<string, Tensor>>({ a: zeros([1]) }, { b: zeros([1]) }),
    'applyUpdates: trees must have one structure; got {"a":*} and {"b":*}.',
  ],
])("what cannot be throws (%#)", (make, message) => {
  expect(make).toThrow(message);
});
