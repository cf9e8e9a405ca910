/** Losses of real-valued predictions: mse, mae, huber, smoothL1. */
import { clip, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import { asFloat, type LossOptions, maskInput, reduceLoss, sameShapes } from "./reduction.ts";

function difference(op: string, predictions: Tensor, targets: Tensor, { mask }: LossOptions): Tensor {
  sameShapes(op, predictions, targets);
  return maskInput(op, predictions.sub(asFloat(targets, predictions)), mask);
}

/**
 * Mean squared error: (p - t)^2. Predictions and targets of one shape.
 * @throws ShapeError when the shapes differ, even where they would broadcast.
 * @example mse(model.forward(x), y);
 */
export function mse(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  return reduceLoss("mse", difference("mse", predictions, targets, options).square(), options);
}

/** Mean absolute error, also called L1: |p - t|, of gradient 0 at 0. Shapes and errors as `mse`. */
export function mae(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  return reduceLoss("mae", difference("mae", predictions, targets, options).abs(), options);
}

export interface HuberOptions extends LossOptions {
  /** Where the parabola becomes a line. Default 1. */
  readonly delta?: number;
}

/**
 * d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), with d = p - t. Huber 1964. Shapes and errors as `mse`.
 * @throws ConfigError unless delta > 0.
 */
export function huber(predictions: Tensor, targets: Tensor, options: HuberOptions = {}): Tensor {
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new ConfigError(`huber: delta must be above 0; got ${delta}.`);
  const d = difference("huber", predictions, targets, options);
  return reduceLoss("huber", parabolaAndLine(d, delta), options);
}

export interface SmoothL1Options extends LossOptions {
  /** Where the parabola becomes a line. Default 1; 0 is `mae`. */
  readonly beta?: number;
}

/**
 * d^2 / (2 beta) where |d| <= beta, else |d| - beta / 2: huber / beta, whose slope far off is 1 whatever beta.
 * Girshick, "Fast R-CNN", 2015. Shapes and errors as `mse`.
 * @throws ConfigError unless beta >= 0.
 */
export function smoothL1(predictions: Tensor, targets: Tensor, options: SmoothL1Options = {}): Tensor {
  const { beta = 1 } = options;
  if (!(beta >= 0)) throw new ConfigError(`smoothL1: beta must be at least 0; got ${beta}.`);
  const d = difference("smoothL1", predictions, targets, options);
  return reduceLoss("smoothL1", beta === 0 ? d.abs() : parabolaAndLine(d, beta).div(beta), options);
}

function parabolaAndLine(d: Tensor, turn: number): Tensor {
  const near = clip(d, -turn, turn); // near (d - near / 2) is both branches at once
  return near.mul(d.sub(near.mul(0.5)));
}
