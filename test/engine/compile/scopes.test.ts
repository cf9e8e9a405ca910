/** Which part of a program a step is for, and what it has to do. */
import { grad, type Tensor } from "nabla";
import { apply, LSTM, Sequential, scopedLayers } from "nabla/nn";
import { describe, expect, test } from "vitest";
import { workOfSteps } from "../../../src/engine/compile/index.ts";
import { gradientScope, inScope, type Plan, partOf, type Step } from "../../../src/engine/ir/index.ts";
import { graphKey } from "../../../src/engine/runtime/key.ts";
import { given, givenLike, planOf } from "./trace.ts";

const scopesOf = ({ steps }: Plan): string[][] => steps.map(({ scopes = {} }) => Object.keys(scopes).sort());

/** A network with a loop, on two sequences of five steps, over parameters that are given. */
function recurrent() {
  const model = new Sequential(new LSTM(4, 8)).init(0);
  const params = givenLike(model.parameters());
  const forward = (x: Tensor): Tensor =>
    apply(model, params, () => scopedLayers(model, undefined, () => model.forward(x)));
  return { x: given([2, 5, 4]), params, forward };
}

describe("scopes", () => {
  test("derivatives are their part's, and inner parts win", () => {
    expect(partOf("a/b")).toEqual({ path: "a/b", backward: false });
    expect(partOf(gradientScope(gradientScope("a")) ?? "")).toEqual({ path: "a", backward: true });
    const [x, w, v] = [given([8, 16]), given([16, 32]), given([32, 4])];
    const network = (w: Tensor, v: Tensor) =>
      inScope("outside", () => {
        const h = inScope("first", () => x.matmul(w));
        return inScope("second", () => h.matmul(v)).sum();
      });
    const gradients = grad((p: { w: Tensor; v: Tensor }) => network(p.w, p.v))({ w, v });
    expect(scopesOf(planOf([x, w, v], gradients))).toEqual([["first"], ["second'"], ["second'"], ["first'"]]);
  });

  test("steps without one have none, and a fault does not leave one behind", () => {
    const x = given([8, 8]);
    expect(() =>
      inScope("broken", () => {
        throw new Error("on the way");
      }),
    ).toThrow("on the way");
    expect(planOf([x], x.exp().sum(1)).steps.map(({ scopes }) => scopes)).toEqual([undefined]);
  });

  test("what is fused counts for each by its elements; equal kernels joined count for all", () => {
    const [x, y] = [given([10, 20]), given([30, 40])];
    const fused = inScope("row", () => inScope("each", () => x.exp().sqrt()).sum(1));
    const joined = [x, y].map((z, i) => inScope(`part${i}`, () => z.sin()));
    expect(planOf([x], fused).steps.map(({ scopes }) => scopes)).toEqual([{ each: 400, row: 200 }]);
    expect(planOf([x, y], joined).steps.map(({ scopes }) => scopes)).toEqual([{ part0: 200, part1: 1200 }]);
  });

  test("go into loops, forward and backward", () => {
    const { x, params, forward } = recurrent();
    const gradient = grad((x: Tensor) => forward(x).square().sum())(x);
    const inside = (steps: readonly Step[]): Step[] =>
      steps.flatMap((step) => (step.kind === "loop" ? [step, ...inside(step.steps)] : [step]));
    const all = inside(planOf([x, params], gradient).steps);
    const named = new Set(all.flatMap(({ scopes = {} }) => Object.keys(scopes)));
    expect(named).toContain("layers/0");
    expect(named).toContain("layers/0'");
  });

  test("programs whose parts are others are others", () => {
    const x = given([4]);
    const key = (scope: string | null) => {
      const out = inScope(scope, () => x.exp()).node;
      return graphKey([x.node], [x.node, out], [out]);
    };
    expect(key("a")).toBe(key("a"));
    expect(new Set([key("a"), key("b"), key(null)]).size).toBe(3);
  });
});

describe("work", () => {
  test("of products and what follows them", () => {
    const [a, b, bias] = [given([8, 16]), given([16, 32]), given([32])];
    const [work] = workOfSteps(planOf([a, b, bias], a.matmul(b).add(bias)));
    expect(work).toEqual({ flops: 2 * 8 * 16 * 32 + 8 * 32, bytes: 4 * (8 * 16 + 16 * 32 + 8 * 32 + 32) });
  });

  test("of rows: reductions count their operands, what is read twice comes once", () => {
    const x = given([10, 20]);
    const [work] = workOfSteps(planOf([x], x.mul(x).sum(1).add(1)));
    expect(work).toEqual({ flops: 10 * 20 + 10 * 20 + 10, bytes: 4 * (10 * 20 + 10) });
  });

  test("of a loop is that of its rounds", () => {
    const { x, params, forward } = recurrent();
    const plan = planOf([x, params], forward(x));
    const flops = workOfSteps(plan).reduce((sum, work) => sum + work.flops, 0);
    const products = 2 * 2 * 5 * (4 + 8) * 4 * 8;
    expect(flops).toBeGreaterThan(products);
    expect(flops).toBeLessThan(1.5 * products);
  });
});
