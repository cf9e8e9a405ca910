/** The constants of CMA-ES for a dimension and a population: weights of recombination and rates of learning. */

export interface CmaConstants {
  /** How many candidates make the mean. */
  readonly mu: number;
  /** [population], from the best candidate to the worst; the first mu sum to 1, the rest are 0 or below. */
  readonly weights: Float64Array;
  /** mu_eff = 1 / sum of the squares of the first mu weights. */
  readonly muEff: number;
  readonly cSigma: number;
  readonly dSigma: number;
  readonly cC: number;
  readonly c1: number;
  readonly cMu: number;
  /** E |N(0, I)|. */
  readonly chi: number;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
/** (sum w)^2 / sum w^2: how many equal weights would vary as much. */
const effective = (values: readonly number[]): number => sum(values) ** 2 / sum(values.map((w) => w * w));

/**
 * Table 1 of the tutorial with alpha_cov = 2. With w'_i = ln((lambda + 1) / 2) - ln i:
 *   positive: w_i = w'_i / sum of the positive w'
 *   negative: w_i = w'_i min(1 + c1 / cmu, 1 + 2 mu_eff^- / (mu_eff + 2), (1 - c1 - cmu) / (n cmu)) / sum of |negative w'|
 * `diagonal` multiplies c1 and cmu by (n + 2) / 3 (Ros and Hansen, 2008), of which cmu stays at most 1 - c1.
 */
export function cmaConstants(
  n: number,
  lambda: number,
  { active, diagonal }: { active: boolean; diagonal: boolean },
): CmaConstants {
  const mu = Math.floor(lambda / 2);
  const raw = Array.from({ length: lambda }, (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1));
  const [kept, rest] = [raw.slice(0, mu), raw.slice(mu)];
  const muEff = effective(kept);
  const faster = diagonal ? (n + 2) / 3 : 1;
  const c1 = (faster * 2) / ((n + 1.3) ** 2 + muEff);
  const cMu = Math.min(1 - c1, (faster * 2 * (1 / 4 + muEff + 1 / muEff - 2)) / ((n + 2) ** 2 + muEff));
  const most = Math.min(
    1 + c1 / cMu,
    1 + (2 * effective(rest)) / (muEff + 2),
    // Keeps the matrix positive definite.
    (1 - c1 - cMu) / (n * cMu),
  );
  const [up, down] = [sum(kept), -sum(rest)];
  const negative = (w: number) => (active ? (w * most) / down : 0);
  const cSigma = (muEff + 2) / (n + muEff + 5);
  return {
    mu,
    weights: Float64Array.from(raw, (w, i) => (i < mu ? w / up : negative(w))),
    muEff,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma,
    cC: (4 + muEff / n) / (n + 4 + (2 * muEff) / n),
    c1,
    cMu,
    chi: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
  };
}
