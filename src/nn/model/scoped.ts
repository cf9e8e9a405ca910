/** scopedLayers: nodes that a model's layers make are made for the layers' paths, so that a plan tells what each layer costs. */
import { inScope } from "../../engine/ir/index.ts";
import type { Context } from "../context.ts";
import { withForwards } from "../forwards.ts";
import { Module } from "../module.ts";

/** The scope of what a model does outside its layers. */
export const modelScope = "model";

/**
 * Runs `fn`, which calls the model's forward with a context that has the `around` it is given; `around` of the caller sees the plain
 * functions that stand as layers as before. The innermost module or function counts. `fn` must be synchronous.
 * @example scopedLayers(model, undefined, (around) => model.forward(x, { ...context(), around }));
 */
export function scopedLayers<R>(
  model: Module,
  around: Context["around"],
  fn: (around: NonNullable<Context["around"]>) => R,
): R {
  const modules = [...model.named().values()].filter((child) => child instanceof Module);
  return withForwards(
    modules,
    (module, input, ctx, forward) =>
      inScope(module.path === "" ? modelScope : module.path, () => forward(input, ctx)),
    () =>
      fn((layer, path, run) =>
        inScope(path, () => (around === undefined ? run() : around(layer, path, run))),
      ),
  );
}
