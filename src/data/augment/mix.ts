/** mixup and cutmix: each sample and a partner of its batch, images and targets in one proportion. */
import {
  checkScheduled,
  oneHot,
  random,
  type Scheduled,
  sqrt,
  type Tensor,
  take,
  where,
} from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import {
  type Augmentation,
  type Augmented,
  checkProbability,
  chosen,
  type Draw,
  keyOf,
  type ProbabilityOptions,
  perImage,
  scheduledAt,
  sizesOf,
} from "./augmentation.ts";
import { insideOf } from "./erase.ts";

export interface MixOptions extends ProbabilityOptions {
  /** lambda is drawn from Beta(alpha, alpha). Default 0.2 for mixup, 1 for cutmix. */
  readonly alpha?: Scheduled;
  /** How many classes there are, where targets are labels: they become probabilities [batch, classes]. */
  readonly classes?: number;
}

const attempts = 8;

/** log of Gamma(alpha) numbers [batch]: Marsaglia and Tsang, 2000, the first accepted of eight (all fail once in 10^10). */
function logGamma(key: Tensor, batch: number, alpha: number | Tensor): Tensor {
  const shape = [batch, attempts];
  const k = (i: number) => random.foldIn(key, i);
  const a = random.uniform(k(0), [1]).mul(0).add(alpha);
  const d = a.add(1 - 1 / 3);
  const c = sqrt(d.mul(9)).reciprocal();
  const z = random
    .uniform(k(1), shape)
    .add(2 ** -25)
    .log()
    .mul(-2)
    .sqrt()
    .mul(
      random
        .uniform(k(2), shape)
        .mul(2 * Math.PI)
        .sin(),
    );
  const v = z.mul(c).add(1);
  const cube = v.mul(v).mul(v);
  const positive = where(v.gt(0), cube, 1);
  const bound = z
    .square()
    .mul(0.5)
    .add(d.mul(cube.neg().add(1).add(positive.log())));
  const accepted = v.gt(0).logicalAnd(
    random
      .uniform(k(3), shape)
      .add(2 ** -25)
      .log()
      .lt(bound),
  );
  const first = accepted.astype("i32").argmax(-1, { keepDims: true });
  const value = positive.takeAlongAxis(first, 1).reshape([batch]);
  // Gamma(a) = Gamma(a + 1) U^(1 / a); in logarithms, since for small a it is below every float.
  const boost = random
    .uniform(k(4), [batch])
    .add(2 ** -25)
    .log()
    .div(a);
  return value.log().add(d.log()).add(boost);
}

/** Beta(alpha, alpha) numbers, f32 [batch]. */
export function beta(key: Tensor, batch: number, alpha: number | Tensor): Tensor {
  const [x, y] = [
    logGamma(random.foldIn(key, 0), batch, alpha),
    logGamma(random.foldIn(key, 1), batch, alpha),
  ];
  return y.sub(x).exp().add(1).reciprocal();
}

/** Targets as what can be mixed. Throws ConfigError for labels without `classes`. */
function mixable(op: string, targets: Tensor, classes: number | undefined): Tensor {
  if (targets.dtype === "f32") return targets;
  if (classes !== undefined) return oneHot(targets.astype("i32"), classes);
  throw new ConfigError(
    `${op}: labels become probabilities, so the number of classes must be given; got none. Pass { classes }.`,
  );
}

/** lambda t + (1 - lambda) of the partner's t. */
function mixTargets(
  op: string,
  targets: Tensor,
  partner: Tensor,
  lambda: Tensor,
  classes: number | undefined,
): Tensor {
  const t = mixable(op, targets, classes);
  const share = lambda.reshape([lambda.size, ...t.shape.slice(1).map(() => 1)]);
  return t.mul(share).add(take(t, partner, 0).mul(share.neg().add(1)));
}

/** images = lambda x_i + (1 - lambda) x_partner, targets alike; where lambda is 1, the same bits. */
export function mixWith(batch: Augmented, partner: Tensor, lambda: Tensor, classes?: number): Augmented {
  const { images, targets } = batch;
  const share = perImage(lambda);
  const mixed = images.mul(share).add(take(images, partner, 0).mul(share.neg().add(1)));
  return {
    ...batch,
    images: where(share.eq(1), images, mixed),
    ...(targets && { targets: mixTargets("mixup", targets, partner, lambda, classes) }),
  };
}

/** The partner's pixels in a box of about (1 - lambda) of the area about a centre; targets by the area that is left. */
export function cutWith(
  batch: Augmented,
  partner: Tensor,
  lambda: Tensor,
  centre: readonly [y: Tensor, x: Tensor],
  classes?: number,
): Augmented {
  const { images, targets } = batch;
  const [, height, width] = sizesOf("cutmix", images);
  const ratio = sqrt(lambda.neg().add(1)).mul(0.5);
  const span = (middle: Tensor, size: number): [Tensor, Tensor] => {
    const reach = ratio.mul(size).floor().astype("i32");
    const start = middle.sub(reach).maximum(0);
    return [start, middle.add(reach).minimum(size).sub(start)];
  };
  const [[top, rows], [left, columns]] = [span(centre[0], height), span(centre[1], width)];
  const inside = insideOf({ top, left, height: rows, width: columns }, height, width);
  const kept = rows
    .mul(columns)
    .astype("f32")
    .div(-height * width)
    .add(1);
  return {
    ...batch,
    images: where(inside, take(images, partner, 0), images),
    ...(targets && { targets: mixTargets("cutmix", targets, partner, kept, classes) }),
  };
}

function mixing(
  name: string,
  given: MixOptions,
  defaultAlpha: number,
  mix: (batch: Augmented, partner: Tensor, lambda: Tensor, draw: Draw) => Augmented,
): Augmentation {
  const { alpha = defaultAlpha, probability = 1 } = given;
  checkProbability(name, probability);
  checkScheduled(name, "alpha", alpha, "above 0 and finite", (value) => value > 0 && Number.isFinite(value));
  return {
    name,
    apply(batch, draw) {
      const [count] = sizesOf(name, batch.images);
      if (batch.masks !== undefined || batch.boxes !== undefined) {
        throw new ConfigError(
          `${name}: masks and boxes cannot be mixed; got ${batch.masks ? "masks" : "boxes"}.`,
        );
      }
      const partner = random.uniform(keyOf(draw, 1), [count]).argsort();
      const drawn = beta(keyOf(draw, 2), count, scheduledAt(name, alpha, draw));
      return mix(batch, partner, where(chosen(name, draw, probability, count), drawn, 1), draw);
    },
  };
}

/**
 * lambda x_i + (1 - lambda) x_j and lambda t_i + (1 - lambda) t_j, with lambda from Beta(alpha, alpha) for each sample and j by a
 * permutation of the batch: Zhang et al., "mixup: beyond empirical risk minimization", 2018. Labels become probabilities, with which
 * crossEntropy is lambda times the loss of t_i and the rest of t_j's, exactly; accuracy takes the greater share for the truth.
 * @throws ConfigError for an alpha that is not above 0, and for labels without `classes`.
 * @example augment([mixup({ classes: 10 })]);
 */
export const mixup = (options: MixOptions = {}): Augmentation =>
  mixing("mixup", options, 0.2, (batch, partner, lambda) => mixWith(batch, partner, lambda, options.classes));

/**
 * A box of another sample's pixels, and of its target as much as the box takes of the area: Yun et al., "CutMix", 2019.
 * @throws ConfigError as `mixup`.
 * @example augment([cutmix({ classes: 10, probability: 0.5 })]);
 */
export const cutmix = (options: MixOptions = {}): Augmentation =>
  mixing("cutmix", options, 1, (batch, partner, lambda, draw) => {
    const [count, height, width] = sizesOf("cutmix", batch.images);
    const centre = [
      random.randint(keyOf(draw, 3), [count], 0, height),
      random.randint(keyOf(draw, 4), [count], 0, width),
    ] as const;
    return cutWith(batch, partner, lambda, centre, options.classes);
  });
