/** Findings in words, for a terminal. */
import type { Finding } from "./finding.ts";
import { remedyWords } from "./remedy.ts";

/** As in `severe  learning-rate-too-high: The learning rate ... Try: learning rate times 0.1, or ...`. */
export function findingLine({ id, severity, text, remedies }: Finding): string {
  const tries = remedies.slice(0, 3).map(remedyWords);
  return `${severity.padEnd(7)} ${id}: ${text}${tries.length === 0 ? "" : ` Try: ${tries.join(", or ")}.`}`;
}

/** A line each, or that there are none. */
export const findingLines = (findings: readonly Finding[]): string =>
  findings.length === 0 ? "nothing found" : findings.map(findingLine).join("\n");
