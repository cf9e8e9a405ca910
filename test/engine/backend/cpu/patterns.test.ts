/** A superinstruction gives the bits of the operations it stands for. */
import { describe, expect, it } from "vitest";
import { type Expression, patterns } from "../../../../src/engine/backend/cpu/patterns.ts";
import { INNER, select } from "../../../../src/engine/backend/cpu/select.ts";
import type { Backend, Plan, ScalarOp } from "../../../../src/engine/ir/index.ts";
import { BodyMaker, everyIsa, f32, numbers, PlanMaker, runPlan, segment, whole } from "./plans.ts";

const n = 300;
const devices = everyIsa(1);

/** The expression over loads; with `apart`, every step of it is stored as well, so that none can be joined with another. */
function planOf(expression: Expression, leaves: readonly string[], apart: boolean): Plan {
  const maker = new PlanMaker();
  const body = new BodyMaker();
  const inputs = leaves.map((leaf) => maker.input(leaf.startsWith("s") ? f32() : f32(n)));
  const values = new Map(leaves.map((leaf) => [leaf, body.load()]));
  const stored: number[] = [];
  const build = (node: Expression): number => {
    if (typeof node === "string") return values.get(node) as number;
    if (typeof node === "number") return body.literal(node);
    const [op, ...args] = node as [ScalarOp, ...Expression[]];
    const value = body.scalar(op, ...args.map(build));
    stored.push(value);
    return value;
  };
  const result = build(expression);
  for (const value of apart ? stored : []) if (value !== result) body.store(value);
  body.store(result);
  const loads = inputs.map((buffer, i) => ({
    buffer,
    offset: 0,
    strides: [leaves[i]?.startsWith("s") ? 0 : 1],
  }));
  const stores = body.stores.map(({ dtype }) => whole(maker.output({ dtype, shape: [n] }), [n]));
  maker.step({ kind: "fused", body: body.body(), segments: [segment([n], 0, loads, stores)] });
  return maker.plan();
}

const opsOf = (plan: Plan, leaves: readonly string[]): string[] => {
  const step = plan.steps[0];
  if (step?.kind !== "fused") throw new Error("not a fused step");
  const loads = leaves.map((leaf) => leaf.startsWith("s"));
  const { values, stores } = select(step.body, { asMap: true, loads, indices: [] });
  const used = new Set(stores);
  for (let id = values.length - 1; id >= 0; id--)
    if (used.has(id)) for (const arg of values[id]?.args ?? []) used.add(arg);
  return values
    .filter(({ level, op }, id) => used.has(id) && level === INNER && op !== "load")
    .map(({ op }) => op);
};

async function bits(device: Backend, plan: Plan): Promise<Uint8Array> {
  const inputs = plan.inputs.map(({ shape }, i) =>
    shape.length === 0 ? [0.7 + i] : special(numbers(n, i + 1)),
  );
  return (await runPlan(device, plan, inputs)).bytes.at(-1) as Uint8Array;
}

/** With zeros of both signs, infinities and denormals among them. */
function special(values: Float32Array): Float32Array {
  values.set([0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-40, -1e-40, 3e38, -3e38]);
  return values;
}

/** NaNs compare as one: which of two it was is not part of an operation's meaning. */
const canonical = (bytes: Uint8Array) => {
  const words = new Uint32Array(bytes.slice().buffer);
  return words.map((word) => ((word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word));
};

describe.each(patterns.map((pattern) => [pattern.name, pattern] as const))(
  "%s",
  (name, { expression, leaves }) => {
    it("is chosen, and equals its parts", async () => {
      const [joined, apart] = [planOf(expression, leaves, false), planOf(expression, leaves, true)];
      expect(opsOf(joined, leaves)).toEqual([name]);
      for (const [isa, device] of devices) {
        expect(canonical(await bits(device, joined)), isa).toEqual(canonical(await bits(device, apart)));
      }
    });
  },
);

it("joins nothing whose parts are needed elsewhere, and takes only still operands for one value", () => {
  expect(
    opsOf(planOf(["add", ["mul", "x0", "x1"], "x2"], ["x0", "x1", "x2"], true), ["x0", "x1", "x2"]),
  ).toEqual(["mul_f", "add_f"]);
  const moving = ["x3", "x0", "x4", "x1"];
  expect(opsOf(planOf(["add", ["mul", "x3", "x0"], ["mul", "x4", "x1"]], moving, false), moving)).toEqual([
    "mul_mul_add",
  ]);
});
