/** Neighbourhoods of pixels: sharpness, gaussianBlur; and gaussianNoise. */
import { concat, pad, random, type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import {
  type Augmentation,
  around1,
  checkStrength,
  exactly,
  keyOf,
  type ProbabilityOptions,
  perImage,
  pixelwise,
  type Strength,
} from "./augmentation.ts";
import { blended } from "./colour.ts";

/** Every neighbour of the inner pixels, x [batch, h, w, c] shifted. */
const inner = (x: Tensor, dy: number, dx: number): Tensor => {
  const [, height = 0, width = 0] = x.shape;
  return x.slice([], [1 + dy, height - 1 + dy], [1 + dx, width - 1 + dx], []);
};

/** The mean of 3 x 3 pixels in which the own counts fivefold; the border stays. */
export function smoothed(x: Tensor): Tensor {
  const [, height = 0, width = 0] = x.shape;
  if (height <= 2 || width <= 2) return x;
  const around = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => inner(x, dy, dx)));
  const mean = around
    .reduce((sum, part) => sum.add(part))
    .add(inner(x, 0, 0).mul(4))
    .div(13);
  const [left, right] = [
    x.slice([], [1, height - 1], [0, 1], []),
    x.slice([], [1, height - 1], [width - 1, width], []),
  ];
  return concat(
    [x.slice([], [0, 1], [], []), concat([left, mean, right], 2), x.slice([], [height - 1, height], [], [])],
    1,
  );
}

export const adjustSharpness = (x: Tensor, factor: Tensor): Tensor => blended(x, smoothed(x), factor);

/** Differences from the smoothed image times a factor from [1 - s, 1 + s], or from a range. */
export function sharpness(strength: Strength, { probability = 1 }: ProbabilityOptions = {}): Augmentation {
  checkStrength("sharpness", "strength", strength, 0);
  return pixelwise("sharpness", probability, (x, draw, batch) =>
    adjustSharpness(x, around1("sharpness", strength, draw, 1, batch)),
  );
}

/** A normalised window of exp(-x^2 / 2 sigma^2), sigma f32 [batch] in pixels, over both axes; the border is reflected. */
export function blurred(x: Tensor, size: number, sigma: Tensor): Tensor {
  const reach = (size - 1) / 2;
  const weights = Array.from({ length: size }, (_, i) =>
    sigma
      .square()
      .reciprocal()
      .mul(-((i - reach) ** 2) / 2)
      .exp(),
  );
  const total = weights.reduce((sum, weight) => sum.add(weight));
  const shares = weights.map((weight) => perImage(weight.div(total)));
  const over = (y: Tensor, axis: 1 | 2): Tensor => {
    const padded = pad(
      y,
      y.shape.map((_, i): readonly [number, number] => (i === axis ? [reach, reach] : [0, 0])),
      "reflect",
    );
    const length = y.shape[axis] as number;
    const part = (i: number) =>
      padded.slice(
        ...y.shape.map((_, other): [number, number] | [] => (other === axis ? [i, i + length] : [])),
      );
    return shares.map((share, i) => part(i).mul(share)).reduce((sum, term) => sum.add(term));
  };
  return over(over(x, 1), 2);
}

export interface GaussianBlurOptions extends ProbabilityOptions {
  /** Pixels of the window, odd; default 3. */
  readonly size?: number;
  /** Pixels; default [0.1, 2]. */
  readonly sigma?: Strength;
}

/** A Gaussian window over each image, its width drawn for each sample. Throws ConfigError for a size that is not odd. */
export function gaussianBlur({
  size = 3,
  sigma = [0.1, 2],
  probability = 1,
}: GaussianBlurOptions = {}): Augmentation {
  if (!Number.isInteger(size) || size % 2 !== 1 || size < 1) {
    throw new ConfigError(`gaussianBlur: size must be an odd whole number; got ${size}.`);
  }
  checkStrength("gaussianBlur", "sigma", sigma, 1e-3);
  return pixelwise("gaussianBlur", probability, (x, draw, batch) =>
    blurred(x, size, exactly("gaussianBlur", sigma, draw, 1, batch)),
  );
}

/** Adds N(0, deviation^2), a part of the range, to every value and keeps it in range. */
export function gaussianNoise(
  deviation: Strength,
  { probability = 1 }: ProbabilityOptions = {},
): Augmentation {
  checkStrength("gaussianNoise", "deviation", deviation, 0);
  return pixelwise("gaussianNoise", probability, (x, draw, batch) => {
    const sigma = perImage(exactly("gaussianNoise", deviation, draw, 1, batch));
    // Two streams rather than `normal`, whose i-th number depends on how many there are.
    const u = random.uniform(keyOf(draw, 2), x.shape).add(2 ** -25);
    const v = random.uniform(keyOf(draw, 3), x.shape);
    const noise = u
      .log()
      .mul(-2)
      .sqrt()
      .mul(v.mul(2 * Math.PI).sin());
    return where(sigma.eq(0), x, x.add(noise.mul(sigma)).clip(0, 1));
  });
}
