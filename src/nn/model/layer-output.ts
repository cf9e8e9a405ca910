/** The output of one layer inside a model, while the model runs. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, suggestion } from "../../util/index.ts";
import { type Context, context } from "../context.ts";
import { withForwards } from "../forwards.ts";
import { Module } from "../module.ts";

/**
 * Runs `fn`, which calls the model's forward with the context it is given, and keeps what the layer at `path` gave: a module, or a
 * function that stands as a layer. Gradients may be taken by it. `fn` must be synchronous.
 * @throws ConfigError where no layer at the path runs, naming the nearest that does, and where it runs more than once.
 * @example const { result, output } = withLayerOutput(model, "layers/3", (ctx) => model.forward(x, ctx));
 */
export function withLayerOutput<R>(
  model: Module,
  path: string,
  fn: (ctx: Context) => R,
): { result: R; output: Tensor } {
  const ran = new Set<string>();
  const found: Tensor[] = [];
  const note = (at: string, y: Tensor): Tensor => {
    ran.add(at);
    if (at === path) found.push(y);
    return y;
  };
  const modules = [...model.named().values()].filter((child) => child instanceof Module);
  const around: Context["around"] = (_layer, at, run) => note(at, run());
  const result = withForwards<Tensor, Tensor, Module, R>(
    modules as Module[],
    (module, x, ctx, run) => note(module.path, run(x, ctx)),
    () => fn({ ...context(), around }),
  );
  const [output] = found;
  if (output === undefined) {
    const known = [...ran].filter((at) => at !== "");
    throw new ConfigError(
      `layer "${path}": must be a layer that the model runs; there is none at this path.${suggestion(path, known)}`,
    );
  }
  if (found.length > 1) {
    throw new ConfigError(
      `layer "${path}": must run once for an input; it runs ${found.length} times. Name a layer around it.`,
    );
  }
  return { result, output };
}
