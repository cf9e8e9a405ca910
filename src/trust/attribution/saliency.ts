/** saliency: how steeply an output answers to each input. */
import { grad } from "../../engine/autodiff/index.ts";
import { jit, random, type Tensor, tensor, zeros } from "../../engine/tensor/index.ts";
import type { Module, Tensors } from "../../nn/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { checkInputs, checkNotNegative, checkWhole } from "../checks.ts";
import { byBatches, compiled, outputsOf, valuesOf } from "../compiled.ts";
import { type Attribution, type AttributionOptions, resolveTargets, scoresOf, targetRows } from "./target.ts";

export interface SaliencyOptions extends AttributionOptions {
  /** The gradient with its sign, in place of its size. Default false. */
  readonly signed?: boolean;
  /** SmoothGrad: the mean of the gradients at so many noisy copies of the input. Default 1: the input as it is. */
  readonly samples?: number;
  /** Standard deviation of SmoothGrad's noise, as part of the row's range of values, max - min. Default 0.15. */
  readonly noise?: number;
  /** Of the noise. Default 0. */
  readonly seed?: number;
}

const known = optionNames<SaliencyOptions>({
  target: true,
  batch: true,
  signed: true,
  samples: true,
  noise: true,
  seed: true,
});

/** d output / d x of each row: rows do not see each other in inference mode, so that the gradient of their sum is theirs. */
export const gradientOf = (model: Module, tensors: Tensors, x: Tensor, targets: Tensor): Tensor =>
  grad((at: Tensor) => scoresOf(outputsOf(model, tensors, at), targets).sum())(x);

type State = readonly [sum: Tensor, count: Tensor];

/**
 * |d output / d x| for f32 inputs x [n, ...], in inference mode: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks",
 * 2014. With `samples`, SmoothGrad: the mean gradient at x + N(0, (noise (max x - min x))^2), then its size; Smilkov et al. 2017. The
 * noise is the same for each row, so that a row's result does not depend on which rows are beside it.
 *
 * An input that the output does not depend on gets exactly 0.
 * @throws DTypeError unless x is f32; ShapeError unless it is [n, ...] and the outputs [n] or [n, outputs]; ConfigError for options that
 * are unknown or out of range.
 * @example const { values, targets } = await saliency(model, images, { samples: 50 });
 */
export async function saliency(
  model: Module,
  x: Tensor,
  options: SaliencyOptions = {},
): Promise<Attribution> {
  const op = "saliency";
  rejectUnknown(op, options, known);
  checkInputs(op, x);
  const { batch = 32, signed = false, samples = 1, noise = 0.15, seed = 0 } = options;
  checkWhole(op, "samples", samples, 1);
  checkWhole(op, "seed", seed, 0);
  checkNotNegative(op, "noise", noise);
  const targets = await resolveTargets(op, model, x, options);
  const tensors = valuesOf(model);
  const smooth = samples > 1 && noise !== 0;
  const step = compiled(model, `saliency ${smooth}`, () =>
    jit(
      ([sum, count]: State, at: Tensor, own: Tensor, values: Tensors, key: Tensor, part: Tensor): State => {
        const gradient = gradientOf(model, values, smooth ? blurred(at, key, count, part) : at, own);
        return [sum.add(gradient), count.add(1)];
      },
      { donate: [0], name: "saliency" },
    ),
  );
  const rounds = smooth ? samples : 1;
  const [key, part] = [random.key(seed), tensor(noise)];
  const values = await byBatches(x.shape[0] as number, batch, async (from, to) => {
    const at = x.slice([from, to]);
    const state: State = [zeros(at.shape), tensor(0, { dtype: "i32" })];
    const [sum] = await step.repeat(rounds, state, at, targetRows(targets, from, to), tensors, key, part);
    const mean = sum.div(rounds);
    return signed ? mean : mean.abs();
  });
  return { values, targets };
}

/** x with the round's noise. */
function blurred(x: Tensor, key: Tensor, round: Tensor, part: Tensor): Tensor {
  const axes = x.shape.slice(1).map((_, axis) => axis + 1);
  const keep = { keepDims: true };
  const deviation = x.max(axes, keep).sub(x.min(axes, keep)).mul(part);
  return x.add(random.normal(random.foldIn(key, round), [1, ...x.shape.slice(1)]).mul(deviation));
}
