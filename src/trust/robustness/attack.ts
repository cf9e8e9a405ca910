/** fgsm and pgd: small changes of the inputs that raise a model's loss. */
import { grad } from "../../engine/autodiff/index.ts";
import { jit, random, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { bceWithLogits, crossEntropy, type Module, type Tensors } from "../../nn/index.ts";
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { checkInputs, checkOneOf, checkPositive, checkRows, checkWhole } from "../checks.ts";
import { byBatches, compiled, outputsOf, valuesOf } from "../compiled.ts";
import { type AttackNorm, attackNorms, balls } from "./norms.ts";

export interface FgsmOptions {
  /** How far an element may be changed. Above 0. */
  readonly epsilon: number;
  /** What inputs may be: changed ones are clipped to it. Default [0, 1], as images are; null for no bounds. */
  readonly range?: readonly [low: number, high: number] | null;
  /** Rows at a time. Default 128. */
  readonly batch?: number;
}

export interface PgdOptions extends FgsmOptions {
  /** Default "linf". */
  readonly norm?: AttackNorm;
  /** Default 10. */
  readonly steps?: number;
  /** Length of a step in the norm. Default 2.5 epsilon / steps, which can reach the edge from anywhere. */
  readonly stepSize?: number;
  /** Begins at a point drawn from within epsilon. Default true. */
  readonly randomStart?: boolean;
  /** Of the random start: equal seeds and batches give equal changes. Default 0. */
  readonly seed?: number;
}

const fgsmOptions = optionNames<FgsmOptions>({ epsilon: true, range: true, batch: true });
const pgdOptions = optionNames<PgdOptions>({
  epsilon: true,
  range: true,
  batch: true,
  norm: true,
  steps: true,
  stepSize: true,
  randomStart: true,
  seed: true,
});

/**
 * The fast gradient sign method: x + epsilon sign(d loss / d x), clipped to the range. The loss is the cross-entropy of logits
 * [n, classes] with class numbers y, i32 [n], or of one logit, [n] or [n, 1], with y of 0 and 1.
 * Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples", 2015.
 * @throws DTypeError unless x is f32; ShapeError where y has another number of rows; ConfigError for options that are unknown or out of
 * range; DataError where x is not within the range.
 * @example const changed = await fgsm(model, images, labels, { epsilon: 8 / 255 });
 */
export async function fgsm(model: Module, x: Tensor, y: Tensor, options: FgsmOptions): Promise<Tensor> {
  rejectUnknown("fgsm", options, fgsmOptions);
  return attack("fgsm", model, x, y, {
    ...options,
    steps: 1,
    stepSize: options.epsilon,
    randomStart: false,
  });
}

/**
 * Projected gradient descent: `steps` times x <- clip(project(x + stepSize direction)), direction the sign of d loss / d x for "linf"
 * and the gradient over its length for "l2", project the nearest point within epsilon of where x began. Loss and errors as `fgsm`.
 * Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018.
 * @example const changed = await pgd(model, images, labels, { epsilon: 0.1, steps: 40, seed: 1 });
 */
export async function pgd(model: Module, x: Tensor, y: Tensor, options: PgdOptions): Promise<Tensor> {
  rejectUnknown("pgd", options, pgdOptions);
  return attack("pgd", model, x, y, options);
}

type Clip = readonly [low: number, high: number] | null;

async function attack(op: string, model: Module, x: Tensor, y: Tensor, options: PgdOptions): Promise<Tensor> {
  const { epsilon, range = [0, 1], batch = 128, norm = "linf", steps = 10 } = options;
  const { stepSize = (2.5 * epsilon) / steps, randomStart = true, seed = 0 } = options;
  checkInputs(op, x);
  checkRows(op, "y", y.shape[0] ?? 0, x.shape[0] as number);
  checkPositive(op, "epsilon", epsilon);
  checkPositive(op, "stepSize", stepSize);
  checkWhole(op, "steps", steps, 1);
  checkWhole(op, "batch", batch, 1);
  checkWhole(op, "seed", seed, 0);
  checkOneOf(op, "norm", norm, attackNorms);
  await checkWithin(op, x, range);
  const ball = balls[norm];
  const clipped = (at: Tensor): Tensor => (range === null ? at : at.maximum(range[0]).minimum(range[1]));
  const key = `attack ${norm} ${range}`;
  const begin = compiled(model, `${key} begin`, () =>
    jit((clean: Tensor, own: Tensor, far: Tensor) => clipped(clean.add(ball.draw(own, clean, far))), {
      name: `${op} begin`,
    }),
  );
  const step = compiled(model, key, () =>
    jit(
      ([at]: readonly [Tensor], clean: Tensor, targets: Tensor, values: Tensors, sizes: Sizes): [Tensor] => {
        const uphill = ball.step(lossGradient(model, values, at, targets));
        const change = at.add(uphill.mul(sizes.step)).sub(clean);
        return [clipped(clean.add(ball.project(change, sizes.epsilon)))];
      },
      { donate: [0], name: op },
    ),
  );
  const tensors = valuesOf(model);
  const sizes: Sizes = { step: tensor(stepSize), epsilon: tensor(epsilon) };
  const root = random.key(seed);
  return byBatches(x.shape[0] as number, batch, async (from, to) => {
    const [clean, targets] = [x.slice([from, to]), y.slice([from, to])];
    // A sum is memory of its own, which the steps may write to.
    const start = randomStart ? begin(clean, random.foldIn(root, from), sizes.epsilon) : clean.add(0);
    const [changed] = await step.repeat(steps, [start], clean, targets, tensors, sizes);
    return changed;
  });
}

/** f32 [] each. */
type Sizes = { readonly step: Tensor; readonly epsilon: Tensor };

/** d loss / d x, the loss added over the rows. */
function lossGradient(model: Module, tensors: Tensors, x: Tensor, y: Tensor): Tensor {
  return grad((at: Tensor) => {
    const logits = outputsOf(model, tensors, at);
    if (logits.ndim === 1 || logits.shape.at(-1) === 1) {
      return bceWithLogits(logits.flatten(), y.astype("f32").flatten(), { reduction: "sum" });
    }
    return crossEntropy(logits, y, { reduction: "sum" });
  })(x);
}

/** Throws ConfigError for a range that is none, DataError where x is not within it. */
export async function checkWithin(op: string, x: Tensor, range: Clip): Promise<void> {
  if (range === null) return;
  const [low, high] = range;
  if (!(low < high)) {
    throw new ConfigError(`${op}: range must be [low, high] with low below high, or null; got [${range}].`);
  }
  const [least, most] = await Promise.all([x.min().item(), x.max().item()]);
  if (least >= low && most <= high) return;
  throw new DataError(
    `${op}: x must be within the range [${low}, ${high}]; got ${least} to ${most}. Say range: [low, high], or range: null for no bounds.`,
  );
}
