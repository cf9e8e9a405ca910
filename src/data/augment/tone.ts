/** Tones of images in [0, 1]: invert, posterize, solarize, autocontrast, equalize, as torchvision defines them for floats. */
import {
  arange,
  concat,
  scatterAdd,
  type Tensor,
  takeAlongAxis,
  where,
  zeros,
} from "../../engine/tensor/index.ts";
import {
  type Augmentation,
  checkStrength,
  exactly,
  type ProbabilityOptions,
  perImage,
  pixelwise,
  type Strength,
} from "./augmentation.ts";

const half = { probability: 0.5 } as const;

export const inverted = (x: Tensor): Tensor => x.neg().add(1);

/** Keeps so many bits of each value, f32 [batch]: floor(x 2^bits) / 2^bits, at most the highest level. */
export function posterized(x: Tensor, bits: Tensor): Tensor {
  const levels = perImage(bits.mul(Math.LN2).exp().round());
  return x.mul(levels).floor().maximum(0).minimum(levels.sub(1)).div(levels);
}

/** Inverts what is at least the threshold, f32 [batch]. */
export const solarized = (x: Tensor, threshold: Tensor): Tensor =>
  where(x.ge(perImage(threshold)), inverted(x), x);

/** Each channel stretched to [0, 1]; a constant one stays. */
export function autocontrasted(x: Tensor): Tensor {
  const [low, high] = [x.min([1, 2], { keepDims: true }), x.max([1, 2], { keepDims: true })];
  const flat = high.eq(low);
  return x
    .sub(where(flat, 0, low))
    .div(where(flat, 1, high.sub(low)))
    .clip(0, 1);
}

/** Each channel's histogram of 256 levels made even, by the table of PIL; a channel whose steps would be 0 stays, in 256 levels. */
export function equalized(x: Tensor): Tensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
  const pixels = height * width;
  const levels = x
    .clip(0, 1)
    .mul(256 - 1e-3)
    .floor()
    .astype("i32")
    .permute([0, 3, 1, 2])
    .reshape([batch * channels, pixels]);
  const rows = arange(batch * channels)
    .mul(256)
    .reshape([batch * channels, 1]);
  const counts = scatterAdd(zeros([batch * channels * 256], "i32"), levels.add(rows).flatten(), 1).reshape([
    batch * channels,
    256,
  ]);
  const brightest = takeAlongAxis(counts, levels.max(1, { keepDims: true }), 1);
  const step = brightest.neg().add(pixels).floorDivide(255);
  const table = counts
    .cumsum(1)
    .add(step.floorDivide(2))
    .floorDivide(step.maximum(1))
    .minimum(255)
    .split([255, 1], 1)[0] as Tensor;
  const even = takeAlongAxis(concat([zeros([batch * channels, 1], "i32"), table], 1), levels, 1);
  const chosen = where(step.eq(0), levels, even).astype("f32").div(255);
  return chosen.reshape([batch, channels, height, width]).permute([0, 2, 3, 1]);
}

const plain =
  (name: string, change: (x: Tensor) => Tensor) =>
  ({ probability = half.probability }: ProbabilityOptions = {}): Augmentation =>
    pixelwise(name, probability, change);

/** White less each value; by default of half of the samples. */
export const invert = plain("invert", inverted);
/** Each channel stretched to the whole range; by default of half of the samples. */
export const autocontrast = plain("autocontrast", autocontrasted);
/** Histograms made even; by default of half of the samples. */
export const equalize = plain("equalize", equalized);

/** Keeps so many bits, a whole number from 1 to 8; by default of half of the samples. */
export function posterize(
  bits: Strength,
  { probability = half.probability }: ProbabilityOptions = {},
): Augmentation {
  checkStrength("posterize", "bits", bits, 1, 8);
  return pixelwise("posterize", probability, (x, draw, batch) =>
    posterized(x, exactly("posterize", bits, draw, 1, batch).round()),
  );
}

/** Inverts what is at least a threshold, a part of the range; by default of half of the samples. */
export function solarize(
  threshold: Strength,
  { probability = half.probability }: ProbabilityOptions = {},
): Augmentation {
  checkStrength("solarize", "threshold", threshold, 0, 1);
  return pixelwise("solarize", probability, (x, draw, batch) =>
    solarized(x, exactly("solarize", threshold, draw, 1, batch)),
  );
}
