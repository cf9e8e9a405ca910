import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompileOptions } from "../../../src/engine/compile/index.ts";
import type { Backend, Node } from "../../../src/engine/ir/index.ts";
import { evaluateGraph } from "../../../src/engine/ops/index.ts";
import { cook, dataOf, inputsOf, type Recipe, recipes, type Sizes, sizes } from "./graphs.ts";
import { backends, run } from "./run.ts";

const runs = Number(process.env.NABLA_FUZZ ?? 150);

/** -0 and 0 compare equal here: maxima of the two may be either. */
const plain = (values: ArrayLike<number>): number[] => Array.from(values, (value) => value + 0);

function meaning(
  inputs: readonly Node[],
  outputs: readonly Node[],
  data: readonly Float32Array[],
): number[][] {
  const given = new Map(inputs.map((input, i) => [input, Float64Array.from(data[i] ?? [])]));
  return evaluateGraph(outputs, given).map(plain);
}

async function check(
  recipe: Recipe,
  options: CompileOptions,
  donate: boolean,
  backend: Backend,
  size: Sizes = sizes.small,
): Promise<void> {
  const inputs = inputsOf(recipe, size);
  const outputs = cook(recipe, inputs, size);
  const data = dataOf(recipe, inputs);
  const donated = inputs.map((_, i) => donate && recipe.donated[i] === true);
  const got = await run({ inputs, outputs, donated }, data, options, 1, [], {}, backend);
  expect(got.outputs.map(plain)).toEqual(meaning(inputs, outputs, data));
}

describe.each(backends)("plans of random graphs mean what the graphs mean, on %s", (_device, backend) => {
  const variants: readonly (readonly [string, CompileOptions, boolean])[] = [
    ["fused", {}, false],
    ["unfused", { fuse: false }, false],
    ["donated", {}, true],
    ["without reuse of memory", { reuse: false }, true],
  ];
  test.each(variants)("%s", async (_name, options, donate) => {
    await fc.assert(
      fc.asyncProperty(recipes, (recipe) => check(recipe, options, donate, backend)),
      { numRuns: runs },
    );
  });

  test("larger", async () => {
    await fc.assert(
      fc.asyncProperty(recipes, (recipe) => check(recipe, {}, true, backend, sizes.large)),
      { numRuns: Math.ceil(runs / 3) },
    );
  });

  // Found by longer runs: an operand overwritten while it is folded; a group that another had taken in.
  test.each<[string, Sizes, Recipe]>([
    [
      "a sum beside squares in place",
      sizes.large,
      {
        inputs: [3],
        steps: [
          [9996, 0, 0, 0],
          [1, 7645, 0, 0],
        ],
        outputs: [1],
        donated: [true, false, false, false],
      },
    ],
    [
      "two scalar updates beside a short row",
      sizes.small,
      {
        inputs: [170, 1, 0, 2749],
        steps: [
          [4793, 0, 0, 0],
          [0, 2021, 0, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
          [0, 669, 6642, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
          [6101, 707, 0, 0],
          [0, 0, 112, 0],
          [1358, 0, 0, 0],
        ],
        outputs: [190, 5532],
        donated: [false, true, false, true],
      },
    ],
  ])("%s", (_name, size, recipe) => check(recipe, {}, true, backend, size));

  test("few buffers a kernel", async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const inputs = inputsOf(recipe);
        const outputs = cook(recipe, inputs);
        const data = dataOf(recipe, inputs);
        const graph = { inputs, outputs, donated: inputs.map(() => false) };
        const limits = { maxBuffersPerKernel: 6, segments: false };
        const got = await run(graph, data, {}, 1, [], limits, backend);
        expect(got.outputs.map(plain)).toEqual(meaning(inputs, outputs, data));
        for (const step of got.plan.steps) {
          if (step.kind !== "fused") continue;
          expect(step.segments).toHaveLength(1);
          expect(step.body.loads.length + step.body.stores.length).toBeLessThanOrEqual(6);
        }
      }),
      { numRuns: runs },
    );
  });
});
