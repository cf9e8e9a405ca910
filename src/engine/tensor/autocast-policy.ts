/**
 * What mixed precision does with each primitive. The lists are those of PyTorch's autocast (docs.pytorch.org/docs/stable/amp.html, "Op
 * Eligibility"), whose "autocast to float32" and "promote" are one here: computing is in f32 anyhow.
 *
 * narrow: operands and result are rounded to the storage type, since that is what training reads again: products and convolutions.
 * moves: hands numbers on as they are, so that what it moves is rounded where it was made.
 * f32: computes and gives f32: reductions, softmax, losses, the statistics of norms, and everything elementwise.
 * Micikevicius et al., "Mixed precision training", 2018, has the reasons.
 */
import type { Op } from "../ir/index.ts";

export type Treatment = "narrow" | "moves" | "f32";

export const autocastPolicy: Readonly<Record<Op, Treatment>> = {
  matmul: "narrow",
  conv: "narrow",
  convInputGrad: "narrow",
  convFilterGrad: "narrow",
  reshape: "moves",
  permute: "moves",
  input: "f32",
  const: "f32",
  iota: "f32",
  random: "f32",
  exp: "f32",
  log: "f32",
  sqrt: "f32",
  sin: "f32",
  tanh: "f32",
  erf: "f32",
  floor: "f32",
  cast: "f32",
  add: "f32",
  sub: "f32",
  mul: "f32",
  div: "f32",
  pow: "f32",
  max: "f32",
  min: "f32",
  lt: "f32",
  le: "f32",
  eq: "f32",
  ne: "f32",
  bitAnd: "f32",
  bitOr: "f32",
  bitXor: "f32",
  shiftLeft: "f32",
  shiftRight: "f32",
  where: "f32",
  reduce: "f32",
  argReduce: "f32",
  cumulate: "f32",
  expand: "f32",
  pad: "f32",
  slice: "f32",
  concat: "f32",
  gather: "f32",
  scatter: "f32",
  reduceWindow: "f32",
  argWindow: "f32",
  argsort: "f32",
  composite: "f32",
  loop: "f32",
  output: "f32",
  stopGradient: "f32",
  copy: "f32",
  collective: "f32",
};

/** Composites whose operands are rounded as those of products are. */
export const narrowComposites: ReadonlySet<string> = new Set(["attention"]);
