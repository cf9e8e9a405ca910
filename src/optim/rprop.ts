/** rprop: a step size for each parameter, that grows while signs of its gradients agree. */
import { maximum, minimum, type Tensor, where } from "../engine/tensor/index.ts";
import { ConfigError, optionNames, rejectUnknown } from "../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "./hyper.ts";
import {
  deviceOfTree,
  filledLike,
  mapTensors,
  type Optimizer,
  type TensorTree,
  zerosOf,
} from "./optimizer.ts";
import { checkRange } from "./range.ts";

export interface RpropOptions {
  /** Factors of the step size where the sign changes and where it stays. Default [0.5, 1.2]. */
  readonly etas?: readonly [minus: Hyper, plus: Hyper];
  /** Least and largest step size. Default [1e-6, 50]. */
  readonly stepSizes?: readonly [min: Hyper, max: Hyper];
}

const rpropOptions = optionNames<RpropOptions>({ etas: true, stepSizes: true });

type RpropState = HyperState & {
  /** -1, 0 or 1: the sign of the last gradient, 0 after it changed. */
  readonly sign: TensorTree;
  readonly stepSize: TensorTree;
};

/**
 * a = g * (gradient before): s <- min(etaPlus s, max) where a > 0, and p <- p - s sign(g);
 * s <- max(etaMinus s, min) where a < 0, and p stays, with the gradient counted as 0 in the next step; p <- p - s sign(g) where a = 0.
 * For full batches only: the noise of small ones reads as changes of sign. Defaults, PyTorch's: etas 0.5 and 1.2, stepSizes 1e-6 and 50.
 * Bytes of state per f32 parameter: 8. Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning", 1993.
 * @param learningRate The first step size. Default 0.01. No hyper-parameter: later steps make their own.
 * @throws ConfigError for values out of range, and a least step size above the largest.
 * @example rprop(0.01, { stepSizes: [1e-6, 1] });
 */
export function rprop(learningRate = 0.01, options: RpropOptions = {}): Optimizer<RpropState> {
  rejectUnknown("rprop", options, rpropOptions);
  const [etaMinus, etaPlus] = options.etas ?? [0.5, 1.2];
  const [stepMin, stepMax] = options.stepSizes ?? [1e-6, 50];
  checkRange("rprop", "learningRate", learningRate, { min: 0 });
  const hyper = hyperSet("rprop", {
    etaMinus: [etaMinus, { above: 0, below: 1 }],
    etaPlus: [etaPlus, { above: 1 }],
    stepMin: [stepMin, { min: 0 }],
    stepMax: [stepMax, { above: 0 }],
  });
  if (typeof stepMin === "number" && typeof stepMax === "number" && stepMin > stepMax) {
    throw new ConfigError(`rprop: stepMin must be at most stepMax; got ${stepMin} and ${stepMax}.`);
  }
  return {
    traits: { name: "rprop", stage: "step", schedules: hyper.schedules },
    init: (params) => ({
      ...hyper.init(deviceOfTree("rprop", params)),
      sign: zerosOf("rprop", params),
      stepSize: filledLike("rprop", params, learningRate),
    }),
    update(grads, state) {
      const now = hyper.at(state);
      const [low, high] = [now.value("stepMin"), now.value("stepMax")];
      const [minus, plus] = [now.value("etaMinus"), now.value("etaPlus")];
      // Products of signs do not underflow as those of gradients do.
      const agreement = mapTensors("rprop", (g, before) => g.sign().mul(before), grads, state.sign);
      const stepSize = mapTensors(
        "rprop",
        (a, s) => {
          const scaled = (s as Tensor).mul(where(a.gt(0), plus, where(a.lt(0), minus, 1)));
          return minimum(maximum(scaled, low), high);
        },
        agreement,
        state.stepSize,
      );
      const sign = mapTensors("rprop", (g, a) => where((a as Tensor).lt(0), 0, g.sign()), grads, agreement);
      const updates = mapTensors("rprop", (s, step) => s.mul(step).neg(), sign, stepSize);
      return [updates, { ...now.next, sign, stepSize }];
    },
  };
}
