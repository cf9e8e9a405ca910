/** Colours of images in [0, 1]: the definitions of torchvision, with a factor for each sample. */
import { cond, random, type Scheduled, stack, type Tensor, where } from "../../engine/tensor/index.ts";
import {
  type Augmentation,
  around0,
  around1,
  checkProbability,
  checkStrength,
  type Draw,
  inUnit,
  keyOf,
  type ProbabilityOptions,
  pixelwise,
  type Strength,
  sizesOf,
} from "./augmentation.ts";

/** [batch] as a factor for [batch, ...]. */
const along = (values: Tensor, x: Tensor): Tensor =>
  values.reshape([values.size, ...x.shape.slice(1).map(() => 1)]);

/** factor x + (1 - factor) other, kept in [0, 1]; factor f32 [batch]. Where the factor is 1, x itself. */
export function blended(x: Tensor, other: Tensor | number, factor: Tensor): Tensor {
  const f = along(factor, x);
  const mixed = x.mul(f);
  const sum = typeof other === "number" && other === 0 ? mixed : mixed.add(f.neg().add(1).mul(other));
  return where(f.eq(1), x, sum.clip(0, 1));
}

/** Channels apart, [batch, h, w] each: one pass over an image computes all of them, from luma to result. */
type Planes = readonly Tensor[];
const planesOf = (x: Tensor): Planes => x.split(x.shape[3] as number, 3).map((plane) => plane.squeeze(3));
const joined = (planes: Planes): Tensor => stack([...planes], 3);

const isColour = (planes: Planes): planes is readonly [Tensor, Tensor, Tensor] => planes.length === 3;
const lumaOf = ([r, g, b]: readonly [Tensor, Tensor, Tensor]): Tensor =>
  r.mul(0.2989).add(g.mul(0.587)).add(b.mul(0.114));

/** Luma 0.2989 r + 0.587 g + 0.114 b of [batch, h, w, 3], one channel; an image of another number of channels is its own. */
export function luma(x: Tensor): Tensor {
  const planes = planesOf(x);
  return isColour(planes) ? lumaOf(planes).unsqueeze(3) : x;
}

/** The mean luma of each image, [batch, 1, 1]; of another number of channels, the mean of all values. */
function meanLuma(planes: Planes): Tensor {
  const mean = (plane: Tensor) => plane.mean([1, 2], { keepDims: true });
  if (isColour(planes)) return mean(lumaOf(planes));
  return planes
    .map(mean)
    .reduce((sum, value) => sum.add(value))
    .div(planes.length);
}

type Adjust = (planes: Planes, factor: Tensor) => Planes;
const blendedAll = (planes: Planes, other: Tensor | number, factor: Tensor): Planes =>
  planes.map((plane) => blended(plane, other, factor));

const brighten: Adjust = (planes, factor) => blendedAll(planes, 0, factor);
const setContrast: Adjust = (planes, factor) => blendedAll(planes, meanLuma(planes), factor);
const saturate: Adjust = (planes, factor) =>
  isColour(planes) ? blendedAll(planes, lumaOf(planes), factor) : planes;

/** Turns the hue by a part of the circle, f32 [batch] in [-0.5, 0.5], by way of HSV. */
const turnHue: Adjust = (planes, shift) => {
  if (!isColour(planes)) return planes;
  const [r, g, b] = planes;
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
    .add(along(shift, r));
  const h6 = turn.sub(turn.floor()).mul(6);
  // Each channel is v less v s times a trapezium of the hue (Smith, 1978).
  const channel = (at: number) => {
    const k = h6.add(at);
    const place = where(k.ge(6), k.sub(6), k);
    const ramp = place.minimum(place.neg().add(4)).clip(0, 1);
    return most.sub(most.mul(saturation).mul(ramp));
  };
  const still = along(shift, r).eq(0);
  return [channel(5), channel(3), channel(1)].map((turned, i) =>
    where(still, planes[i] as Tensor, turned.clip(0, 1)),
  );
};

const ofImages =
  (adjust: Adjust) =>
  (x: Tensor, factor: Tensor): Tensor =>
    joined(adjust(planesOf(x), factor));

export const adjustBrightness = (x: Tensor, factor: Tensor): Tensor => blended(x, 0, factor);
/** Blends with the mean luma of each image. */
export const adjustContrast = ofImages(setContrast);
/** Blends with the luma of each pixel. */
export const adjustSaturation = ofImages(saturate);
export const adjustHue = ofImages(turnHue);

const byFactor =
  (name: string, adjust: (x: Tensor, factor: Tensor) => Tensor) =>
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
  checkProbability("colorJitter", probability);
  return {
    name: "colorJitter",
    apply(batch, draw) {
      const [count] = sizesOf("colorJitter", batch.images);
      const steps = used.map(({ adjust, around, strength }, i) => {
        const factor = around("colorJitter", strength, draw, 2 + i, count);
        return (planes: Planes) => adjust(planes, factor);
      });
      return { ...batch, images: inDrawnOrder(steps, draw, probability, batch.images) };
    },
  };
}

const jitters: readonly (readonly [
  "brightness" | "contrast" | "saturation" | "hue",
  Adjust,
  typeof around0,
])[] = [
  ["brightness", brighten, around1],
  ["contrast", setContrast, around1],
  ["saturation", saturate, around1],
  ["hue", turnHue, around0],
];

const orders = (count: number): number[][] =>
  count === 0
    ? [[]]
    : orders(count - 1).flatMap((rest) =>
        Array.from({ length: count }, (_, i) => [...rest.slice(0, i), count - 1, ...rest.slice(i)]),
      );

/** Each order is a branch of its own, so that its steps are one pass; only the branch drawn is computed. */
function inDrawnOrder(
  steps: readonly ((planes: Planes) => Planes)[],
  draw: Draw,
  probability: Scheduled,
  x: Tensor,
): Tensor {
  const all = orders(steps.length);
  const drawn = random.randint(keyOf(draw, 1), [], 0, all.length);
  return all.reduce((y, order, k) => {
    const change = (images: Tensor) =>
      joined(
        order.reduce((planes, step) => (steps[step] as (typeof steps)[number])(planes), planesOf(images)),
      );
    const branch = inUnit("colorJitter", probability, draw, change);
    return all.length === 1 ? branch(y) : cond(drawn.eq(k), branch, y);
  }, x);
}
