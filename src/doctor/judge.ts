/** judge: all rules on what is known of a run. */
import type { Evidence } from "./evidence.ts";
import { type Finding, ranked } from "./finding.ts";
import { dataRules } from "./rules/data.ts";
import { gradientRules } from "./rules/gradients.ts";
import { modelRules } from "./rules/model.ts";
import { progressRules } from "./rules/progress.ts";
import { speedRules } from "./rules/speed.ts";
import { unrestRules } from "./rules/unrest.ts";

/**
 * What is wrong, the likeliest cause first; empty where nothing was found. A pure function of the evidence: what is not known is judged
 * neither way.
 * @example const [first] = judge({ ...noEvidence, telemetry, history });
 */
export function judge(evidence: Evidence): Finding[] {
  return ranked([
    ...dataRules(evidence),
    ...modelRules(evidence),
    ...gradientRules(evidence),
    ...progressRules(evidence),
    ...unrestRules(evidence),
    ...speedRules(evidence),
  ]);
}
