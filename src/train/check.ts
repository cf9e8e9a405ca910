/** What can be known to be wrong before the first step: shapes through the whole model, and labels out of range. */
import type { Dataset, HostArray } from "../data/index.ts";
import { valueAndGrad } from "../engine/autodiff/index.ts";
import { random, type Tensor, tensor, zeros } from "../engine/tensor/index.ts";
import { context } from "../nn/index.ts";
import { ConfigError, DataError, formatShape, NablaError, sizeOf } from "../util/index.ts";
import { type Loss, lossAt, type Parts } from "./steps.ts";

/** As at the first step. */
const firstStep = () => ({ train: true, step: tensor(0, { dtype: "i32" }) });

const rowsLike = (array: HostArray, rows: number): Tensor =>
  zeros([rows, ...array.shape.slice(1)], array.dtype);

/**
 * Sends rows of zeros through model, loss and metrics without computing anything: only shapes and dtypes are inferred. Where a label
 * is no class, the loss is asked for two rows whether it ignores that label.
 *
 * Throws ShapeError or DTypeError naming the layer, ConfigError when the loss is not 0-d, DataError naming the first row
 * whose label the model has no output for and the loss does not ignore. `name` is what errors call the data. Resolves to what the
 * model's outputs are like.
 */
export async function checkFit(
  parts: Omit<Parts, "optimizer">,
  data: Dataset,
  batchSize: number,
  name: string,
): Promise<Tensor> {
  const { model, loss, metrics, augment } = parts;
  const rows = Math.min(batchSize, data.length);
  const given = [rowsLike(data.x, rows), rowsLike(data.y, rows)] as const;
  const at = { key: random.key(0), step: firstStep().step };
  const [x, targets] = augment === undefined ? given : augment.batch(...given, at);
  const logits = model.forward(x, context());
  const value = lossAt(loss, firstStep())(logits, targets);
  if (value.ndim !== 0) {
    throw new ConfigError(
      `loss: must return one number (0-d) for a batch; got ${value.dtype}${formatShape(value.shape)}. Take its mean().`,
    );
  }
  await checkLabels(data.y, logits, loss, name);
  for (const metric of metrics) {
    try {
      metric.update(metric.init(), { logits, targets, loss: value });
    } catch (error) {
      if (error instanceof NablaError) error.message = `${error.message} (in the metric "${metric.name}")`;
      throw error;
    }
  }
  return logits;
}

/** Integer targets with one axis less than the outputs are class numbers; others only where the loss ignores them. */
export async function checkLabels(y: HostArray, logits: Tensor, loss: Loss, name: string): Promise<void> {
  if (y.dtype !== "i32" || y.shape.length !== logits.ndim - 1) return;
  const classes = logits.shape.at(-1) as number;
  const ignored = new Set<number>();
  for (const [at, label] of y.data.entries()) {
    if ((label >= 0 && label < classes) || ignored.has(label)) continue;
    if (ignored.size === 0 && (await ignores(loss, label, logits))) {
      ignored.add(label);
      continue;
    }
    const perRow = y.data.length / (y.shape[0] as number);
    throw new DataError(
      `${name}: labels must be in [0, ${classes}), as the model has ${classes} outputs; row ${Math.floor(at / perRow)} has label ${label}. Give the last layer more outputs, or fix the labels; for rows that do not count, give the loss { ignoreIndex }.`,
    );
  }
}

/** Whether a row with the label adds nothing to the loss, beside one that has a class: no gradient reaches its outputs. */
async function ignores(loss: Loss, label: number, logits: Tensor): Promise<boolean> {
  const shape = [2, ...logits.shape.slice(1, -1)];
  const perRow = sizeOf(shape) / 2;
  const targets = tensor(
    Int32Array.from({ length: 2 * perRow }, (_, at) => (at < perRow ? 0 : label)),
    { shape },
  );
  const [value, gradient] = valueAndGrad((outputs: Tensor) => lossAt(loss, firstStep())(outputs, targets))(
    zeros([...shape, logits.shape.at(-1) as number], logits.dtype),
  );
  const steepest = await (gradient.split(2)[1] as Tensor).abs().max().item();
  return Number.isFinite(await value.item()) && steepest === 0;
}
