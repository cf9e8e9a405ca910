/** The public entrances agree: jit and implicit realisation, one call and a repeated one, with and without donation. */
import fc from "fast-check";
import { jit, Tensor, tensor } from "nabla";
import { describe, expect, it } from "vitest";
import type { Node } from "../../src/engine/ir/index.ts";
import { decode, type Host } from "../sweep/host.ts";
import { cook, inputsOf, type Numbers, type Recipe, recipes, runs } from "./recipe.ts";

const onDevice = ({ aval, bytes }: Host): Tensor => {
  const flat = tensor(Array.from(decode({ aval, bytes })), { dtype: aval.dtype, shape: aval.shape });
  return flat;
};

const apply = (recipe: Recipe, numbers: Numbers, tensors: readonly Tensor[]): Tensor[] => {
  const nodes: Node[] = tensors.map(({ node }) => node);
  return cook(recipe, nodes, numbers).map((node) => new Tensor(node));
};

const read = (tensors: readonly Tensor[]) => Promise.all(tensors.map((t) => t.data()));

// Reading several results one by one makes a plan for each; sums of floats depend on how a plan cuts rows.
describe.each(["integers", "ordered floats"] as const)("on %s", (numbers) => {
  it("jit equals implicit realisation", async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const tensors = inputsOf(recipe, numbers).map(onDevice);
        const compiled = jit((...args: Tensor[]) => apply(recipe, numbers, args));
        const eager = await read(apply(recipe, numbers, tensors));
        expect(await read(compiled(...tensors))).toEqual(eager);
        // Again, from the cache.
        expect(await read(compiled(...tensors))).toEqual(eager);
        expect(compiled.compilations).toBe(1);
      }),
      runs(60),
    );
  });

  it("a donated state repeated n times equals n calls", async () => {
    await fc.assert(
      fc.asyncProperty(recipes, fc.integer({ min: 1, max: 5 }), async (recipe, count) => {
        const hosts = inputsOf(recipe, numbers);
        const [first] = hosts;
        if (first === undefined || first.aval.dtype === "bool") return;
        // The state takes in what the graph computes from it, so that a wrong overwrite shows.
        const next = (state: Tensor, rest: readonly Tensor[]): [Tensor, Tensor[]] => {
          const results = apply(recipe, numbers, [state, ...rest]);
          return [state.mul(3).sub(state.max()).add(1), results];
        };
        if (first.aval.shape.includes(0)) return;
        const rest = hosts.slice(1).map(onDevice);
        const step = jit((state: Tensor, ...others: Tensor[]) => next(state, others), { donate: [0] });
        const [repeated, last] = await step.repeat(count, onDevice(first), ...rest);
        let state = onDevice(first);
        let results: Tensor[] = [];
        for (let i = 0; i < count; i++) [state, results] = next(state, rest);
        expect(await read([repeated, ...last])).toEqual(await read([state, ...results]));
      }),
      runs(60),
    );
  });
});
