/** Colours of images in [0, 1]: the definitions of torchvision, with a factor for each sample. */
import { cond, random, stack, type Tensor, where } from "../../engine/tensor/index.ts";
import {
  type Augmentation,
  around0,
  around1,
  checkStrength,
  keyOf,
  type ProbabilityOptions,
  perImage,
  pixelwise,
  type Strength,
} from "./augmentation.ts";

/** factor x + (1 - factor) other, kept in [0, 1]; factor f32 [batch]. Where the factor is 1, x itself. */
export function blended(x: Tensor, other: Tensor | number, factor: Tensor): Tensor {
  const f = perImage(factor);
  const mixed = x.mul(f);
  const sum = typeof other === "number" && other === 0 ? mixed : mixed.add(f.neg().add(1).mul(other));
  return where(f.eq(1), x, sum.clip(0, 1));
}

/** Luma 0.2989 r + 0.587 g + 0.114 b of [batch, h, w, 3], one channel; an image of another number of channels is its own. */
export function luma(x: Tensor): Tensor {
  if (x.shape[3] !== 3) return x;
  const [r, g, b] = x.split(3, 3) as [Tensor, Tensor, Tensor];
  return r.mul(0.2989).add(g.mul(0.587)).add(b.mul(0.114));
}

export const adjustBrightness = (x: Tensor, factor: Tensor): Tensor => blended(x, 0, factor);
/** Blends with the mean luma of each image. */
export const adjustContrast = (x: Tensor, factor: Tensor): Tensor =>
  blended(x, luma(x).mean([1, 2, 3], { keepDims: true }), factor);
/** Blends with the luma of each pixel. */
export const adjustSaturation = (x: Tensor, factor: Tensor): Tensor =>
  x.shape[3] === 3 ? blended(x, luma(x), factor) : x;

/** Turns the hue by a part of the circle, f32 [batch] in [-0.5, 0.5], by way of HSV. */
export function adjustHue(x: Tensor, shift: Tensor): Tensor {
  if (x.shape[3] !== 3) return x;
  const [r, g, b] = x.split(3, 3).map((part) => part.squeeze(3)) as [Tensor, Tensor, Tensor];
  const most = r.maximum(g).maximum(b);
  const spread = most.sub(r.minimum(g).minimum(b));
  const grey = spread.eq(0);
  const saturation = spread.div(where(grey, 1, most));
  const divisor = where(grey, 1, spread);
  const [rc, gc, bc] = [r, g, b].map((c) => most.sub(c).div(divisor)) as [Tensor, Tensor, Tensor];
  const sixths = where(most.eq(r), bc.sub(gc), where(most.eq(g), rc.add(2).sub(bc), gc.add(4).sub(rc)));
  const turn = sixths
    .mul(1 / 6)
    .add(1)
    .add(shift.reshape([shift.size, 1, 1]));
  const h6 = turn.sub(turn.floor()).mul(6);
  // Each channel is v less v s times a trapezium of the hue (Smith, 1978).
  const channel = (at: number) => {
    const k = h6.add(at);
    const place = where(k.ge(6), k.sub(6), k);
    const ramp = place.minimum(place.neg().add(4)).clip(0, 1);
    return most.sub(most.mul(saturation).mul(ramp));
  };
  const turned = stack([channel(5), channel(3), channel(1)], 3);
  return where(perImage(shift).eq(0), x, turned.clip(0, 1));
}

type Adjust = (x: Tensor, factor: Tensor) => Tensor;

const byFactor =
  (name: string, adjust: Adjust) =>
  (strength: Strength, { probability = 1 }: ProbabilityOptions = {}): Augmentation => {
    checkStrength(name, "strength", strength, 0);
    return pixelwise(name, probability, (x, draw, batch) =>
      adjust(x, around1(name, strength, draw, 1, batch)),
    );
  };

/** Times a factor from [1 - s, 1 + s], or from a range. */
export const brightness = byFactor("brightness", adjustBrightness);
/** Differences from the image's mean luma times a factor. */
export const contrast = byFactor("contrast", adjustContrast);
/** Differences from each pixel's luma times a factor; nothing for images that are not of three channels. */
export const saturation = byFactor("saturation", adjustSaturation);

/** Turns hues by a part of the circle from [-s, s], s <= 0.5, or from a range. */
export function hue(strength: Strength, { probability = 1 }: ProbabilityOptions = {}): Augmentation {
  checkStrength("hue", "strength", strength, Array.isArray(strength) ? -0.5 : 0, 0.5);
  return pixelwise("hue", probability, (x, draw, batch) =>
    adjustHue(x, around0("hue", strength, draw, 1, batch)),
  );
}

/** Luma in all channels; by default of one sample in ten. */
export const grayscale = ({ probability = 0.1 }: ProbabilityOptions = {}): Augmentation =>
  pixelwise("grayscale", probability, (x) => (x.shape[3] === 3 ? luma(x).broadcastTo(x.shape) : x));

export interface ColorJitterOptions extends ProbabilityOptions {
  readonly brightness?: Strength;
  readonly contrast?: Strength;
  readonly saturation?: Strength;
  readonly hue?: Strength;
}

/**
 * Brightness, contrast, saturation and hue, with factors for each sample, in an order drawn for each batch, as torchvision's.
 * @throws ConfigError for strengths out of range.
 * @example augment([colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 })]);
 */
export function colorJitter(options: ColorJitterOptions): Augmentation {
  const { probability = 1 } = options;
  const used = jitters.flatMap(([name, adjust, around]) => {
    const strength = options[name];
    if (strength === undefined || strength === 0) return [];
    checkStrength("colorJitter", name, strength, name === "hue" ? -0.5 : 0, name === "hue" ? 0.5 : undefined);
    return [{ adjust, around, strength }];
  });
  return pixelwise("colorJitter", probability, (x, draw, batch) => {
    const steps = used.map(({ adjust, around, strength }, i) => {
      const factor = around("colorJitter", strength, draw, 2 + i, batch);
      return (y: Tensor) => adjust(y, factor);
    });
    return inDrawnOrder(steps, keyOf(draw, 1), x);
  });
}

const jitters: readonly (readonly [
  "brightness" | "contrast" | "saturation" | "hue",
  Adjust,
  typeof around0,
])[] = [
  ["brightness", adjustBrightness, around1],
  ["contrast", adjustContrast, around1],
  ["saturation", adjustSaturation, around1],
  ["hue", adjustHue, around0],
];

/** Runs each step once; at each place only the step drawn for it is computed. */
function inDrawnOrder(steps: readonly ((x: Tensor) => Tensor)[], key: Tensor, x: Tensor): Tensor {
  if (steps.length < 2) return steps.reduce((y, step) => step(y), x);
  const order = random.uniform(key, [steps.length]).argsort();
  const places = order.split(steps.length).map((place) => place.reshape([]));
  return places.reduce((y, place) => steps.reduce((z, step, i) => cond(place.eq(i), step, z), y), x);
}
