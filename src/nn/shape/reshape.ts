/** Reshape, ZeroPad and Identity: layers that only move elements, or not even that. */
import { type Padding, pad, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, type Shape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import type { Pair } from "../images.ts";
import { Module } from "../module.ts";

/**
 * Each row in another shape: [batch, ...] -> [batch, ...shape], elements in row-major order; one size may be -1 and follows from the
 * others. No parameters.
 * @throws ConfigError for sizes that are neither positive integers nor one -1; ShapeError in `forward` when the elements do not fit.
 * @example new Sequential(new Reshape([28, 28, 1]), new Conv2d(1, 6, 5)); // rows of 784 pixels as images
 */
export class Reshape extends Module {
  constructor(readonly shape: Shape) {
    super();
    const free = shape.filter((size) => size === -1).length;
    if (free > 1 || !shape.every((size) => size === -1 || (Number.isInteger(size) && size >= 1))) {
      throw new ConfigError(
        `Reshape: sizes must be positive integers, at most one being -1; got ${formatShape(shape)}.`,
      );
    }
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    const row = x.shape.slice(1).reduce((product, size) => product * size, 1);
    const known = this.shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const fits = this.shape.includes(-1) ? row % known === 0 : row === known;
    if (x.ndim === 0 || !fits) {
      throw new ShapeError(
        `${this.label}: a row must have as many elements as ${formatShape(this.shape)}; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    return x.reshape([x.shape[0] as number, ...this.shape.map((size) => (size === -1 ? row / known : size))]);
  }
}

/**
 * Zeros around the spatial axes: [batch, ...spatial, channels]. `padding` is a number for every side, or a number or
 * `[before, after]` for each spatial axis; negative ones crop. No parameters.
 * @throws ConfigError for what is no padding; ShapeError in `forward` for another number of spatial axes, or when nothing is left.
 * @example new ZeroPad([[0, 1], [0, 1]]); // [8,28,28,3] -> [8,29,29,3]
 */
export class ZeroPad extends Module {
  constructor(readonly padding: number | readonly (number | Pair)[]) {
    super();
    const list = [padding].flat(2);
    if (list.length === 0 || !list.every((size) => Number.isInteger(size))) {
      throw new ConfigError(
        `ZeroPad: padding must be a whole number, or one or a pair per spatial axis; got ${JSON.stringify(padding)}.`,
      );
    }
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    const { padding } = this;
    const spatial = x.shape.slice(1, -1);
    const list = typeof padding === "number" ? spatial.map(() => padding) : padding;
    const left = spatial.map((size, axis) => {
      const item = list[axis] ?? 0;
      return typeof item === "number" ? size + 2 * item : size + item[0] + item[1];
    });
    if (spatial.length === 0 || list.length !== spatial.length || left.some((size) => size < 1)) {
      throw new ShapeError(
        `${this.label}: input must be [batch, ...spatial, channels] with room for padding ${JSON.stringify(padding)}; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const whole: Padding = [0, ...list, 0];
    return pad(x, whole);
  }
}

/** y = x: what stands where a layer was taken out. No parameters. */
export class Identity extends Module {
  forward(x: Tensor, _ctx?: Context): Tensor {
    return x;
  }
}
