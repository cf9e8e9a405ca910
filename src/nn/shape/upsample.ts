/** Upsample: images made larger by repeating or by blending. */
import { arange, floorDivide, minimum, type Tensor, take } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { Module } from "../module.ts";

/** "linear", "bilinear" and "trilinear" are one: linear along each spatial axis, however many there are. */
export type UpsampleMode = "nearest" | "linear" | "bilinear" | "trilinear";

export interface UpsampleOptions {
  /** How many times as large, for all spatial axes or one each. This or `size` must be given. */
  readonly scale?: number | readonly number[];
  /** Places of the output, for all spatial axes or one each. */
  readonly size?: number | readonly number[];
  /** Default "nearest". */
  readonly mode?: UpsampleMode;
  /** Linear modes: whether the corners' middles coincide rather than the images' edges. Default false, as in PyTorch. */
  readonly alignCorners?: boolean;
}

const modes = ["nearest", "linear", "bilinear", "trilinear"] as const;

/**
 * [batch, ...spatial, channels] -> [batch, ...out, channels], out = `size` or floor(spatial * scale). Place i of the output lies at
 * (i + 1/2) in / out - 1/2 of the input, cut off at 0 (with alignCorners: at i (in - 1) / (out - 1)). "nearest" takes the element at
 * floor(i in / out); the linear modes blend the two next to the place along each axis. No parameters.
 * @throws ConfigError unless one of scale and size is given, and positive; ShapeError in `forward` for another number of spatial axes.
 * @example new Upsample({ scale: 2, mode: "bilinear" }); // [8,16,16,64] -> [8,32,32,64]
 */
export class Upsample extends Module {
  readonly scale: number | readonly number[] | null;
  readonly size: number | readonly number[] | null;
  readonly mode: UpsampleMode;
  readonly alignCorners: boolean;

  constructor(options: UpsampleOptions) {
    super();
    const { scale = null, size = null, mode = "nearest", alignCorners = false } = options;
    if ((scale === null) === (size === null)) {
      throw new ConfigError("Upsample: one of scale and size must be given; got both or neither.");
    }
    const list = [scale ?? size ?? []].flat();
    const fits = (value: number) =>
      value > 0 && (size === null ? Number.isFinite(value) : Number.isInteger(value));
    if (list.length === 0 || !list.every(fits)) {
      throw new ConfigError(
        `Upsample: ${size === null ? "scale must be positive" : "size must be positive integers"}; got ${JSON.stringify(scale ?? size)}.`,
      );
    }
    if (!modes.includes(mode)) {
      throw new ConfigError(
        `Upsample: mode must be one of ${modes.join(", ")}; got ${JSON.stringify(mode)}.`,
      );
    }
    if (alignCorners && mode === "nearest") {
      throw new ConfigError("Upsample: alignCorners belongs to the linear modes; got mode nearest.");
    }
    this.scale = scale;
    this.size = size;
    this.mode = mode;
    this.alignCorners = alignCorners;
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    const { scale, size, mode, alignCorners } = this;
    const spatial = x.shape.slice(1, -1);
    const asked = scale ?? size ?? 1;
    const rank = typeof asked === "number" ? Math.max(1, spatial.length) : asked.length;
    if (spatial.length !== rank || spatial.includes(0)) {
      throw new ShapeError(
        `${this.label}: input must be [batch, ...spatial, channels] with ${rank} spatial axes and places in them; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    return spatial.reduce((y, own, index) => {
      const factor = typeof asked === "number" ? asked : (asked[index] as number);
      const out = scale === null ? factor : Math.floor(own * factor);
      if (out < 1) {
        throw new ShapeError(
          `${this.label}: the scale must leave something; got ${factor} on ${x.dtype}${formatShape(x.shape)}.`,
        );
      }
      if (out === own) return y;
      return mode === "nearest" ? nearest(y, index + 1, out) : linear(y, index + 1, out, alignCorners);
    }, x);
  }
}

function nearest(x: Tensor, axis: number, out: number): Tensor {
  const size = x.shape[axis] as number;
  if (out % size === 0) return x.repeat(out / size, axis);
  return take(x, floorDivide(arange(out).mul(size), out), axis);
}

function linear(x: Tensor, axis: number, out: number, alignCorners: boolean): Tensor {
  const size = x.shape[axis] as number;
  const i = arange(out).astype("f32");
  const place = alignCorners
    ? i.mul(out === 1 ? 0 : (size - 1) / (out - 1))
    : i
        .add(0.5)
        .mul(size / out)
        .sub(0.5)
        .maximum(0);
  const before = place
    .floor()
    .astype("i32")
    .minimum(size - 1);
  const share = place.sub(before).reshape([out, ...x.shape.slice(axis + 1).map(() => 1)]);
  const low = take(x, before, axis);
  const high = take(x, minimum(before.add(1), size - 1), axis);
  return low.mul(share.neg().add(1)).add(high.mul(share));
}
