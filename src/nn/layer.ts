/** Layer: what stands in a Sequential and the like, a module or a plain function, and how one is run. */
import type { Tensor } from "../engine/tensor/index.ts";
import { ConfigError, NablaError } from "../util/index.ts";
import type { Context } from "./context.ts";
import { Module } from "./module.ts";
import { noteMaker } from "./origin.ts";

/** A module, or a function of the tensor alone such as `relu`. */
export type Layer = Module | ((x: Tensor) => Tensor);

/** Throws ConfigError unless `layer` can stand at `place` of an `owner`. */
export function checkLayer(owner: string, place: string, layer: unknown): asserts layer is Layer {
  if (typeof layer !== "function" && !(layer instanceof Module)) {
    throw new ConfigError(
      `${owner}: ${place} must be a module or a function of a tensor; got ${layer === null ? "null" : typeof layer}.`,
    );
  }
  // A class passed without `new` is a function too, and would fail much later.
  if (typeof layer === "function" && layer.prototype instanceof Module) {
    throw new ConfigError(
      `${owner}: ${place} must be an instance; got the class ${layer.name}. Write new ${layer.name}(...).`,
    );
  }
}

/** The layer at `place` of `owner` on x. An error inside is led by the layer's name. */
export function runLayer(owner: Module, place: string, layer: Layer, x: Tensor, ctx: Context): Tensor {
  const path = owner.path === "" ? place : `${owner.path}/${place}`;
  try {
    const isModule = layer instanceof Module;
    const run = (): Tensor => (isModule ? layer.forward(x, ctx) : layer(x));
    const y = ctx.around && !isModule ? ctx.around(layer, path, run) : run();
    if (y !== x) noteMaker(y, isModule ? `${layer.constructor.name} ${path}` : path);
    return y;
  } catch (error) {
    throw inLayer(error, layer, path);
  }
}

/** The same error, its text led by the layer's name unless it has it already. */
function inLayer(error: unknown, layer: Layer, path: string): unknown {
  if (!(error instanceof NablaError) || error.message.includes(path)) return error;
  const name = layer instanceof Module ? layer.constructor.name : layer.name || "function";
  error.message = `${name} ${path}: ${error.message}`;
  return error;
}
