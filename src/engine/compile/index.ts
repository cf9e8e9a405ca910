export { compile } from "./compile.ts";
export { explain, explain as explainPlan, explainSteps } from "./explain.ts";
export type { CompileGraph, CompileOptions } from "./options.ts";
export { type StepWork, workOfSteps } from "./work.ts";
