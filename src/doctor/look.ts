/** Look: gradient noise and sharpness at one place of a run whose loss jumps about. */
import { z } from "zod";

/** Jitter of the loss (see `Course`) from which it is looked at. */
export const UNREST = 0.2;
/** A noise scale so many times the batch explains jumps by itself: in steady descent they are (2 - s) / s, with s = 2 at the edge. */
export const NOISE_DOMINATES = 4;

/** What was measured at one place of a run. */
export interface Look {
  /** Steps taken before. */
  readonly step: number;
  /** |G|^2 and tr(Sigma), without bias: tr(Sigma) / |G|^2 is the noise scale, in rows. */
  readonly signal: number;
  readonly noise: number;
  /** Null where the noise explains the unrest, so that it was not measured; else see `Sharpness` of nabla/train. */
  readonly sharpness: number | null;
  readonly edge: number | null;
}

export const lookSchema = z.object({
  step: z.int().gte(0),
  signal: z.number(),
  noise: z.number(),
  sharpness: z.number().nullable(),
  edge: z.number().nullable(),
});

/** Of several looks together: the noise scale in rows, infinite where the mean gradient is lost in the noise. */
export function noiseScaleOf(looks: readonly Look[]): number {
  const sum = (of: (look: Look) => number): number => looks.reduce((total, look) => total + of(look), 0);
  const signal = sum((look) => look.signal);
  return signal > 0 ? sum(({ noise }) => noise) / signal : Number.POSITIVE_INFINITY;
}

/** The look with the median of sharpness over the edge, of those that have both; null where none has. */
export function sharpnessOf(
  looks: readonly Look[],
): { readonly sharpness: number; readonly edge: number; readonly ofEdge: number } | null {
  const known = looks.flatMap(({ sharpness, edge }) =>
    sharpness === null || edge === null || !(edge > 0) ? [] : [{ sharpness, edge, ofEdge: sharpness / edge }],
  );
  known.sort((a, b) => a.ofEdge - b.ofEdge);
  return known[(known.length - 1) >> 1] ?? null;
}

/** What findings about the learning rate say of it. */
export const edgeEvidence = ({ looks }: { readonly looks: readonly Look[] }): Record<string, number> => ({
  ...sharpnessOf(looks),
});
