/** One number of a metric for whole arrays of outputs and targets. */
import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { type Metric, type MetricName, metricsByName } from "../metrics/index.ts";
import { ConfigError, suggestion } from "../util/index.ts";

/** The metric of a name, or the one given. Throws ConfigError for a name that is none, with the nearest. */
export function metricOf(op: string, metric: MetricName | Metric): Metric {
  if (typeof metric !== "string") return metric;
  const make = Object.hasOwn(metricsByName, metric) ? metricsByName[metric] : undefined;
  if (make === undefined) {
    throw new ConfigError(
      `${op}: there is no metric "${metric}".${suggestion(metric, Object.keys(metricsByName))}`,
    );
  }
  return make() as Metric;
}

/** The metric's value; one output of each row, [n, 1], stands beside targets [n] as [n]. The loss, which only some metrics of a user's own may ask for, is not known here: NaN. */
export async function measure(metric: Metric, logits: Tensor, targets: Tensor): Promise<number> {
  const single = logits.ndim === targets.ndim + 1 && logits.shape.at(-1) === 1;
  const batch = { logits: single ? logits.squeeze(-1) : logits, targets, loss: tensor(Number.NaN) };
  return metric.value(metric.update(metric.init(), batch)).item();
}
