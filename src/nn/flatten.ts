/** Flatten: the axes after the batch as one. */
import type { Tensor } from "../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../util/index.ts";
import type { Context } from "./context.ts";
import { Module } from "./module.ts";

/**
 * [a, b, ..., c, d] -> [a, b * ... * c * d] for startAxis 1.
 * @throws ShapeError when the input has fewer than `startAxis` axes.
 * @example new Sequential(new Flatten(), new Linear(28 * 28, 10));
 */
export class Flatten extends Module {
  constructor(readonly startAxis = 1) {
    super();
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    if (x.shape.length < this.startAxis) {
      throw new ShapeError(
        `${this.label}: input must have at least ${this.startAxis} axes; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const size = x.shape.slice(this.startAxis).reduce((product, dim) => product * dim, 1);
    return x.reshape([...x.shape.slice(0, this.startAxis), size]);
  }
}
