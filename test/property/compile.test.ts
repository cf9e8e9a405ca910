/** What compile may choose changes no result: fusion, donation, sharing of memory, one plan or a plan for each operation. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Backend, type Node, topologicalOrder } from "../../src/engine/ir/index.ts";
import { build as b, evaluateGraph } from "../../src/engine/ops/index.ts";
import { paramsOf } from "../sweep/case.ts";
import { decode, encode, type Host } from "../sweep/host.ts";
import { type RunOptions, runGraph } from "../sweep/run.ts";
import { backends } from "./backends.ts";
import { describeGraph } from "./describe-graph.ts";
import { firstDifference } from "./equal.ts";
import { memoryProblems } from "./plan-check.ts";
import { cook, inputsOf, type Numbers, type Recipe, recipes, runs } from "./recipe.ts";

async function run(
  backend: Backend,
  recipe: Recipe,
  numbers: Numbers,
  options?: RunOptions,
): Promise<Host[]> {
  const data = inputsOf(recipe, numbers);
  const params = paramsOf(data);
  const outputs = cook(recipe, params, numbers);
  try {
    return await runGraph(backend, params, outputs, data, options);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\nin\n${describeGraph(outputs)}`);
  }
}

const everyInput = (recipe: Recipe) => recipe.inputs.map(() => true);

/** A plan for each node. */
async function runEagerly(backend: Backend, recipe: Recipe, numbers: Numbers): Promise<Host[]> {
  const data = inputsOf(recipe, numbers);
  const params = paramsOf(data);
  const outputs = cook(recipe, params, numbers);
  const values = new Map<Node, Host[]>(params.map((param, i) => [param, [data[i] as Host]]));
  for (const node of topologicalOrder(outputs)) {
    if (values.has(node)) continue;
    if (node.op === "output") {
      const all = values.get(node.src[0] as Node) as Host[];
      values.set(node, [all[node.attrs.index] as Host]);
      continue;
    }
    const sources = node.src.map((source) => (values.get(source) as Host[])[0] as Host);
    const inner = paramsOf(sources);
    const alone = { ...node, src: inner } as Node;
    const results = node.outs === undefined || node.outs.length === 1 ? [alone] : outputsOf(alone);
    values.set(node, await runGraph(backend, inner, results, sources));
  }
  return outputs.map((output) => (values.get(output) as Host[])[0] as Host);
}

const outputsOf = (node: Node): Node[] =>
  (node.outs ?? []).map((_, index) => b.make("output", [node], { index }));

describe.each(backends())("$name", ({ name, open }) => {
  const backend = open();

  it("integers equal their f64 meaning", async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const data = inputsOf(recipe, "integers");
        const params = paramsOf(data);
        const outputs = cook(recipe, params, "integers");
        const want = evaluateGraph(
          outputs,
          new Map(params.map((param, i) => [param, decode(data[i] as Host)])),
        );
        const got = await runGraph(backend, params, outputs, data);
        const meant = got.map(({ aval }, i) => encode(want[i] as Float64Array, aval.shape, aval.dtype));
        expect(firstDifference(got, meant)).toBe(null);
      }),
      runs(100),
    );
  });

  it.each(["integers", "floats"] as const)(
    "memory of %s plans is never overwritten while it is needed",
    async (numbers) => {
      await fc.assert(
        fc.asyncProperty(recipes, fc.boolean(), async (recipe, donate) => {
          const inspect = (plan: Parameters<typeof memoryProblems>[0]) =>
            expect(memoryProblems(plan)).toEqual([]);
          await run(backend, recipe, numbers, { inspect, donated: recipe.inputs.map(() => donate) });
        }),
        runs(100),
      );
    },
  );

  it.each(["integers", "floats"] as const)("donation does not change %s", async (numbers) => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const plain = await run(backend, recipe, numbers);
        expect(
          firstDifference(await run(backend, recipe, numbers, { donated: everyInput(recipe) }), plain),
        ).toBe(null);
        const kept = await run(backend, recipe, numbers, { donated: everyInput(recipe), donate: false });
        expect(firstDifference(kept, plain)).toBe(null);
      }),
      runs(100),
    );
  });

  it.each(["integers", "floats"] as const)("sharing of arena memory does not change %s", async (numbers) => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const apart = await run(backend, recipe, numbers, { reuse: false });
        expect(firstDifference(await run(backend, recipe, numbers), apart)).toBe(null);
      }),
      runs(100),
    );
  });

  // The reference device rounds floats only where it stores them, which depends on the plan.
  const stable = name === "reference" ? (["integers"] as const) : (["integers", "ordered floats"] as const);

  it.each(stable)("fusion does not change %s", async (numbers) => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const apart = await run(backend, recipe, numbers, { fuse: false });
        expect(firstDifference(await run(backend, recipe, numbers), apart)).toBe(null);
      }),
      runs(100),
    );
  });

  it.each(stable)("one plan equals a plan for each operation on %s", async (numbers) => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const each = await runEagerly(backend, recipe, numbers);
        expect(firstDifference(await run(backend, recipe, numbers), each)).toBe(null);
      }),
      runs(100),
    );
  });
});
