/** tapLayers: what each layer of a model gives while a function runs its forward pass, as tensors of the same graph. */
import { isFloat } from "../../engine/ir/index.ts";
import { Tensor } from "../../engine/tensor/index.ts";
import type { Context } from "../context.ts";
import { withForwards } from "../forwards.ts";
import { Module } from "../module.ts";

/** One layer's output. */
export interface Tap {
  readonly path: string;
  /** The class of a module, the name of a function. */
  readonly kind: string;
  readonly output: Tensor;
}

/**
 * Runs `fn`, which calls the model's forward with a context that has `around`, and gives the float outputs of the layers in the order
 * they end: modules, and the plain functions that stand as layers. An output that a layer hands on counts for the innermost one; of a
 * layer that runs twice, the first run. Outputs of a loop's or composite's inside are among them: whoever computes with taps keeps those
 * that his own graph reaches. `fn` must be synchronous.
 * @example
 * const { result, taps } = tapLayers(model, (around) => model.forward(x, { ...context(), around }));
 */
export function tapLayers<R>(
  model: Module,
  fn: (around: NonNullable<Context["around"]>) => R,
): { result: R; taps: Tap[] } {
  const taps: Tap[] = [];
  const [nodes, paths] = [new Set<unknown>(), new Set<string>()];
  const note = (path: string, kind: string, output: unknown): void => {
    if (!(output instanceof Tensor) || !isFloat(output.dtype)) return;
    if (nodes.has(output.node) || paths.has(path)) return;
    nodes.add(output.node);
    paths.add(path);
    taps.push({ path, kind, output });
  };
  const modules = [...model.named().values()].filter((child) => child instanceof Module);
  const result = withForwards(
    modules,
    (module, input, ctx, forward) => {
      const output = forward(input, ctx);
      note(module.path, module.constructor.name, output);
      return output;
    },
    () =>
      fn((layer, path, run) => {
        const output = run();
        note(path, layer.name || "function", output);
        return output;
      }),
  );
  return { result, taps };
}
