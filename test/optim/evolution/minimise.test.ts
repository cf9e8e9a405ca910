import { jit, type Tensor, tensor } from "nabla";
import { apply, bceWithLogits, Linear, Sequential, type Tensors, tanh } from "nabla/nn";
import {
  cmaES,
  type Evolution,
  genetic,
  minimise,
  muLambda,
  openaiES,
  parametersToVector,
  vectorToParameters,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { devices } from "../../nn/devices.ts";
import { sphere } from "./shared.ts";

describe("minimise", () => {
  const search = cmaES({ seed: 4 });
  const start = [1, 2, 3];

  test("async, batched and plain objectives give the same", async () => {
    const plain = await minimise(sphere, search, { start, generations: 10 });
    expect(plain).toMatchObject({ reason: "generations", evaluations: 70 });
    expect(plain.loss).toBe(sphere(plain.x));
    expect(await minimise(async (x) => sphere(x), search, { start, generations: 10 })).toStrictEqual(plain);
    const batched = await minimise(async (xs) => Float64Array.from(xs, sphere), search, {
      start,
      generations: 10,
      batch: true,
    });
    expect(batched).toStrictEqual(plain);
  });

  test("goes on from a state; reports; stops at the target", async () => {
    const whole = await minimise(sphere, search, { start, generations: 9 });
    const half = await minimise(sphere, search, { start, generations: 4 });
    const rest = await minimise(sphere, search, { state: half.state, generations: 5 });
    expect(rest.state).toStrictEqual(whole.state);
    const seen: number[] = [];
    const done = await minimise(sphere, search, {
      start,
      generations: 500,
      target: 1e-3,
      onGeneration: async ({ generation, best, losses, state }) => {
        expect(state.generation).toBe(generation);
        expect(losses).toHaveLength(7);
        seen.push(best.loss);
      },
    });
    expect(done.reason).toBe("target");
    expect(done.loss).toBeLessThanOrEqual(1e-3);
    expect(seen.filter((loss) => loss <= 1e-3)).toHaveLength(1);
    expect(seen).toHaveLength(done.state.generation);
    const again = await minimise(sphere, search, { state: done.state, target: 1e-3 });
    expect(again).toMatchObject({ reason: "target", evaluations: 0 });
  });

  test("an aborted generation is dropped", async () => {
    const controller = new AbortController();
    let count = 0;
    const stopped = await minimise(
      (x) => {
        if (++count === 10) controller.abort();
        return sphere(x);
      },
      search,
      { start, signal: controller.signal },
    );
    expect(stopped).toMatchObject({ reason: "aborted", evaluations: 10 });
    expect(stopped.state).toStrictEqual((await minimise(sphere, search, { start, generations: 1 })).state);
    const never = await minimise(sphere, search, { start, signal: AbortSignal.abort() });
    expect(never).toMatchObject({ reason: "aborted", evaluations: 0, loss: Number.POSITIVE_INFINITY });
  });

  test("errors", async () => {
    await expect(minimise(sphere, search, {})).rejects.toThrow("a start or a state");
    await expect(minimise(sphere, search, { start, generations: 1.5 })).rejects.toThrow(
      "generations must be",
    );
    const broken = () => {
      throw new Error("broken");
    };
    await expect(minimise(broken, search, { start })).rejects.toThrow("broken");
    await expect(minimise(() => [1], search, { start, batch: true })).rejects.toThrow(
      "one loss for each of 7",
    );
  });
});

describe.each(devices)("models on %s", (device) => {
  test("parameters become a vector and come back to the bit", async () => {
    const params = {
      b: tensor([0.1, -0, 3], { device }),
      a: {
        w: tensor(
          [
            [1, 2],
            [3, 1e-30],
          ],
          { device },
        ),
        half: tensor([0.5, 0.3], { dtype: "bf16", device }),
      },
    };
    const vector = await parametersToVector(params);
    expect([...vector]).toEqual([0.5, 0.30078125, 1, 2, 3, Math.fround(1e-30), Math.fround(0.1), -0, 3]);
    const back = vectorToParameters(vector, params);
    expect(back.a.half.dtype).toBe("bf16");
    expect(back.a.w).toMatchObject({ shape: [2, 2], device });
    expect(await parametersToVector(back)).toStrictEqual(vector);
    expect(() => vectorToParameters(vector.slice(1), params)).toThrow(
      "as many numbers as the parameters; got 8 for 9",
    );
    await expect(parametersToVector({ i: tensor([1], { dtype: "i32" }) })).rejects.toThrow("got i32 at i");
  });

  test("each search teaches XOR to 33 weights", async () => {
    const model = new Sequential(new Linear(2, 8), tanh, new Linear(8, 1)).init(1);
    const x = tensor(
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
      { device },
    );
    const y = tensor([[0], [1], [1], [0]], { device });
    const params: Record<string, Tensor> = {};
    for (const [path, value] of Object.entries(model.parameters())) params[path] = await value.to(device);
    const loss = jit((p: Tensors) => apply(model, p, () => bceWithLogits(model.forward(x), y)));
    const of = (v: Float64Array) => loss(vectorToParameters(v, params)).item();
    const start = await parametersToVector(params);
    expect(start).toHaveLength(33);
    const learners: Record<string, Evolution> = {
      cmaES: cmaES({ sigma: 0.5 }),
      diagonal: cmaES({ sigma: 0.5, diagonal: true }),
      openaiES: openaiES({ sigma: 0.2, learningRate: 0.2, population: 32 }),
      muLambda: muLambda({ parents: 4, population: 28 }),
      genetic: genetic({ population: 32, sigma: 0.5, mutationRate: 0.1 }),
    };
    for (const [name, search] of Object.entries(learners)) {
      const found = await minimise(of, search, { start, generations: 200, target: 0.05 });
      expect(found.loss, name).toBeLessThanOrEqual(0.05);
      expect(found.loss, name).toBe(await of(found.x));
    }
  });
});
