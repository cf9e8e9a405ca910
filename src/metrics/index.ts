export { accuracy } from "./accuracy.ts";
export { meanLoss } from "./mean-loss.ts";
export type { Batch, Metric } from "./metric.ts";
