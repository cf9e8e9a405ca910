/** Runs that are stopped and resumed, and joins in joins: a schedule depends on the step alone. */
import { jit, type Tensor, tensor } from "nabla";
import {
  applyUpdates,
  byEpoch,
  clamp,
  constant,
  cosine,
  cosineWarmRestarts,
  cyclical,
  exponentialDecay,
  join,
  linear,
  noam,
  oneCycle,
  oneCycleMomentum,
  type Schedule,
  scale,
  sgd,
  stepDecay,
  warmup,
} from "nabla/optim";
import { describe, expect, test } from "vitest";

const i32 = (step: number) => tensor(step, { dtype: "i32" });
const relative = (value: number, expected: number) =>
  value === expected ? 0 : Math.abs(value - expected) / Math.abs(expected);

const rise = linear({ from: 0, to: 0.1, steps: 5 });
const fall = cosine({ initial: 0.1, steps: 7 });
const waves = cyclical({ base: 0.01, max: 0.1, stepSizeUp: 3 });
const nested = join([
  [
    join([
      [rise, 5],
      [fall, 7],
      [join([[waves, 4], constant(0.03)]), 6],
      exponentialDecay({ initial: 0.1, rate: 0.8 }),
    ]),
    24,
  ],
  [warmup(cosineWarmRestarts({ initial: 0.2, period: 3, growth: 2 }), { steps: 4 }), 15],
  join([[rise, 5], fall]),
]);

describe("a join in a join", () => {
  test("counts each part from its own start", () => {
    const parts: [number, Schedule, number][] = [
      [0, rise, 5],
      [5, fall, 7],
      [12, waves, 4],
      [16, constant(0.03), 2],
      [18, exponentialDecay({ initial: 0.1, rate: 0.8 }), 6],
      [28, cosineWarmRestarts({ initial: 0.2, period: 3, growth: 2 }), 11],
      [39, rise, 5],
      [44, fall, 20],
    ];
    for (const [start, part, steps] of parts) {
      for (let step = 0; step < steps; step++)
        expect(nested(start + step), `${start} + ${step}`).toBe(part(step));
    }
  });

  test("follows the count of a compiled step, from whichever step that starts", async () => {
    const next = jit((count: Tensor) => [count.add(1), nested(count)] as const);
    for (let start = 0; start < 60; start += 7) {
      let count = i32(start);
      for (let step = start; step < 66; step++) {
        const [after, value] = next(count);
        count = after;
        expect(relative(await value.item(), nested(step)), `step ${step} from ${start}`).toBeLessThan(1e-6);
      }
    }
    expect(next.compilations).toBe(1);
  });
});

const schedules: Record<string, Schedule> = {
  nested,
  oneCycle: oneCycle({ peak: 0.1, total: 40 }),
  restarts: cosineWarmRestarts({ initial: 0.1, period: 3, growth: 2, factor: 0.7 }),
  cyclical: cyclical({ base: 0.01, max: 0.1, stepSizeUp: 4, mode: "triangular2" }),
  noam: noam({ dModel: 64, warmup: 10 }),
  clamped: clamp(
    scale(byEpoch(stepDecay({ initial: 0.1, factor: 0.5, every: 2 }), { stepsPerEpoch: 3 }), 3),
    {
      min: 0.01,
    },
  ),
};

test.each(Object.entries(schedules))(
  "%s: a run resumed at any step goes on as if never stopped",
  async (_, at) => {
    const optimizer = sgd(at, { momentum: oneCycleMomentum({ total: 40 }) });
    const step = jit((w: Tensor, state: ReturnType<typeof optimizer.init>) => {
      const [updates, next] = optimizer.update({ w: w.sub(1) }, state, { w });
      return [applyUpdates({ w }, updates).w, next] as const;
    });
    const run = (w: Tensor, state: ReturnType<typeof optimizer.init>, steps: number) => {
      for (let i = 0; i < steps; i++) [w, state] = step(w, state);
      return [w, state] as const;
    };
    const start = () => [tensor(0), optimizer.init({ w: tensor(0) })] as const;
    const [whole] = run(...start(), 50);
    const expected = await whole.item();
    for (let k = 0; k <= 50; k += 3) {
      const [w, state] = run(...start(), k);
      const [resumed] = run(tensor(await w.item()), await copied(state), 50 - k);
      expect(await resumed.item(), `resumed at ${k}`).toBe(expected);
    }
  },
);

/** The state written out as numbers and read again. */
async function copied<T>(state: T): Promise<T> {
  if (state && typeof state === "object" && "dtype" in state) {
    const leaf = state as unknown as Tensor;
    return tensor(await leaf.item(), { dtype: leaf.dtype as "f32" | "i32" }) as unknown as T;
  }
  if (Array.isArray(state)) return (await Promise.all(state.map(copied))) as unknown as T;
  const entries = Object.entries(state as object).map(async ([key, value]) => [key, await copied(value)]);
  return Object.fromEntries(await Promise.all(entries)) as T;
}
