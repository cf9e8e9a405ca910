/** A step along a direction that fulfils the strong Wolfe conditions. */

/** The loss and its slope along the direction at some step, with what else belongs to that point. */
export interface Probe<T> {
  readonly step: number;
  readonly loss: number;
  readonly slope: number;
  readonly point: T;
}

export interface WolfeOptions {
  /** Part of the fall that the slope promises which must come true. */
  readonly decrease: number;
  /** Part of the slope that may be left. */
  readonly curvature: number;
  readonly evaluations: number;
  /** A rise that may be rounding. */
  readonly slack: number;
}

/** Where the cubic through two points and their slopes is least, kept inside them; the middle where there is no such place. */
export function cubicMinimum<T>(a: Probe<T>, b: Probe<T>): number {
  const width = b.step - a.step;
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.step - b.step);
  const square = d1 * d1 - a.slope * b.slope;
  const root = Math.sign(width) * Math.sqrt(Math.max(0, square));
  const at = b.step - (width * (b.slope + root - d1)) / (b.slope - a.slope + 2 * root);
  const [low, high] = [Math.min(a.step, b.step), Math.max(a.step, b.step)];
  const margin = 0.1 * (high - low);
  if (!Number.isFinite(at) || square < 0) return (low + high) / 2;
  return Math.min(Math.max(at, low + margin), high - margin);
}

/**
 * The first probe p with loss(p) <= loss(0) + decrease * p * slope(0) and |slope(p)| <= curvature * |slope(0)|; when evaluations run out,
 * the lowest that fulfils the first; null when none does. Nocedal and Wright, "Numerical optimization", 2006, algorithms 3.5 and 3.6.
 */
export async function wolfeSearch<T>(
  start: Probe<T>,
  first: number,
  probe: (step: number) => Promise<Probe<T>>,
  { decrease, curvature, evaluations, slack }: WolfeOptions,
): Promise<Probe<T> | null> {
  const falls = (p: Probe<T>) => p.loss <= start.loss + decrease * p.step * start.slope + slack;
  const flat = (p: Probe<T>) => Math.abs(p.slope) <= -curvature * start.slope;
  let best: Probe<T> | null = null;
  let left = evaluations;
  const look = async (step: number): Promise<Probe<T>> => {
    left--;
    const p = await probe(step);
    if (Number.isFinite(p.loss) && falls(p) && (best === null || p.loss < best.loss)) best = p;
    return p;
  };

  // Goes further until a minimum is known to lie between two probes: `low` the better, `high` the other.
  let low = start;
  let high: Probe<T> | null = null;
  for (let step = first; high === null && left > 0; step *= 2) {
    const p = await look(step);
    if (!Number.isFinite(p.loss) || !falls(p) || (low !== start && p.loss >= low.loss)) high = p;
    else if (flat(p)) return p;
    else if (p.slope >= 0) [low, high] = [p, low];
    else low = p;
  }
  while (high !== null && left > 0) {
    const far: Probe<T> = high;
    const p = await look(Number.isFinite(far.loss) ? cubicMinimum(low, far) : (low.step + far.step) / 2);
    if (!Number.isFinite(p.loss) || !falls(p) || p.loss >= low.loss) high = p;
    else if (flat(p)) return p;
    else {
      if (p.slope * (far.step - low.step) >= 0) high = low;
      low = p;
    }
  }
  return best;
}
