/** Helpers for tests of code built on nabla: numeric derivatives and comparisons with stated tolerance. */
export { expectClose, type Tolerance, toleranceUlp, ulpDistance } from "./close.ts";
export { checkGradient, type NumericOptions, numericGradient } from "./numeric.ts";
