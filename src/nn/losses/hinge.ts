/** Hinge losses: of maximum margin, for scores that are no probabilities. */
import { arange, type Tensor, where } from "../../engine/tensor/index.ts";
import {
  asLabel,
  type ClassOptions,
  outOfRange,
  pick,
  requireClassNumbers,
  weightsOf,
  withoutIgnored,
} from "./class-targets.ts";
import { asFloat, type LossOptions, maskInput, reduceLoss, sameShapes } from "./reduction.ts";

interface Margin {
  /** By how much a score must be right to cost nothing. Default 1. */
  readonly margin?: number;
  /** Squares what is missing (PyTorch's p = 2). Default false. */
  readonly squared?: boolean;
}

export interface HingeOptions extends LossOptions, Margin {}

/**
 * max(0, margin - t x) for scores x and targets t of -1 and 1 (bool: false and true), both of one shape. Cortes and Vapnik 1995.
 * @throws ShapeError when the shapes differ, even where they would broadcast.
 * @example hinge(model.forward(x), y.mul(2).sub(1)); // y of 0 and 1
 */
export function hinge(scores: Tensor, targets: Tensor, options: HingeOptions = {}): Tensor {
  sameShapes("hinge", scores, targets);
  const { mask, margin = 1 } = options;
  const sign = targets.dtype === "bool" ? where(targets, 1, -1) : targets;
  const right = maskInput("hinge", scores, mask).mul(maskInput("hinge", asFloat(sign, scores), mask));
  return reduceLoss("hinge", missing(right.neg().add(margin), options), options);
}

export interface MultiMarginOptions extends ClassOptions, Margin {}

/**
 * sum over c != t of w_t max(0, margin - x_t + x_c) / classes, for scores x: [..., classes], class numbers t: [...] and class weights
 * w, by default 1. The mean is over rows and does not divide by class weights, as in PyTorch. A class number out of range makes the
 * loss of its row NaN.
 * Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", 2001.
 * @throws ShapeError or DTypeError when the targets are no class numbers or weights do not fit.
 * @example multiMargin(model.forward(images), labels);
 */
export function multiMargin(scores: Tensor, targets: Tensor, options: MultiMarginOptions = {}): Tensor {
  const { margin = 1 } = options;
  requireClassNumbers("multiMargin", "scores", scores, targets);
  const label = asLabel(targets);
  const classes = scores.shape.at(-1) as number;
  const weights = weightsOf("multiMargin", options, scores);
  const kept = withoutIgnored("multiMargin", options, label);
  const x = maskInput("multiMargin", scores, kept.mask, label.shape);
  const lead = x.sub(pick(x, label).unsqueeze(-1)).add(margin);
  const others = where(arange(classes).ne(label.unsqueeze(-1)), missing(lead, options), 0);
  const loss = others.sum(-1).mul(1 / classes);
  const weighed = weights === null ? loss : loss.mul(pick(weights, label));
  return reduceLoss("multiMargin", weighed.add(outOfRange(label, classes)), kept);
}

/** What is missing to the margin, or its square. */
function missing(gap: Tensor, { squared = false }: Margin): Tensor {
  const lack = gap.relu();
  return squared ? lack.square() : lack;
}
