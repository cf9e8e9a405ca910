/** The null device: takes plans, counts what they would do and runs nothing. For looking at plans of models too big to run. */
export { type NullBackend, nullBackend, type PlanCounts, planCounts } from "./backend.ts";
