/** fix: tries a finding's remedies, and keeps one only if it helps beyond the noise. */
import type { Experiment } from "../../train/index.ts";
import type { Finding } from "../finding.ts";
import type { Remedy } from "../remedy.ts";
import { type Comparison, compareLosses, inOrder, type TrialOptions, trial, trialData } from "./trial.ts";

export interface FixOptions extends TrialOptions {
  /** Runs of each side in the test, from seeds that the choice did not see. Default 4. */
  readonly seeds?: number;
  readonly onTrial?: (remedies: readonly Remedy[], loss: number) => void;
}

export interface Attempt {
  readonly finding: Finding["id"];
  readonly remedies: readonly Remedy[];
  readonly comparison: Comparison;
}

export interface Fixed {
  /** What was tested, in order; the last may be what was kept. */
  readonly attempts: readonly Attempt[];
  /** Null where nothing helped. */
  readonly kept: Attempt | null;
}

/** Findings that remedies are tried for. */
const MOST_FINDINGS = 2;

/** With these a lower validation loss means nothing, until a person has put it right. */
const misleading: ReadonlySet<string> = new Set(["leaking-column", "validation-leak", "validation-shift"]);

/** A finding's remedies alone, and its first with each other one: what is wrong in two ways takes two. */
function candidates({ remedies }: Finding): (readonly Remedy[])[] {
  const real = remedies.filter(({ kind }) => kind !== "advice");
  const [first, ...rest] = real;
  const pairs =
    first === undefined ? [] : rest.filter(({ kind }) => kind !== first.kind).map((other) => [first, other]);
  return [...real.map((remedy) => [remedy]), ...pairs.slice(0, 3)];
}

/**
 * Tries the remedies of the gravest findings: each once, from one seed; then the best beside the experiment as it is, from `seeds` other
 * seeds and with as many rows of training. Kept is what has the lower validation loss beyond the noise of the seeds (Welch's test at 5 %),
 * or what trains where the experiment as it is does not. Info is left alone.
 * @throws What making data and model throws.
 * @example const { kept } = await fix(experiment, findings);
 */
export async function fix(
  experiment: Experiment,
  findings: readonly Finding[],
  options: FixOptions = {},
): Promise<Fixed> {
  const { seeds = 4, onTrial } = options;
  const data = await trialData(experiment);
  const first = experiment.seed ?? 0;
  const run = (remedies: readonly Remedy[], seed: number) => trial(experiment, data, remedies, seed, options);
  const attempts: Attempt[] = [];
  let before: number[] | null = null;
  const untrusted = findings.findIndex(({ id, severity }) => severity === "severe" && misleading.has(id));
  const trusted = untrusted < 0 ? findings : findings.slice(0, untrusted);
  const grave = trusted.filter((finding) => finding.severity !== "info" && candidates(finding).length > 0);
  for (const finding of grave.slice(0, MOST_FINDINGS)) {
    const tried: { remedies: readonly Remedy[]; loss: number }[] = [];
    for (const remedies of candidates(finding)) {
      if (options.signal?.aborted) return { attempts, kept: null };
      const loss = await run(remedies, first);
      tried.push({ remedies, loss });
      onTrial?.(remedies, loss);
    }
    const best = tried.reduce((a, b) => (b.loss < a.loss * 0.98 ? b : a));
    if (!Number.isFinite(best.loss)) continue;
    const others = Array.from({ length: seeds }, (_, i) => first + 1 + i);
    before ??= await inOrder(others, (seed) => run([], seed));
    const after = await inOrder(others, (seed) => run(best.remedies, seed));
    const attempt = {
      finding: finding.id,
      remedies: best.remedies,
      comparison: compareLosses(before, after),
    };
    attempts.push(attempt);
    if (attempt.comparison.helps) return { attempts, kept: attempt };
  }
  return { attempts, kept: null };
}
