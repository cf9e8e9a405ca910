/** The problems of goldens/problems.py, and optimizers against runs of others on them. */
import { readFileSync } from "node:fs";
import { jit, random, type Tensor, tensor, valueAndGrad } from "nabla";
import { bceWithLogits, mse } from "nabla/nn";
import { applyUpdates, type Optimizer, type StepContext, type TensorTree } from "nabla/optim";
import { devices } from "../nn/devices.ts";

export type Named<T> = Record<string, T>;
export type Leaves = Named<Tensor>;

/** Parameters by name at the steps that are kept. */
export type Run = readonly Named<number[]>[];

/** A run in f64 and f32 for each problem, by case. */
export type Steps = Named<Named<Named<Run>>>;

export const readGolden = <T>(file: string): T =>
  JSON.parse(readFileSync(new URL(`./goldens/${file}`, import.meta.url), "utf8")) as T;

const golden = readGolden<{
  keep: number[];
  problems: Named<Named<Named<{ shape: number[]; values: number[] }>>>;
}>("optim.json");

export const problems = Object.keys(golden.problems);

/** The precision each device is compared in. */
export const precisions = devices.map((device) => [device, device === "cpu" ? "f32" : "f64"] as const);

const at = (tree: Leaves, name: string): Tensor => tree[name] as Tensor;

const losses: Named<(params: Leaves, data: Leaves) => Tensor> = {
  quadratic(params, data) {
    const p = at(params, "p").reshape([5, 1]);
    const h = at(data, "H");
    // p.(H H^T + I/4) p / 2 - b.p
    const quadratic = h.transpose().matmul(p).square().sum().add(p.square().sum().mul(0.25)).mul(0.5);
    return quadratic.sub(at(data, "b").mul(at(params, "p")).sum());
  },
  logistic: (params, data) =>
    bceWithLogits(at(data, "x").matmul(at(params, "w")).add(at(params, "b")), at(data, "y")),
  mlp(params, data) {
    const hidden = at(data, "x").matmul(at(params, "w1")).add(at(params, "b1")).tanh();
    return mse(hidden.matmul(at(params, "w2")).add(at(params, "b2")), at(data, "y"));
  },
};

function tensors(problem: string, part: "data" | "params", device: string): Leaves {
  return Object.fromEntries(
    Object.entries(golden.problems[problem]?.[part] ?? {}).map(([name, { shape, values }]) => [
      name,
      tensor(values, { device }).reshape(shape),
    ]),
  );
}

/** Largest difference of a step's parameters, each relative to the largest value its tensor had in the run. */
export async function distance(params: Leaves, step: number, run: Run): Promise<number> {
  let worst = 0;
  for (const [name, values] of Object.entries(run[step] as Named<number[]>)) {
    const got = await at(params, name).data();
    const scale = Math.max(...run.flatMap((kept) => kept[name] ?? []).map(Math.abs));
    values.forEach((value, i) => {
      worst = Math.max(worst, Math.abs((got[i] as number) - value) / scale);
    });
  }
  return worst;
}

/**
 * Takes 20 steps, and calls `visit` after each that is kept with its place in the golden run.
 * Returns how often the step was compiled.
 */
export async function descent(
  optimizer: Optimizer,
  problem: string,
  device: string,
  visit: (params: Leaves, kept: number, state: ReturnType<Optimizer["init"]>) => Promise<void>,
): Promise<number> {
  const loss = losses[problem] as (params: Leaves, data: Leaves) => Tensor;
  const data = tensors(problem, "data", device);
  const step = jit(
    (
      { params, state }: { params: Leaves; state: ReturnType<Optimizer["init"]> },
      data: Leaves,
      number: Tensor,
    ) => {
      const [value, grads] = valueAndGrad(loss)(params, data);
      const lossAt = (params: TensorTree) => loss(params as Leaves, data);
      const [updates, next] = optimizer.update(grads, state, params, {
        loss: value,
        lossAt,
        key: random.key(0),
        step: number,
      } as StepContext);
      return [{ params: applyUpdates(params, updates), state: next }];
    },
    { donate: [0] },
  );
  const initial = tensors(problem, "params", device);
  let state = { params: initial, state: optimizer.init(initial) };
  for (let i = 1; i <= 20; i++) {
    [state] = step(state, data, tensor(i, { dtype: "i32", device })) as [typeof state];
    const kept = golden.keep.indexOf(i);
    if (kept >= 0) await visit(state.params, kept, state.state);
  }
  return step.compilations;
}
