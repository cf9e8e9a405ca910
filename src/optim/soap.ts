/** soap: AdamW in the eigenbasis of Shampoo's statistics. */
import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { type ScaleBySoapOptions, scaleBySoap, soapLinkOptions } from "./links/scale-by-soap.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is decoupled, by default 0.01. */
export interface SoapOptions extends ScaleBySoapOptions, DecayOptions {}

/**
 * Adam on gradients turned into the eigenbasis of the running means of G G^T along each axis; see `scaleBySoap`. Needs fewer steps than
 * AdamW, each dearer by two products with every basis; the bases themselves are renewed every `every` steps.
 * Defaults, the authors': beta1 0.95, beta2 0.95, epsilon 1e-8, every 10, maxPreconditionerDim 10000, weightDecay 0.01.
 * The decay is AdamW's, p <- p - learningRate (u + weightDecay p); theirs shrinks what the step has come to.
 * Bytes of state per f32 parameter: 8, and 8 n^2 for each axis of n in a parameter of two axes or more. Vyas et al. 2024.
 * @param learningRate Default 0.003.
 * @throws ConfigError for values out of range.
 * @example soap(3e-3, { every: 10, maxPreconditionerDim: 1024 });
 */
export function soap(learningRate: Hyper = 3e-3, options: SoapOptions = {}): Optimizer {
  rejectUnknown("soap", options, [...soapLinkOptions, ...decayOptions]);
  const { weightDecay = 0.01, mask, ...direction } = options;
  return named("soap", descend(scaleBySoap(direction), learningRate, { weightDecay, mask }, true));
}
