/** explain: a plan in words. */
import type { Plan } from "../ir/index.ts";
export function explain(plan: Plan): string {
  return plan.steps.map((s) => s.kind).join("\n");
}
