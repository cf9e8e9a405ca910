/** What can be known to be wrong before the first step: shapes through the whole model, and labels out of range. */
import type { Dataset, HostArray } from "../data/index.ts";
import { type Tensor, zeros } from "../engine/tensor/index.ts";
import { context } from "../nn/index.ts";
import { ConfigError, DataError, formatShape, NablaError } from "../util/index.ts";
import type { Parts } from "./steps.ts";

const rowsLike = (array: HostArray, rows: number): Tensor =>
  zeros([rows, ...array.shape.slice(1)], array.dtype);

/**
 * Sends rows of zeros through model, loss and metrics without computing anything: only shapes and dtypes are inferred.
 *
 * Throws ShapeError or DTypeError naming the layer, ConfigError when the loss is not 0-d, DataError naming the first row
 * whose label the model has no output for. `name` is what errors call the data.
 */
export function checkFit(
  parts: Omit<Parts, "optimizer">,
  data: Dataset,
  batchSize: number,
  name: string,
): void {
  const { model, loss, metrics } = parts;
  const rows = Math.min(batchSize, data.length);
  const logits = model.forward(rowsLike(data.x, rows), context());
  const targets = rowsLike(data.y, rows);
  checkLabels(data.y, logits, name);
  const value = loss(logits, targets);
  if (value.ndim !== 0) {
    throw new ConfigError(
      `loss: must return one number (0-d) for a batch; got ${value.dtype}${formatShape(value.shape)}. Take its mean().`,
    );
  }
  for (const metric of metrics) {
    try {
      metric.update(metric.init(), { logits, targets, loss: value });
    } catch (error) {
      if (error instanceof NablaError) error.message = `${error.message} (in the metric "${metric.name}")`;
      throw error;
    }
  }
}

/** Integer targets with one axis less than the outputs are class numbers. */
function checkLabels(y: HostArray, logits: Tensor, name: string): void {
  if (y.dtype !== "i32" || y.shape.length !== logits.ndim - 1) return;
  const classes = logits.shape.at(-1) as number;
  const at = y.data.findIndex((label) => label < 0 || label >= classes);
  if (at < 0) return;
  const perRow = y.data.length / (y.shape[0] as number);
  throw new DataError(
    `${name}: labels must be in [0, ${classes}), as the model has ${classes} outputs; row ${Math.floor(at / perRow)} has label ${y.data[at]}. Give the last layer more outputs, or fix the labels.`,
  );
}
