/** The edge of stability: how sharp a loss may be before an optimizer's steps, which turn round each time, grow in place of coming to rest. */
import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { flattenTree } from "../util/index.ts";
import type { Optimizer, State, TensorTree } from "./optimizer.ts";

/**
 * What the links so far make of gradients g and parameters p that change their sign at each step, once that goes on: a shrunken copy,
 * gain * scale o g + decay * p.
 */
export interface Alternation {
  /** 0-d. */
  readonly gain: Tensor;
  /** A number for each parameter, none negative; null for ones. */
  readonly scale: TensorTree | null;
  /** 0-d; null for none. */
  readonly decay: Tensor | null;
}

export interface Edge {
  /** 0-d: the sharpness from which steps grow. */
  readonly edge: Tensor;
  /** Null where sharpness is the greatest eigenvalue of the Hessian H; else D of D^(1/2) H D^(1/2), of which it is. */
  readonly scale: TensorTree | null;
}

/**
 * On a quadratic a direction of curvature h has g = h p. The first to grow where h rises is the oscillation of period 2, and it does where
 * the steps that links make of it, (gain h + decay) p, are 2 p. So the edge is (2 - decay) / gain:
 *
 * - descent 2 / learningRate, with momentum m 2 (1 + m) / learningRate, Nesterov's 2 (1 + m) / ((1 + 2 m) learningRate);
 * - Adam 2 (1 + beta1) / ((1 - beta1) learningRate), of the preconditioned Hessian: D is 1 / (sqrt(v) + epsilon) with the corrections of
 *   the step. That takes D for constant, as the paper does.
 *
 * Null for optimizers with a link of which this is not known, such as clipping. `grads` are those of the step at hand. A decay that `mask`
 * keeps from some parameters counts for all, which makes the edge lower by a share of learningRate * weightDecay / 2 at most.
 *
 * Cohen et al., "Gradient descent on neural networks typically occurs at the edge of stability", 2021; "Adaptive gradient methods at the
 * edge of stability", 2022.
 * @example const at = edgeOfStability(sgd(0.1), state, grads); // { edge: 20, scale: null }
 */
export function edgeOfStability(optimizer: Optimizer, state: State, grads: TensorTree): Edge | null {
  const [leaf] = flattenTree(grads).leaves as Tensor[];
  if (leaf === undefined || optimizer.traits?.stage !== "step") return null;
  const begun = { gain: tensor(1, { dtype: "f32", device: leaf.device }), scale: null, decay: null };
  const all = optimizer.alternation?.(begun, state, grads) ?? null;
  return all && { edge: (all.decay?.neg().add(2) ?? all.gain.mul(0).add(2)).div(all.gain), scale: all.scale };
}

/** After a link that multiplies by a number. */
export const alternationTimes = ({ gain, scale, decay }: Alternation, factor: Tensor): Alternation => ({
  gain: gain.mul(factor),
  scale,
  decay: decay?.mul(factor) ?? null,
});
