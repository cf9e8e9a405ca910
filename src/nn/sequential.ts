/** Sequential: layers and plain functions, one after the other. */
import type { Tensor } from "../engine/tensor/index.ts";
import { ConfigError, NablaError } from "../util/index.ts";
import { type Context, context } from "./context.ts";
import { Module } from "./module.ts";
import { noteMaker } from "./origin.ts";

/** A step of a Sequential: a module, or a function of the tensor alone such as `relu`. */
export type Layer = Module | ((x: Tensor) => Tensor);

/**
 * y = last(...(first(x))). Takes layers as arguments or as one array; their paths are `layers/0`, `layers/1`, ...
 * An error inside a layer names the layer.
 * @throws ConfigError when a layer is neither a module nor a function.
 * @example new Sequential(new Linear(784, 128), relu, dropout(0.2), new Linear(128, 10));
 */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[] | [readonly Layer[]]) {
    super();
    this.layers = layers.flat() as Layer[];
    this.layers.forEach((layer, index) => {
      if (typeof layer !== "function" && !(layer instanceof Module)) {
        throw new ConfigError(
          `Sequential: layers/${index} must be a module or a function of a tensor; got ${layer === null ? "null" : typeof layer}.`,
        );
      }
      // A class passed without `new` is a function too, and would fail much later.
      if (typeof layer === "function" && layer.prototype instanceof Module) {
        throw new ConfigError(
          `Sequential: layers/${index} must be an instance; got the class ${layer.name}. Write new ${layer.name}(...).`,
        );
      }
    });
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    return this.layers.reduce<Tensor>((value, layer, index) => {
      const path = this.path === "" ? `layers/${index}` : `${this.path}/layers/${index}`;
      try {
        const next = layer instanceof Module ? layer.forward(value, ctx) : layer(value);
        if (next !== value)
          noteMaker(next, layer instanceof Module ? `${layer.constructor.name} ${path}` : path);
        return next;
      } catch (error) {
        throw inLayer(error, layer, path);
      }
    }, x);
  }
}

/** The same error, its text led by the layer's name unless it has it already. */
function inLayer(error: unknown, layer: Layer, path: string): unknown {
  if (!(error instanceof NablaError) || error.message.includes(path)) return error;
  const name = layer instanceof Module ? layer.constructor.name : layer.name || "function";
  error.message = `${name} ${path}: ${error.message}`;
  return error;
}
