/** muon: orthogonalised momentum for matrices, AdamW for the rest. */

import { rejectUnknown } from "../util/index.ts";
import { adamW } from "./adam.ts";
import { chain } from "./chain.ts";
import { partition } from "./combine/partition.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import { type MuonScaleOptions, muonOptions, scaleByMuon } from "./links/scale-by-muon.ts";
import type { Which } from "./links/which.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

export interface MuonOptions extends MuonScaleOptions {
  /** Decoupled. Default 0.1. */
  readonly weightDecay?: Hyper;
  /**
   * Which parameters are Muon's. Default those of two axes and more. Embeddings and the last layer do better with AdamW: leave them out
   * by path.
   */
  readonly mask?: Which;
  /** For the rest. Default `adamW(3e-4)`. */
  readonly others?: Optimizer;
}

/**
 * m <- momentum m + (1 - momentum) g;  p <- p - learningRate * (scale * orthogonal(m) + weightDecay * p) for hidden matrices, with
 * Newton-Schulz iterations for the orthogonal factor; see `scaleByMuon`. Everything else is trained by `others`.
 * Bytes of state per f32 parameter: 4, and the others' 8. For networks of large matrices, where it needs fewer steps than AdamW.
 * Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; PyTorch's `Muon`.
 * @param learningRate Of the matrices. Default 0.02; with `scale: "adamW"` use AdamW's.
 * @throws ConfigError for values out of range.
 * @example muon(0.02, { mask: (path, p) => p.ndim > 1 && !path.startsWith("head"), others: adamW(1e-3) });
 */
export function muon(learningRate: Hyper = 0.02, options: MuonOptions = {}): Optimizer {
  rejectUnknown("muon", options, [...muonOptions, "weightDecay", "mask", "others"]);
  const {
    weightDecay = 0.1,
    mask = (_, parameter) => parameter.ndim > 1,
    others = adamW(3e-4),
    ...direction
  } = options;
  const matrices = chain(
    scaleByMuon(direction),
    addDecayedWeights(weightDecay),
    scaleByLearningRate(learningRate),
  );
  return named("muon", partition([mask, matrices], [() => true, others]));
}
