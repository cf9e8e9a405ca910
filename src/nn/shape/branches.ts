/** Residual and Parallel: several ways from an input, joined again. */
import { concat, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, normaliseAxis, ShapeError, sameShape } from "../../util/index.ts";
import { type Context, context } from "../context.ts";
import { checkLayer, type Layer, runLayer } from "../layer.ts";
import { Module } from "../module.ts";

const text = (x: Tensor): string => `${x.dtype}${formatShape(x.shape)}`;

/**
 * y = x + inner(x), or projection(x) + inner(x) where the shape changes on the way. Parameters: those of its parts, at `inner` and
 * `projection`. He et al., "Deep residual learning for image recognition", 2016.
 * @throws ConfigError when a part is neither a module nor a function; ShapeError in `forward` when the two shapes differ.
 * @example
 * new Residual(
 *   new Sequential(new Conv2d(16, 32, 3, { stride: 2, padding: 1 }), relu, new Conv2d(32, 32, 3, { padding: 1 })),
 *   new Conv2d(16, 32, 1, { stride: 2 }),
 * );
 */
export class Residual extends Module {
  readonly inner: Layer;
  readonly projection: Layer | null;

  constructor(inner: Layer, projection: Layer | null = null) {
    super();
    checkLayer("Residual", "inner", inner);
    if (projection !== null) checkLayer("Residual", "projection", projection);
    this.inner = inner;
    this.projection = projection;
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    const y = runLayer(this, "inner", this.inner, x, ctx);
    const shortcut = this.projection === null ? x : runLayer(this, "projection", this.projection, x, ctx);
    if (!sameShape(y.shape, shortcut.shape)) {
      const way = this.projection === null ? "the input" : "the projection";
      throw new ShapeError(
        `${this.label}: inner must give the shape of ${way}; got ${text(y)} and ${text(shortcut)}.${this.projection === null ? " Give a projection." : ""}`,
      );
    }
    return y.add(shortcut);
  }
}

export interface ParallelOptions {
  /** "concat" (default): one after the other along `axis`. "add": their sum. */
  readonly join?: "concat" | "add";
  /** Default -1: channels. */
  readonly axis?: number;
}

/**
 * Several branches on the same input, their outputs joined. Parameters: those of the branches, at `branches/0`, `branches/1`, ...
 * Szegedy et al., "Going deeper with convolutions", 2015.
 * @throws ConfigError for no branch, one that is neither a module nor a function, or another join; ShapeError in `forward` when
 * shapes do not fit together.
 * @example new Parallel([new Conv2d(64, 32, 1), new Conv2d(64, 32, 3, { padding: 1 })]); // [8,28,28,64] -> [8,28,28,64]
 */
export class Parallel extends Module {
  readonly branches: readonly Layer[];
  readonly join: "concat" | "add";
  readonly axis: number;

  constructor(branches: readonly Layer[], options: ParallelOptions = {}) {
    super();
    const { join = "concat", axis = -1 } = options;
    if (branches.length === 0)
      throw new ConfigError("Parallel: there must be at least one branch; got none.");
    if (join !== "concat" && join !== "add") {
      throw new ConfigError(`Parallel: join must be "concat" or "add"; got ${JSON.stringify(join)}.`);
    }
    branches.forEach((branch, index) => {
      checkLayer("Parallel", `branches/${index}`, branch);
    });
    this.branches = [...branches];
    this.join = join;
    this.axis = axis;
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    const outputs = this.branches.map((branch, index) => runLayer(this, `branches/${index}`, branch, x, ctx));
    const [first, ...rest] = outputs as [Tensor, ...Tensor[]];
    const axis = this.join === "concat" ? normaliseAxis(this.label, this.axis, first.ndim) : -1;
    const agrees = ({ shape }: Tensor) =>
      shape.length === first.ndim &&
      shape.every((size, other) => other === axis || size === first.shape[other]);
    if (!rest.every(agrees)) {
      const but = this.join === "concat" ? ` but for axis ${axis}` : "";
      throw new ShapeError(
        `${this.label}: branches must give equal shapes${but}; got ${outputs.map(text).join(", ")}.`,
      );
    }
    return this.join === "concat" ? concat(outputs, axis) : rest.reduce((sum, y) => sum.add(y), first);
  }
}
