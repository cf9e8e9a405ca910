export type { Maths } from "./maths.ts";
export { type Schedule, schedule } from "./schedule.ts";
export { constant, exponentialDecay, linear, piecewise, stepDecay, warmupCosine } from "./schedules.ts";
