/** Sequential: layers and plain functions, one after the other. */
import type { Tensor } from "../engine/tensor/index.ts";
import { type Context, context } from "./context.ts";
import { checkLayer, type Layer, runLayer } from "./layer.ts";
import { Module } from "./module.ts";

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
      checkLayer("Sequential", `layers/${index}`, layer);
    });
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    return this.layers.reduce<Tensor>(
      (value, layer, index) => runLayer(this, `layers/${index}`, layer, value, ctx),
      x,
    );
  }
}
