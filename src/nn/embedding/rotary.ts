/** Rotary position embedding: queries and keys turned by angles that grow with their position. */
import { concat, cos, sin, stack, type Tensor, type TensorLike } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import { angles, positionsFrom } from "./positions.ts";

export interface RotaryOptions {
  /** Default 10,000. */
  readonly base?: number;
  /** The position of the first element, a number or i32 []. Default 0. */
  readonly offset?: TensorLike;
  /**
   * Which elements are turned together: "half", i with i + width / 2, as GPT-NeoX and Llama in Hugging Face's transformers; or
   * "interleaved", 2 i with 2 i + 1, as in the paper. Default "half".
   */
  readonly pairs?: "half" | "interleaved";
  /** The axis of time. Default -2. */
  readonly axis?: number;
}

/**
 * Turns each pair (a, b) of x: [..., time, width] at position p by p / base^(2 i / width), i being the pair's number:
 * (a cos - b sin, b cos + a sin). The product of a turned query and a turned key depends on the distance of their positions alone.
 * Su et al., "RoFormer: Enhanced transformer with rotary position embedding", 2021.
 * @throws ShapeError unless x has an axis of time and a last one of even size; ConfigError for other pairs.
 * @example const scores = rotary(q).matmul(rotary(k).transpose()); // q, k: [batch, heads, time, width]
 */
export function rotary(x: Tensor, options: RotaryOptions = {}): Tensor {
  const { base = 10_000, offset = 0, pairs = "half", axis = -2 } = options;
  const [width, along] = [x.shape.at(-1), axis < 0 ? x.ndim + axis : axis];
  if (width === undefined || width % 2 !== 0 || !(along >= 0 && along < x.ndim - 1)) {
    throw new ShapeError(
      `rotary: x must have an axis of time and a last one of even size; got ${x.dtype}${formatShape(x.shape)}, time on axis ${axis}.`,
    );
  }
  const angle = angles(positionsFrom(x.shape[along] as number, offset), width, base); // [time, width / 2]
  const rest = new Array<number>(x.ndim - 2 - along).fill(1);
  const spread = (table: Tensor) => table.reshape([table.shape[0] as number, ...rest, width / 2]);
  const [c, s] = [spread(cos(angle)), spread(sin(angle))];
  switch (pairs) {
    case "half": {
      const [a, b] = x.split(2, -1) as [Tensor, Tensor];
      return concat([a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))], -1);
    }
    case "interleaved": {
      const every = x.reshape([...x.shape.slice(0, -1), width / 2, 2]);
      const [a, b] = [every.index("...", 0), every.index("...", 1)];
      return stack([a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))], -1).reshape(x.shape);
    }
    default:
      pairs satisfies never;
      throw new ConfigError(`rotary: pairs must be "half" or "interleaved"; got ${JSON.stringify(pairs)}.`);
  }
}
