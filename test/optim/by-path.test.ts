/** Options, factors and decays of learning rates by path, against PyTorch's parameter groups (goldens/by-path.py). */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jit, type Tensor, tensor } from "nabla";
import { loadCheckpoint, restoreTree, saveCheckpoint } from "nabla/io";
import {
  type AdamWOptions,
  adamW,
  applyUpdates,
  chain,
  ema,
  evaluatedParameters,
  hyperparameters,
  layerWise,
  linear,
  type Optimizer,
  perParameter,
  type State,
  scaleByPath,
  scheduleNotes,
  setHyperparameter,
  sgd,
} from "nabla/optim";
import { expect, test } from "vitest";
import { devices } from "../nn/devices.ts";

type Values = Record<string, number[]>;
type Leaf = { bias: Tensor; weight: Tensor };
type Leaves = { layers: Leaf[] };
const golden = JSON.parse(readFileSync(new URL("./goldens/by-path.json", import.meta.url), "utf8")) as {
  params: Values;
  grads: Values[];
  runs: Record<string, Values[]>;
};
const leaves = (values: Values, device: string): Leaves => {
  const of = (path: string) => tensor(values[path] as number[], { device });
  return {
    layers: [0, 1, 2].map((i) => ({ bias: of(`layers/${i}/bias`), weight: of(`layers/${i}/weight`) })),
  };
};
const numbers = async ({ layers }: Leaves): Promise<Values> => {
  const out: Values = {};
  for (const [i, { bias, weight }] of layers.entries()) {
    out[`layers/${i}/bias`] = [...(await bias.data())];
    out[`layers/${i}/weight`] = [...(await weight.data())];
  }
  return out;
};

interface Options extends AdamWOptions {
  learningRate?: number;
}
const make = ({ learningRate = 0.02, ...options }: Options) =>
  adamW(learningRate, { weightDecay: 0.1, ...options });
const optimizers: Record<string, () => Optimizer> = {
  perParameter: () =>
    perParameter({ "layers/2": { learningRate: 0.05 }, "**/bias": { weightDecay: 0 } }, make),
  scaleByPath: () => chain(sgd(0.02, { momentum: 0.9 }), scaleByPath({ "layers/0/**": 0.25, "**/bias": 3 })),
  layerWise: () => chain(make({}), layerWise({ decay: 0.75 })),
};

const stepOf = (optimizer: Optimizer) =>
  jit(({ params, state }: { params: Leaves; state: State }, grads: Leaves) => {
    const [updates, next] = optimizer.update(grads, state, params);
    return { params: applyUpdates(params, updates), state: next };
  });

test.each(devices.flatMap((device) => Object.keys(optimizers).map((name) => [name, device] as const)))(
  "%s on %s is PyTorch's",
  async (name, device) => {
    const optimizer = (optimizers[name] as () => Optimizer)();
    const step = stepOf(optimizer);
    const params = leaves(golden.params, device);
    let now = { params, state: optimizer.init(params) };
    for (const [i, grads] of golden.grads.entries()) {
      now = step(now, leaves(grads, device));
      const got = await numbers(now.params);
      for (const [path, want] of Object.entries(golden.runs[name]?.[i] as Values)) {
        for (const [at, value] of want.entries()) {
          expect(Math.abs((got[path]?.[at] as number) - value), `${path} in step ${i}`).toBeLessThan(2e-6);
        }
      }
    }
    expect(step.compilations).toBe(1);
  },
);

test("values are hyper-parameters by pattern: changing one takes no recompile and changes what it should", async () => {
  const device = devices[0] as string;
  const params = leaves(golden.params, device);
  const grads = leaves(golden.grads[0] as Values, device);
  const changes: readonly (readonly [Optimizer, string, string[]])[] = [
    [(optimizers.perParameter as () => Optimizer)(), "layers/2 + **/bias/2/learningRate", ["layers/2/bias"]],
    [
      (optimizers.perParameter as () => Optimizer)(),
      "others/2/learningRate",
      ["layers/0/weight", "layers/1/weight"],
    ],
    [(optimizers.scaleByPath as () => Optimizer)(), "layers/0/**", ["layers/0/bias", "layers/0/weight"]],
    [
      (optimizers.layerWise as () => Optimizer)(),
      "decay",
      ["layers/0/bias", "layers/0/weight", "layers/1/bias", "layers/1/weight"],
    ],
  ];
  for (const [optimizer, name, paths] of changes) {
    const step = stepOf(optimizer);
    const state = optimizer.init(params);
    expect(Object.keys(hyperparameters(state))).toContain(name);
    const before = await numbers(step({ params, state }, grads).params);
    const after = await numbers(step({ params, state: setHyperparameter(state, name, 0.5) }, grads).params);
    const changed = Object.keys(before).filter((path) => String(before[path]) !== String(after[path]));
    expect(changed).toEqual(paths);
    expect(step.compilations).toBe(1);
  }
});

test.each(Object.keys(optimizers))(
  "the state of %s goes through a checkpoint to the same bits",
  async (name) => {
    const optimizer = (optimizers[name] as () => Optimizer)();
    const step = stepOf(optimizer);
    // The reference computes in f64, of which a checkpoint keeps f32.
    const device = devices.at(-1) as string;
    const params = leaves(golden.params, device);
    const grads = leaves(golden.grads[0] as Values, device);
    const now = step({ params, state: optimizer.init(params) }, grads);
    const dir = mkdtempSync(join(tmpdir(), "nabla-by-path-"));
    try {
      await saveCheckpoint(dir, now, {});
      const { tensors } = await loadCheckpoint(dir, { device });
      const restored = restoreTree({ params, state: optimizer.init(params) }, tensors, dir);
      expect(await numbers(step(restored, grads).params)).toEqual(await numbers(step(now, grads).params));
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
);

test("layers are counted by number, or as they are listed", async () => {
  const one = tensor([1]);
  const updatesOf = (optimizer: Optimizer, params: Record<string, { w: Tensor }>) => {
    const [updates] = optimizer.update(params, optimizer.init(params), params);
    return Promise.all(["a", "b", "c"].flatMap((name) => updates[name]?.w.item() ?? []));
  };
  const blocks = { a: { w: one }, b: { w: one }, c: { w: one } };
  const listed = layerWise({ decay: 0.5, layers: ["b", "a", "c"] });
  expect(await updatesOf(listed, blocks)).toEqual([0.5, 0.25, 1]);
  // Layers without parameters do not count, and 10 comes after 2.
  const numbered: { layers: Record<string, Tensor>[] } = {
    layers: [...Array(11).keys()].map((i) =>
      i === 2 || i === 10 ? { w: one } : ({} as Record<string, Tensor>),
    ),
  };
  const optimizer = layerWise({ decay: 0.5 });
  const [{ layers }] = optimizer.update(numbered, optimizer.init(numbered), numbered);
  expect(await layers[2]?.w?.item()).toBe(0.5);
  expect(await layers[10]?.w?.item()).toBe(1);
});

const params = () => leaves(golden.params, devices[0] as string);
test.each<readonly [() => unknown, string]>([
  [() => perParameter({}, make), "perParameter: there must be a pattern of paths; got none."],
  [
    () => perParameter({ "layer/2": {} }, make).init(params()),
    'perParameter: "layer/2" must match a parameter; ',
  ],
  [() => scaleByPath({}), "scaleByPath: there must be a pattern of paths; got none."],
  [() => scaleByPath({ a: -1 }), "scaleByPath: a must be at least 0; got -1."],
  [() => scaleByPath({ "**/bais": 2 }).init(params()), 'there are "layers/0/bias", '],
  [
    () => scaleByPath({ "**": 2, "**/bias": 3 }).init(params()),
    '"**/bias" must take a parameter; patterns before it',
  ],
  [() => layerWise({ decay: -1 }), "layerWise: decay must be at least 0; got -1."],
  [
    () => layerWise({ layer: ["a"] } as never),
    'layerWise: there is no option "layer". Did you mean "layers"?',
  ],
  [
    () => layerWise({ layers: ["layers/0", "layers/7"] }).init(params()),
    'layerWise: "layers/7" must match a parameter',
  ],
  [
    () => layerWise().init({ body: tensor([1]), head: tensor([1]) }),
    "layerWise: paths must begin as one and go on ",
  ],
])("%s is an error", (start, message) => {
  expect(start).toThrow(message);
});

test("averages of some groups are evaluated, the rest as it is", async () => {
  const leaves = () => ({ body: tensor([1, 2]), head: tensor([3]) });
  const make = ({ decay }: { decay?: number }) => (decay === undefined ? sgd(0.5) : ema(sgd(0.5), { decay }));
  const optimizer = perParameter({ head: { decay: 0.75 } }, make);
  const [updates, state] = optimizer.update(leaves(), optimizer.init(leaves()), leaves());
  const moved = applyUpdates(leaves(), updates);
  const { body, head } = evaluatedParameters(state, moved);
  expect([...(await moved.head.data())]).toEqual([1.5]);
  expect([...(await body.data())]).toEqual([0.5, 1]);
  // 0.75 * 3 + 0.25 * 1.5
  expect([...(await head.data())]).toEqual([2.625]);
});

test("schedules within are known to the run", () => {
  const falling = linear({ from: 1, to: 0, steps: 5 });
  const optimizer = perParameter<{ rate: number }>({ "**/bias": { rate: 2 } }, ({ rate }) =>
    rate === undefined ? sgd(falling) : sgd(rate),
  );
  expect(scheduleNotes(chain(optimizer, scaleByPath({ "**": falling })), 9)).toEqual([
    "learningRate: its schedule ends at step 5 of 9 and stays at 0 from there.",
    "**: its schedule ends at step 5 of 9 and stays at 0 from there.",
  ]);
});
