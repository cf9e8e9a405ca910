/** polyakSgd: gradient descent whose step size follows from how far the loss is above its least. */
import { maximum, minimum, where } from "../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "./hyper.ts";
import { globalNorm } from "./links/clip.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree } from "./optimizer.ts";
import { needContext, type StepContext } from "./step-context.ts";

export interface PolyakSgdOptions {
  /** The longest step size. Default 1. */
  readonly maxLearningRate?: Hyper;
  /** The least the loss can be: that of a batch, not of the whole data. Default 0. */
  readonly fMin?: Hyper;
  /** Added to the squared norm. Default 0. */
  readonly epsilon?: Hyper;
  /** Take no step, rather than one back, where the loss is below fMin. Garrigos et al. 2023. Default false. */
  readonly positive?: boolean;
}

const polyakOptions = optionNames<PolyakSgdOptions>({
  maxLearningRate: true,
  fMin: true,
  epsilon: true,
  positive: true,
});

/** Squared norms up to here count as 0, as in optax. */
const LEAST = 2 ** -52;

/**
 * p <- p - scaling * min((loss - fMin) / (|g|^2 + epsilon), maxLearningRate) g, with |g| the norm of all gradients together.
 * For models that can fit their data, whose least loss is 0. No state per parameter. Needs the step's context, which a Trainer gives.
 * Loizou et al., "Stochastic Polyak step-size for SGD", 2021; optax: `polyak_sgd`.
 * @param scaling Of the step size. Default 1.
 * @throws ConfigError for values out of range, and from `update` without a context.
 * @example polyakSgd(0.5, { maxLearningRate: 0.1 });
 */
export function polyakSgd(scaling: Hyper = 1, options: PolyakSgdOptions = {}): Optimizer<HyperState> {
  const { maxLearningRate = 1, fMin = 0, epsilon = 0, positive = false } = options;
  const op = "polyakSgd";
  rejectUnknown(op, options, polyakOptions);
  const hyper = hyperSet(op, {
    scaling: [scaling, { min: 0 }],
    maxLearningRate: [maxLearningRate, { above: 0 }],
    fMin: [fMin, {}],
    epsilon: [epsilon, { min: 0 }],
  });
  return {
    traits: { name: op, stage: "step", schedules: hyper.schedules },
    init: (params) => hyper.init(deviceOfTree(op, params)),
    update<P extends TensorTree>(grads: P, state: HyperState, _params: P, at?: StepContext) {
      const { loss } = needContext(op, at);
      const now = hyper.at(state);
      const gap = loss.sub(now.value("fMin"));
      const squares = globalNorm(grads).square().add(now.value("epsilon"));
      const size = minimum((positive ? maximum(gap, 0) : gap).div(squares), now.value("maxLearningRate"));
      const step = where(squares.le(LEAST), 0, size).mul(now.value("scaling")).neg();
      return [mapTensors(op, (g) => g.mul(step), grads), now.next];
    },
  };
}
