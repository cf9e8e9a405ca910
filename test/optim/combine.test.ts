/** Combined optimizers, averages, constraints and penalties against optax, PyTorch and scikit-learn (goldens/combine.py). */
import { readFileSync } from "node:fs";
import { grad, jit, random, type Tensor, tensor, valueAndGrad } from "nabla";
import {
  accumulate,
  adam,
  adamW,
  applyUpdates,
  averagedParameters,
  centralise,
  chain,
  clampParameters,
  elasticNet,
  ema,
  gradientNoise,
  l1Penalty,
  l2Penalty,
  lookahead,
  maxNorm,
  muon,
  newtonSchulz,
  nonNegative,
  type Optimizer,
  partition,
  proximal,
  type State,
  sam,
  scaleByMuon,
  setHyperparameter,
  sgd,
  swa,
  switchAt,
  unitNorm,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { devices } from "../nn/devices.ts";

type Leaves = { b: Tensor; w: Tensor };
type Numbers = { b: number[]; w: number[] };
const golden = JSON.parse(readFileSync(new URL("./goldens/combine.json", import.meta.url), "utf8")) as {
  params: Numbers;
  grads: Numbers[];
  runs: Record<string, Numbers[]>;
  elasticNet: { x: number[][]; y: number[]; l1: number; l2: number; coefficients: number[] };
};
const leaves = ({ b, w }: Numbers, device: string): Leaves => ({
  b: tensor(b, { device }),
  w: tensor(w, { device }).reshape([3, 2]),
});
const numbers = async ({ b, w }: Leaves): Promise<Numbers> => ({
  b: [...(await b.data())],
  w: [...(await w.data())],
});

/** What is looked at after each step: the parameters, or an average of them. */
type See = (params: Leaves, state: State) => Leaves;

async function run(optimizer: Optimizer, device: string, see: See = (params) => params): Promise<Numbers[]> {
  const step = jit(
    ({ params, state }: { params: Leaves; state: State }, grads: Leaves) => {
      const [updates, next] = optimizer.update(grads, state, params);
      return [{ params: applyUpdates(params, updates), state: next }];
    },
    { donate: [0] },
  );
  const start = leaves(golden.params, device);
  let now = { params: start, state: optimizer.init(start) };
  const kept: Numbers[] = [];
  for (const grads of golden.grads) {
    [now] = step(now, leaves(grads, device)) as [typeof now];
    kept.push(await numbers(see(now.params, now.state)));
  }
  expect(step.compilations).toBe(1);
  return kept;
}

function expectClose(got: readonly Numbers[], want: readonly Numbers[], tolerance: number): void {
  expect(got).toHaveLength(want.length);
  for (const name of ["b", "w"] as const) {
    const scale = Math.max(...want.flatMap((each) => each[name]).map(Math.abs));
    want.forEach((each, step) => {
      each[name].forEach((value, i) => {
        const off = Math.abs((got[step]?.[name][i] as number) - value) / scale;
        expect(off, `${name}[${i}] after step ${step}`).toBeLessThan(tolerance);
      });
    });
  }
}

const momentum = (): Optimizer => sgd(0.1, { momentum: 0.9 });
const average: See = (_, state) => averagedParameters(state) as Leaves;
const cases: Record<string, readonly [Optimizer, See?]> = {
  partition: [partition(["b", momentum()], ["**", adam(0.01)])],
  accumulate: [accumulate(momentum(), { every: 4 })],
  "accumulate adam": [accumulate(adam(0.01), { every: 3 })],
  lookahead: [lookahead(momentum(), { syncPeriod: 4 })],
  "lookahead adam": [lookahead(adam(0.05), { syncPeriod: 5, slowStepSize: 0.8 })],
  centralise: [chain(centralise(), momentum())],
  ema: [ema(momentum(), { decay: 0.8 }), average],
  swa: [swa(momentum(), { start: 5 }), average],
  "swa every": [swa(momentum(), { start: 2, every: 3 }), average],
  muon: [muon(0.02, { others: adamW(0.01) })],
  "muon all": [
    muon(0.02, {
      weightDecay: 0.01,
      momentum: 0.8,
      nesterov: false,
      steps: 3,
      coefficients: [3, -3.2, 1.2],
      scale: "adamW",
      others: adamW(0.01),
    }),
  ],
  nonNegative: [chain(momentum(), nonNegative())],
  maxNorm: [chain(sgd(0.1), maxNorm(1.25))],
};

describe.each(devices)("on %s", (device) => {
  test.each(Object.keys(cases))("%s", async (name) => {
    const [optimizer, see] = cases[name] as (typeof cases)[string];
    expectClose(await run(optimizer, device, see), golden.runs[name] as Numbers[], 2e-6);
  });

  test.each([
    ["sam", false],
    ["sam by the rule", false],
    ["sam adaptive", true],
  ] as const)("%s", async (name, adaptive) => {
    const [a, c] = golden.grads.map((each) => leaves(each, device)) as [Leaves, Leaves];
    const part = (p: Leaves, key: keyof Leaves) => a[key].abs().mul(p[key].sub(c[key]).square()).sum().div(2);
    const gradient = sam(
      valueAndGrad((p: Leaves) => part(p, "b").add(part(p, "w"))),
      { rho: 0.1, adaptive },
    );
    let params = leaves(golden.params, device);
    const kept: Numbers[] = [];
    for (const _ of golden.grads) {
      const [, grads] = gradient(params) as [Tensor, Leaves];
      params = { b: params.b.sub(grads.b.mul(0.1)), w: params.w.sub(grads.w.mul(0.1)) };
      kept.push(await numbers(params));
    }
    expectClose(kept, golden.runs[name] as Numbers[], 2e-6);
  });

  test("proximal steps end at the elastic net, its zeros exact", async () => {
    const { x, y, l1, l2, coefficients } = golden.elasticNet;
    const [inputs, targets] = [tensor(x.flat(), { device }).reshape([40, 8]), tensor(y, { device })];
    const optimizer: Optimizer = chain(sgd(0.3), proximal({ l1, l2, learningRate: 0.3 }));
    const loss = (w: Tensor) => inputs.matmul(w).sub(targets).square().mean().div(2);
    const step = jit(
      (now: { w: Tensor; state: State }) => {
        const [updates, state] = optimizer.update(grad(loss)(now.w), now.state, now.w);
        return [{ w: now.w.add(updates), state }];
      },
      { donate: [0] },
    );
    const start = tensor(new Float32Array(8), { device });
    const [end] = await step.repeat(400, { w: start, state: optimizer.init(start) });
    const got = [...(await (end as { w: Tensor }).w.data())];
    coefficients.forEach((want, i) => {
      if (want === 0) expect(got[i]).toBe(0);
      else expect(got[i]).toBeCloseTo(want, 5);
    });
    expect(coefficients.filter((each) => each === 0).length).toBeGreaterThan(2);
  });
});

test("newtonSchulz brings singular values near 1, of a matrix either way", async () => {
  for (const shape of [
    [12, 30],
    [30, 12],
  ]) {
    const x = newtonSchulz(random.normal(random.key(1), shape));
    const gram = shape[0] === 12 ? x.matmul(x.transpose()) : x.transpose().matmul(x);
    const values = await gram.data();
    for (let i = 0; i < 12; i++) {
      // Of the coefficients, which trade exactness for speed: squares of 0.7 to 1.2.
      expect(values[i * 13]).toBeGreaterThan(0.45);
      expect(values[i * 13]).toBeLessThan(1.5);
    }
  }
});

describe("switchAt", () => {
  test("is the first, then the second from its own start", async () => {
    const both = await run(switchAt(5, momentum(), adam(0.01)), "reference");
    const first = await run(momentum(), "reference");
    expect(both.slice(0, 5)).toEqual(first.slice(0, 5));
    const second = adam(0.01);
    let params = leaves(first[4] as Numbers, "reference");
    let state = second.init(params);
    for (const [i, grads] of golden.grads.slice(5).entries()) {
      const [updates, next] = second.update(leaves(grads, "reference"), state, params);
      [params, state] = [applyUpdates(params, updates), next];
      expectClose([both[5 + i] as Numbers], [await numbers(params)], 1e-6);
    }
  });
});

describe("gradientNoise", () => {
  const size = 20000;
  const noiseAt = async (optimizer: Optimizer, step: number): Promise<ArrayLike<number>> => {
    const zero = { w: tensor(new Float32Array(size)) };
    let state = optimizer.init(zero);
    for (let i = 0; i < step; i++) state = optimizer.update(zero, state, zero)[1];
    return optimizer.update(zero, state, zero)[0].w.data();
  };
  test("has the variance eta / (1 + t)^gamma, and other numbers each step", async () => {
    const optimizer = gradientNoise({ eta: 0.04, gamma: 0.5, seed: 3 });
    for (const step of [0, 3, 8]) {
      const noise = Array.from(await noiseAt(optimizer, step));
      const variance = noise.reduce((sum, x) => sum + x * x, 0) / size;
      // The deviation of a variance of n normal numbers is sqrt(2 / n) of it: 1 %.
      expect(variance / (0.04 / (1 + step) ** 0.5)).toBeCloseTo(1, 1);
      expect(Math.abs(noise.reduce((sum, x) => sum + x, 0) / size)).toBeLessThan(0.01);
    }
    expect(await noiseAt(optimizer, 1)).not.toEqual(await noiseAt(optimizer, 2));
  });
  test("is equal in equal runs", async () => {
    const [a, b] = [gradientNoise({ seed: 5 }), gradientNoise({ seed: 5 })];
    expect(await noiseAt(a, 2)).toEqual(await noiseAt(b, 2));
    expect(await noiseAt(gradientNoise({ seed: 6 }), 2)).not.toEqual(await noiseAt(a, 2));
  });
});

describe("constraints", () => {
  test("unitNorm: the weights into each unit have norm 1, vectors are left alone", async () => {
    const steps = await run(chain(sgd(0.1), unitNorm()), "reference");
    const free = await run(sgd(0.1), "reference");
    steps.forEach(({ b, w }, step) => {
      for (const unit of [0, 1]) expect(Math.hypot(...w.filter((_, i) => i % 2 === unit))).toBeCloseTo(1, 6);
      expect(b).toEqual(free[step]?.b);
    });
  });
  test("clampParameters: all stay in the interval", async () => {
    const steps = await run(chain(sgd(0.5), clampParameters(-0.5, 0.75)), "reference");
    const all = steps.flatMap(({ b, w }) => [...b, ...w]);
    expect(Math.min(...all)).toBe(-0.5);
    expect(Math.max(...all)).toBe(0.75);
  });
});

describe("penalties", () => {
  const params = () => ({ b: tensor([1, -2]), w: tensor([0.5, -0.25, 0]) });
  test("are strength |p| and strength p^2 / 2, of what the mask picks", async () => {
    expect(await l1Penalty(params(), 0.5).item()).toBeCloseTo(0.5 * 3.75, 6);
    expect(await l2Penalty(params(), 0.5).item()).toBeCloseTo(0.25 * 5.3125, 6);
    const mask = (path: string) => path === "w";
    expect(await l1Penalty(params(), 2, { mask }).item()).toBeCloseTo(1.5, 6);
    expect(await elasticNet(params(), { l1: 2, l2: 4, mask }).item()).toBeCloseTo(1.5 + 2 * 0.3125, 6);
  });
  test("have the gradients strength sign(p) and strength p", async () => {
    const first = grad((p: ReturnType<typeof params>) => l1Penalty(p, 0.5))(params());
    expect([...(await first.w.data())]).toEqual([0.5, -0.5, 0]);
    const second = grad((p: ReturnType<typeof params>) => l2Penalty(p, 0.5))(params());
    expect([...(await second.b.data())]).toEqual([0.5, -1]);
  });
});

describe("errors say what must hold", () => {
  const params = { layers: [{ weight: tensor([1]), bias: tensor([1]) }] };
  test.each([
    [
      () => partition(["**/weight", adam()]).init(params),
      /none of "\*\*\/weight" takes "layers\/0\/bias". Add \["\*\*"/,
    ],
    [
      () => partition(["**", adam()], ["bias", sgd()]).init(params),
      /"bias" must match a parameter; there are/,
    ],
    [() => partition(["**", adam()], ["**/bias", sgd()]).init(params), /parts before it take all/],
    [() => switchAt(0.5, adam(), sgd()), /switchAt: step must be a whole number of at least 1; got 0.5/],
    [() => lookahead(adam(), { syncPeriod: 0 }), /lookahead: syncPeriod must be a whole number/],
    [() => lookahead(adam(), { slowStepSize: 0 }), /slowStepSize must be above 0; got 0/],
    [() => ema(adam(), { decay: 1 }), /ema: decay must be at least 0 and below 1; got 1/],
    [() => swa(adam(), { start: -1 }), /swa: start must be a whole number of at least 0; got -1/],
    [() => accumulate(adam(), { every: Number.NaN }), /accumulate: every must be a whole number/],
    [
      () =>
        sam(
          valueAndGrad((p: Tensor) => p.sum()),
          { rho: -1 },
        ),
      /sam: rho must be above 0; got -1/,
    ],
    [() => gradientNoise({ eta: -1 }), /gradientNoise: eta must be at least 0; got -1/],
    [() => maxNorm(0), /maxNorm: limit must be above 0; got 0/],
    [() => clampParameters(1, 1), /low must be below high; got 1 and 1/],
    [() => proximal({ l1: Number.NaN, learningRate: 1 }), /proximal: l1 must be at least 0; got NaN/],
    [() => l1Penalty(params, -1), /l1Penalty: the strength must be at least 0; got -1/],
    [() => scaleByMuon().init(params), /two axes or more; "layers\/0\/bias" has 1/],
    [() => muon(0.1, { steps: 0 }), /scaleByMuon: steps must be a whole number of at least 1; got 0/],
    [() => averagedParameters(adam().init(params)), /must have one ema or swa; got none/],
  ])("%s", (make, message) => {
    expect(make).toThrow(message);
  });
});

test("hyper-parameters inside can be set by their place", async () => {
  const params = leaves(golden.params, "reference");
  const optimizer = partition(["b", sgd(0.5)], ["**", sgd(0.25)]);
  const state = setHyperparameter(optimizer.init(params), "1/0/learningRate", 1);
  const [updates] = optimizer.update(leaves(golden.grads[0] as Numbers, "reference"), state, params);
  expect((await numbers(updates)).w).toEqual(golden.grads[0]?.w.map((g) => -g));
  expect((await numbers(updates)).b).toEqual(golden.grads[0]?.b.map((g) => -g / 2));
});
