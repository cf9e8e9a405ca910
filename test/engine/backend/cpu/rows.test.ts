/** Row kernels of several stages, over rows of every length class, rows and columns, against the reference. */
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import type { FusedBody, Plan } from "../../../../src/engine/ir/index.ts";
import { BodyMaker, everyIsa, f32, numbers, PlanMaker, runPlan, segment } from "./plans.ts";

const reference = referenceBackend();
const devices = everyIsa(2);

/** exp(x - max) / sum, and log of the sum. */
function softmax(): FusedBody {
  const body = new BodyMaker();
  const x = body.load();
  const shifted = body.scalar("exp", body.scalar("sub", x, body.reduce("max", x)));
  const total = body.reduce("sum", shifted);
  body.store(body.scalar("div", shifted, total));
  body.store(body.scalar("log", total));
  return body.body();
}

/** (x - mean) / sqrt(variance + 1e-5), and the variance. */
function normalise(length: number): FusedBody {
  const body = new BodyMaker();
  const x = body.load();
  const each = body.literal(1 / length);
  const centred = body.scalar("sub", x, body.scalar("mul", body.reduce("sum", x), each));
  const variance = body.scalar("mul", body.reduce("sum", body.scalar("mul", centred, centred)), each);
  const deviation = body.scalar("sqrt", body.scalar("add", variance, body.literal(1e-5)));
  body.store(body.scalar("div", centred, deviation));
  body.store(variance);
  return body.body();
}

/** Slow values of two stages, each needed twice. */
function twice(): FusedBody {
  const body = new BodyMaker();
  const first = body.scalar("tanh", body.load());
  const second = body.scalar("exp", body.scalar("sub", first, body.reduce("max", first)));
  const scale = body.scalar("add", body.reduce("sum", second), body.reduce("sum", first));
  body.store(body.scalar("add", body.scalar("mul", second, scale), first));
  body.store(scale);
  return body.body();
}

/** x squared, and the sum of x: one pass writes over what it folds. */
function square(): FusedBody {
  const body = new BodyMaker();
  const x = body.load();
  const total = body.reduce("sum", x);
  body.store(body.scalar("mul", x, x));
  body.store(total);
  return body.body();
}

function planOf(body: FusedBody, rows: number, length: number, down: boolean, inPlace: boolean): Plan {
  const maker = new PlanMaker();
  const x = maker.input(f32(rows, length), inPlace);
  const strides = down ? [1, rows] : [length, 1];
  const at = { offset: 0, strides };
  let out = x;
  if (inPlace) maker.giveBack(x);
  else out = maker.output(f32(rows, length));
  const perRow = maker.output(f32(rows));
  const stores = [
    { buffer: out, ...at },
    { buffer: perRow, offset: 0, strides: [1, 0] },
  ];
  maker.step({ kind: "fused", body, segments: [segment([rows, length], 1, [{ buffer: x, ...at }], stores)] });
  return maker.plan();
}

const shapes = [
  [3, 1],
  [40, 10],
  [5, 256],
  [5, 257],
  [4, 1000],
  [2, 5000],
  [1, 40_000],
  [200, 30],
  [130, 3000],
  [300, 700],
] as const;

describe.each([
  ["softmax", () => softmax()],
  ["normalise", normalise],
  ["twice", () => twice()],
  ["square", () => square()],
] as const)("%s", (_, make) => {
  it.each(shapes)("%i rows of %i, along and down, in place and not", async (rows, length) => {
    for (const down of [false, true]) {
      for (const inPlace of [false, true]) {
        const plan = planOf(make(length), rows, length, down, inPlace);
        const expected = await runPlan(reference, plan, [numbers(rows * length)]);
        for (const [isa, device] of devices) {
          const mine = await runPlan(device, plan, [numbers(rows * length)]);
          mine.outputs.forEach((values, output) => {
            const want = expected.outputs[output] as Float64Array;
            const wrong = values.findIndex(
              (value, i) =>
                !(Math.abs(value - (want[i] as number)) <= 2e-5 * Math.max(1, Math.abs(want[i] as number))),
            );
            if (wrong >= 0)
              expect.fail(
                `${isa}, down ${down}, in place ${inPlace}: output ${output} at ${wrong}: ${values[wrong]}, not ${want[wrong]}`,
              );
          });
        }
      }
    }
  });
});
