/** flops: how much a model computes. */
import type { Shape } from "../../util/index.ts";
import type { Module } from "../module.ts";
import { type ObserveOptions, observe } from "./observe.ts";
import { addWork, noWork, type Work, workOf } from "./work.ts";

/**
 * What one inference pass costs, counted on the operations that the model is written in, for one row (or `batch`) of `inputShape`;
 * see `Work` for what counts. Nothing is computed, and the model need not be initialised.
 * @throws ShapeError as the model's forward for that input.
 * @example flops(resnet, [224, 224, 3]).macs // 4.1e9 for a ResNet-50
 */
export function flops(model: Module, inputShape: Shape, options: ObserveOptions = {}): Work {
  return observe(model, inputShape, options).reduce((sum, { nodes }) => addWork(sum, workOf(nodes)), noWork);
}
