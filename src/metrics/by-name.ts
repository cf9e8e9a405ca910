/** The metrics that have a name of their own, and which way is better. */
import { accuracy, topKAccuracy } from "./accuracy.ts";
import { prAuc, rocAuc } from "./auc.ts";
import { calibrationError } from "./calibration.ts";
import { f1, precision, recall } from "./class-counts.ts";
import { logLoss, perplexity } from "./likelihood.ts";
import { mae, mse, r2, rmse } from "./regression.ts";

/** Constructors by name, each good without options. */
export const metricsByName = {
  accuracy,
  topKAccuracy,
  precision,
  recall,
  f1,
  rocAuc,
  prAuc,
  logLoss,
  perplexity,
  calibrationError,
  mse,
  mae,
  rmse,
  r2,
} as const;
export type MetricName = keyof typeof metricsByName;

const errors: ReadonlySet<string> = new Set<MetricName>([
  "logLoss",
  "perplexity",
  "calibrationError",
  "mse",
  "mae",
  "rmse",
]);

/** Whether smaller values of the metric are better: of a loss, and of the errors among the above. */
export const smallerIsBetter = (name: string): boolean => errors.has(name) || name.endsWith("loss");
