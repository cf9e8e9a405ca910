/** Gated linear units: an axis in two halves, of which the second lets the first through. */

import type { Tensor } from "../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../util/index.ts";
import { gelu, relu, sigmoid, silu } from "./activations.ts";

function gated(name: string, gate: (x: Tensor) => Tensor): (x: Tensor, axis?: number) => Tensor {
  return (x, axis = -1) => {
    const size = x.shape.at(axis);
    if (size === undefined || size % 2 !== 0) {
      throw new ShapeError(
        `${name}: axis ${axis} must have an even size, to be halved; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const [value, opening] = x.split(2, axis) as [Tensor, Tensor];
    return value.mul(gate(opening));
  };
}

/**
 * a * sigmoid(b) for x = [a, b] along an axis, by default the last: [..., 2 n] -> [..., n].
 * Dauphin et al., "Language modeling with gated convolutional networks", 2017.
 * @throws ShapeError when the axis cannot be halved; so do the ones below.
 * @example new Sequential(new Linear(64, 2 * 128), (x) => glu(x), new Linear(128, 10));
 */
export const glu = gated("glu", sigmoid);

/** a * gelu(b), the gate being the second half as in `glu`. Shazeer, "GLU variants improve transformer", 2020. */
export const geglu = gated("geglu", gelu);

/** a * silu(b), the gate being the second half as in `glu`. Shazeer 2020. */
export const swiglu = gated("swiglu", silu);

/** a * relu(b), the gate being the second half as in `glu`. Shazeer 2020. */
export const reglu = gated("reglu", relu);
