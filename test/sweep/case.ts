/** A case of the sweep: a small graph of one primitive, the data it runs on, and how near the result must be. */
import type { Node } from "../../src/engine/ir/index.ts";
import { build as b } from "../../src/engine/ops/index.ts";
import type { Host } from "./host.ts";

export type Tolerance =
  /** The same value (NaN as NaN; zeros of either sign are equal). */
  | { readonly kind: "exact" }
  /** Within so many units in the last place of the f32 result. */
  | { readonly kind: "ulps"; readonly ulps: number }
  /**
   * Within `ulps` roundings of the sum of the absolute values of all terms: what a sum of products can promise. The sum comes
   * from running the same graph on absolute values, so the graph must be linear in each input, with coefficients >= 0.
   */
  | { readonly kind: "terms"; readonly ulps: number }
  /** Within this share of max(1, |value|): for graphs of several primitives, whose errors add up. */
  | { readonly kind: "close"; readonly share: number };

export const exact: Tolerance = { kind: "exact" };
export const ulps = (count: number): Tolerance => ({ kind: "ulps", ulps: count });
export const terms = (count: number): Tolerance => ({ kind: "terms", ulps: count });

export const close = (share: number): Tolerance => ({ kind: "close", share });

export interface Case {
  readonly name: string;
  readonly inputs: readonly Host[];
  readonly build: (params: readonly Node[]) => readonly Node[];
  readonly tolerance: Tolerance;
}

/** Parameters of the inputs' avals. */
export const paramsOf = (inputs: readonly Host[]): Node[] =>
  inputs.map(({ aval }) => b.make("input", [], {}, aval.shape, aval.dtype));
