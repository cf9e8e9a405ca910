/** Watching a model's layers run: for a time each one's forward goes through a function. */
import type { Context } from "./context.ts";
import type { Module } from "./module.ts";

/**
 * Runs `fn`, in which each of the modules runs through `around`, wherever it is called from: `around` gets the input and the context,
 * and a `run` for the module's own forward. `fn` must be synchronous.
 */
export function withForwards<I, O, M extends Module<I, O>, R>(
  modules: readonly M[],
  around: (module: M, input: I, ctx: Context, run: (input: I, ctx: Context) => O) => O,
  fn: () => R,
): R {
  const before = modules.map((module) => Object.getOwnPropertyDescriptor(module, "forward"));
  for (const module of modules) {
    const own = module.forward;
    const run = (input: I, ctx: Context): O => own.call(module, input, ctx);
    // Not enumerable: fields are children of the tree.
    Object.defineProperty(module, "forward", {
      configurable: true,
      writable: true,
      value: (input: I, ctx: Context): O => around(module, input, ctx, run),
    });
  }
  try {
    return fn();
  } finally {
    modules.forEach((module, index) => {
      const own = before[index];
      if (own === undefined) Reflect.deleteProperty(module, "forward");
      else Object.defineProperty(module, "forward", own);
    });
  }
}
