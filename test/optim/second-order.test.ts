/** Optimizers that look at the loss: against optax (goldens/second_order.py), their estimates of curvature, and the step's context. */
import { arange, grad, jit, random, type Tensor, tensor, valueAndGrad, where } from "nabla";
import { dataset } from "nabla/data";
import { crossEntropy, Linear, mse, Sequential, tanh } from "nabla/nn";
import {
  accumulate,
  adam,
  applyUpdates,
  chain,
  ema,
  gaussNewtonBartlett,
  type HessianEstimator,
  hessianTimes,
  hutchinson,
  lookahead,
  type Mask,
  type Optimizer,
  partition,
  perParameter,
  polyakSgd,
  type StepContext,
  sam,
  scheduleFree,
  sgd,
  sharpnessAware,
  sophia,
  swa,
  switchAt,
  type TensorTree,
} from "nabla/optim";
import { Trainer } from "nabla/train";
import { describe, expect, test } from "vitest";
import { mapTree } from "../../src/util/index.ts";
import {
  descent,
  distance,
  type Named,
  precisions,
  problems,
  type Run,
  readGolden,
  type Steps,
} from "./problems.ts";

const { steps } = readGolden<{ steps: Steps }>("second-order.json");
const mask: Mask = (_, parameter) => parameter.ndim > 1;

/** What the runs here have in the context besides. */
const stepOf = (at: StepContext): Tensor => (at as StepContext & { step: Tensor }).step;

/** The golden's signs: by the number of the step, the leaf and the element. */
const givenSigns: HessianEstimator = (params, at) => {
  const names = Object.keys(params).sort();
  const step = stepOf(at);
  const v = mapTree<TensorTree>(params, (leaf, path) => {
    const { size, shape } = leaf as Tensor;
    const e = arange(size);
    const word = e
      .mul(e)
      .mul(3)
      .add(e.mul(step))
      .add(step.mul(7))
      .add(5 * names.indexOf(path));
    return where(word.remainder(4).lt(2), 1, -1).reshape(shape);
  });
  return hessianTimes(at.lossAt, params, v);
};

const cases: Named<() => Optimizer> = {
  sophia: () => sophia(0.01, { hessian: givenSigns }),
  "sophia options": () =>
    sophia(0.02, {
      beta1: 0.9,
      beta2: 0.8,
      epsilon: 1e-2,
      gamma: 0.5,
      clipThreshold: 0.7,
      every: 3,
      weightDecay: 0.1,
      mask,
      hessian: givenSigns,
    }),
  polyakSgd: () => polyakSgd(),
  "polyakSgd options": () => polyakSgd(0.5, { maxLearningRate: 0.3, fMin: 0.4, epsilon: 0.1 }),
  "polyakSgd positive": () => polyakSgd(1, { maxLearningRate: 0.3, fMin: 0.4, positive: true }),
};

/** Near the least loss the step size is a quotient of small differences: a rounding in f32 grows tenfold in 20 steps. */
const inF32: Named<number> = { polyakSgd: 2e-5 };

describe.each(precisions)("on %s against runs in %s", (device, precision) => {
  test.each(Object.keys(steps))("%s", async (name) => {
    for (const problem of problems) {
      const run = steps[name]?.[problem]?.[precision] as Run;
      const kept: number[] = [];
      const compilations = await descent(
        (cases[name] as () => Optimizer)(),
        problem,
        device,
        async (params, i) => {
          kept.push(await distance(params, i, run));
        },
      );
      expect(kept).toHaveLength(run.length);
      expect(Math.max(...kept), `${problem}: ${kept}`).toBeLessThan(
        precision === "f32" ? (inF32[name] ?? 1e-6) : 1e-6,
      );
      expect(compilations).toBe(1);
    }
  });
});

test("every golden has its optimizer here", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(steps).sort());
});

const device = "reference";
const keyOf = (n: number) => tensor(Uint32Array.of(n, 7), { device });
const start = () => ({
  w: tensor([0.5, -1, 2, 0.25], { device }).reshape([2, 2]),
  b: tensor([1, -0.5], { device }),
});
type Params = ReturnType<typeof start>;
/** Its Hessian is neither diagonal nor constant. */
const lossOf = ({ w, b }: Params) =>
  w
    .matmul(b.reshape([2, 1]))
    .square()
    .sum()
    .add(w.exp().sum())
    .add(b.pow(4).sum());
const contextAt = (params: Params, key = keyOf(1)): StepContext => ({
  loss: lossOf(params),
  lossAt: (other) => lossOf(other as Params),
  key,
});

describe("curvature", () => {
  test("the mean of v * (H v) over all signs is the diagonal", async () => {
    const params = start();
    const flat = [...(await params.w.data()), ...(await params.b.data())].map(Number);
    const at = (values: readonly number[]) => ({
      w: tensor(values.slice(0, 4), { device }).reshape([2, 2]),
      b: tensor(values.slice(4), { device }),
    });
    const sums = new Float64Array(6);
    for (let n = 0; n < 64; n++) {
      const v = at(flat.map((_, i) => ((n >> i) & 1 ? 1 : -1)));
      const h = hessianTimes((p) => lossOf(p as Params), params, v) as Params;
      [...(await h.w.data()), ...(await h.b.data())].forEach((value, i) => {
        sums[i] = (sums[i] as number) + Number(value) / 64;
      });
    }
    for (const [i, sum] of sums.entries()) {
      // d2/dx2 as the derivative of one entry of the gradient.
      const entry = (p: Params) => {
        const g = grad(lossOf)(p);
        const all = [g.w.reshape([4]), g.b];
        return (
          i < 4 ? (all[0] as Tensor).slice([i, i + 1]) : (all[1] as Tensor).slice([i - 4, i - 3])
        ).sum();
      };
      const second = grad(entry)(params);
      const own = i < 4 ? (await second.w.data())[i] : (await second.b.data())[i - 4];
      expect(sum).toBeCloseTo(Number(own), 6);
    }
  });

  test("hutchinson draws signs by the key: of a diagonal Hessian it gives the diagonal", async () => {
    const params = { a: tensor([1, 2, 3], { device }), b: tensor([4], { device }) };
    const lossAt = (p: TensorTree) => {
      const { a, b } = p as typeof params;
      return a.pow(3).sum().add(b.square().sum().mul(5));
    };
    const at = (key: number) => ({ loss: lossAt(params), lossAt, key: keyOf(key) });
    for (const key of [1, 2]) {
      const h = hutchinson(params, at(key)) as typeof params;
      expect([...(await h.a.data())]).toEqual([6, 12, 18]);
      expect([...(await h.b.data())]).toEqual([10]);
    }
    const draws = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => [
        ...(await (hutchinson(start(), contextAt(start(), keyOf(i))) as Params).w.data()),
      ]),
    );
    expect(new Set(draws.map(String)).size).toBeGreaterThan(8);
  });

  test("gaussNewtonBartlett squares the gradient of sampled labels", async () => {
    const x = random.normal(random.key(0), [12, 3]);
    const params = { w: random.normal(random.key(1), [3, 4]) };
    const logits = (p: TensorTree) => x.matmul((p as typeof params).w);
    const labels = random.categorical(random.key(2), logits(params));
    const sampledLossAt = (p: TensorTree) => crossEntropy(logits(p), labels);
    const at = { loss: tensor(0), lossAt: sampledLossAt, sampledLossAt, key: random.key(3) };
    const h = gaussNewtonBartlett(12)(params, at) as typeof params;
    const g = grad((p: typeof params) => sampledLossAt(p))(params);
    expect(await h.w.data()).toEqual(await g.w.square().mul(12).data());
    const step = sophia(0.1, { hessian: gaussNewtonBartlett(12) });
    const inPart = partition([() => true, step]);
    expect(() => inPart.update(params, inPart.init(params), params, at)).not.toThrow();
    expect(() => step.update(params, step.init(params), params, { ...at, sampledLossAt: undefined })).toThrow(
      "gaussNewtonBartlett: the step's context must have sampledLossAt",
    );
  });
});

describe("the step's context", () => {
  /** Keeps what it is given. */
  const seen: StepContext[] = [];
  const looking: Optimizer = {
    init: () => [],
    update(grads, state, _params, at) {
      if (at) seen.push(at);
      return [grads, state];
    },
  };
  test.each<[string, (inner: Optimizer) => Optimizer]>([
    ["chain", (inner) => chain(inner)],
    ["partition", (inner) => partition(["b", sgd(0.1)], ["**", inner])],
    ["perParameter", (inner) => perParameter({ b: { rate: 0.1 } }, ({ rate }) => (rate ? sgd(rate) : inner))],
    ["switchAt before", (inner) => switchAt(3, inner, sgd(0.1))],
    ["switchAt after", (inner) => switchAt(3, sgd(0.1), inner)],
    ["lookahead", (inner) => lookahead(inner)],
    ["ema", (inner) => ema(inner)],
    ["swa", (inner) => swa(inner, { start: 1 })],
    ["accumulate", (inner) => accumulate(inner, { every: 2 })],
    ["scheduleFree", (inner) => scheduleFree(inner, 0.1)],
    ["sharpnessAware", (inner) => sharpnessAware(inner)],
  ])("%s passes it on", async (name, wrap) => {
    seen.length = 0;
    const params = start();
    const optimizer = wrap(looking);
    optimizer.update(grad(lossOf)(params), optimizer.init(params), params, contextAt(params));
    expect(seen).toHaveLength(1);
    const { loss, lossAt } = seen[0] as StepContext;
    expect(await loss.item()).toBe(await lossOf(params).item());
    const moved = { ...params, w: params.w.add(1) };
    // A part moves its own parameters; the others stay.
    const own = name === "partition" || name === "perParameter" ? { w: moved.w } : moved;
    expect(await lossAt(own).item()).toBe(await lossOf(moved).item());
  });

  test("links of a chain and parts draw numbers of their own", async () => {
    seen.length = 0;
    const params = start();
    const optimizer = chain(
      looking,
      chain(looking, looking),
      partition(["w", looking], ["**", looking]),
      perParameter({ w: {} }, () => looking),
    );
    optimizer.update(grad(lossOf)(params), optimizer.init(params), params, contextAt(params));
    const keys = await Promise.all(seen.map(async ({ key }) => String(await key.array())));
    expect(new Set(keys).size).toBe(7);
  });

  test.each<[string, Optimizer]>([
    ["scaleBySophia", sophia()],
    ["polyakSgd", polyakSgd()],
    ["sharpnessAware", sharpnessAware(adam())],
  ])("%s throws without it", (name, optimizer) => {
    const params = start();
    expect(() => optimizer.update(params, optimizer.init(params), params)).toThrow(
      `${name}: update must be given the step's loss; got three arguments. Pass { loss, lossAt, key } as its fourth`,
    );
  });

  test("sharpnessAware is sam in the step's place", async () => {
    for (const options of [{ rho: 0.1 }, { rho: 0.5, adaptive: true }]) {
      const params = start();
      const optimizer = sharpnessAware(sgd(0.1), options);
      const [updates] = optimizer.update(
        grad(lossOf)(params),
        optimizer.init(params),
        params,
        contextAt(params),
      );
      const [, grads] = sam(valueAndGrad(lossOf), options)(params);
      const [same] = sgd(0.1).update(grads, sgd(0.1).init(params), params);
      expect(await (updates as Params).w.data()).toEqual(await (same as Params).w.data());
    }
    expect(() => sharpnessAware(sgd(0.1), { rho: 0 })).toThrow("sharpnessAware: rho must be above 0; got 0.");
  });

  test("a Trainer gives it", async () => {
    const x = Array.from({ length: 64 }, (_, i) => [1, 2, 3].map((j) => Math.sin(i * j * 1.7)));
    const data = dataset({ x, y: x.map(([a, b]) => [Math.tanh((a as number) + (b as number))]) });
    for (const optimizer of [
      sophia(0.05, { every: 3 }),
      polyakSgd(1, { maxLearningRate: 0.5 }),
      sharpnessAware(adam(0.05)),
    ]) {
      const trainer = new Trainer({
        model: new Sequential(new Linear(3, 8), tanh, new Linear(8, 1)),
        loss: mse,
        optimizer,
        seed: 3,
      });
      const before = (await trainer.evaluate(data)).loss as number;
      await trainer.fit(data, { epochs: 20, batchSize: 16 });
      const after = (await trainer.evaluate(data)).loss as number;
      expect(after).toBeLessThan(before / 4);
    }
  });

  test("the estimate is made in its steps alone: what is not finite elsewhere does no harm", async () => {
    const optimizer = sophia(0.01, {
      every: 4,
      hessian: (params, at) => {
        const due = where(stepOf(at).remainder(4).eq(0), 1, Number.NaN);
        return mapTree<TensorTree>(params, (leaf) => (leaf as Tensor).mul(due));
      },
    });
    const step = jit((params: Params, state: TensorTree, number: Tensor) => {
      const at = { ...contextAt(params), step: number };
      const [updates, next] = optimizer.update(grad(lossOf)(params), state, params, at);
      return { params: applyUpdates(params, updates), state: next };
    });
    let { params, state } = { params: start(), state: optimizer.init(start()) };
    for (let i = 0; i < 9; i++)
      ({ params, state } = step(params, state, tensor(i, { dtype: "i32", device })));
    expect([...(await params.w.data())].every(Number.isFinite)).toBe(true);
  });

  test("errors name what is wrong", () => {
    expect(() => sophia(0.1, { every: 0 })).toThrow(
      "scaleBySophia: every must be a whole number of at least 1; got 0.",
    );
    expect(() => sophia(0.1, { gamma: 0 })).toThrow("scaleBySophia: gamma must be above 0; got 0.");
    expect(() => polyakSgd(1, { epsilon: -1 })).toThrow("polyakSgd: epsilon must be at least 0; got -1.");
    expect(() => gaussNewtonBartlett(0)).toThrow("gaussNewtonBartlett: batchSize must be at least 1; got 0.");
  });
});
