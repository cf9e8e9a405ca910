/** Whether the better finalist is better: the words for it. */
import type { CompareResult } from "./result.ts";

/** One line on the two finalists; empty without two of them. */
export function verdictOf({
  finalists,
  p,
  insideNoise,
}: Pick<CompareResult, "finalists" | "p" | "insideNoise">): string {
  if (finalists.length < 2) return "";
  if (p === null) return "whether they differ is not known: that takes two seeds of each at least";
  const probability = p < 0.001 ? "p < 0.001" : `p = ${p.toPrecision(2)}`;
  return insideNoise
    ? `the difference is inside the noise of the seeds (${probability}): either will do`
    : `the difference is beyond the noise of the seeds (${probability})`;
}
