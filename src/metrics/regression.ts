/** mse, mae, rmse and r2: how far predictions are from numbers. */
import { type Tensor, tensor, where } from "../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError, sameShape } from "../util/index.ts";
import type { Batch, Metric } from "./metric.ts";
import { requireWhole } from "./options.ts";

type Sums = { readonly sum: Tensor; readonly count: Tensor };

/** The mean of (prediction - target)^2 over all elements. @throws ShapeError unless both have one shape. */
export const mse = (): Metric<Sums> => meanOf("mse", (d) => d.square());

/** The mean of |prediction - target| over all elements. @throws ShapeError unless both have one shape. */
export const mae = (): Metric<Sums> => meanOf("mae", (d) => d.abs());

/** The root of `mse`. @throws ShapeError unless both have one shape. */
export const rmse = (): Metric<Sums> =>
  meanOf(
    "rmse",
    (d) => d.square(),
    (mean) => mean.sqrt(),
  );

function meanOf(
  name: string,
  of: (difference: Tensor) => Tensor,
  finish: ((mean: Tensor) => Tensor) | null = null,
): Metric<Sums> {
  return {
    name,
    mean: finish === null,
    init(place = {}) {
      const { device } = place;
      return { sum: tensor(0, { dtype: "f32", device }), count: tensor(0, { dtype: "i32", device }) };
    },
    update({ sum, count }, batch) {
      const [p, t] = pairOf(name, batch);
      return { sum: sum.add(of(p.sub(t)).sum()), count: count.add(p.size) };
    },
    value({ sum, count }) {
      const mean = sum.div(count.astype("f32"));
      return finish === null ? mean : finish(mean);
    },
  };
}

/** f32 [outputs] each, but for the number of rows so far. */
type Moments = {
  readonly count: Tensor;
  /** The first row's targets: what the mean is measured from. */
  readonly origin: Tensor;
  readonly mean: Tensor;
  /** Squared distances of targets from their mean, and of predictions from targets. */
  readonly spread: Tensor;
  readonly error: Tensor;
};

export interface R2Options {
  /** How many numbers each row has, whose r2 are averaged. Default 1. */
  readonly outputs?: number;
}

/**
 * 1 - sum (t - p)^2 / sum (t - mean t)^2: 1 is perfect, 0 as good as the mean of the targets. With several outputs the mean of theirs, as
 * scikit-learn's r2_score. Where targets do not vary: 1 when all are met, else 0, as there.
 * The targets' spread is merged from batches by Chan, Golub and LeVeque's formula (1979), measured from the first row, so that a large mean costs no digits.
 * @throws ConfigError unless outputs is what a row has; ShapeError unless predictions and targets have one shape.
 */
export function r2(options: R2Options = {}): Metric<Moments> {
  const { outputs = 1 } = options;
  requireWhole("r2", "outputs", outputs, 1);
  return {
    name: "r2",
    mean: false,
    init(place = {}) {
      const { device } = place;
      const empty = () => tensor(new Float32Array(outputs), { device });
      const count = tensor(0, { dtype: "i32", device });
      return { count, origin: empty(), mean: empty(), spread: empty(), error: empty() };
    },
    update(state, batch) {
      const [predictions, targets] = pairOf("r2", batch);
      const rows = targets.shape[0] ?? 1;
      if (targets.size !== rows * outputs) {
        throw new ConfigError(
          `r2: outputs must be how many numbers a row has; got ${outputs} for targets ${formatShape(targets.shape)}.`,
        );
      }
      const [p, t] = [predictions.reshape([rows, outputs]), targets.reshape([rows, outputs])];
      const origin = where(state.count.eq(0), t.index(0), state.origin);
      const near = t.sub(origin);
      const mean = near.mean(0);
      const count = state.count.add(rows);
      const shift = mean.sub(state.mean);
      const part = count.astype("f32").reciprocal().mul(rows);
      return {
        count,
        origin,
        mean: state.mean.add(shift.mul(part)),
        spread: state.spread
          .add(near.sub(mean).square().sum(0))
          .add(shift.square().mul(state.count.astype("f32")).mul(part)),
        error: state.error.add(p.sub(t).square().sum(0)),
      };
    },
    value({ count, spread, error }) {
      const still = spread.eq(0);
      const lost = where(still, where(error.eq(0), 0, 1), error.div(where(still, 1, spread)));
      return where(count.eq(0), Number.NaN, lost.mean().neg().add(1));
    },
  };
}

/** Predictions and targets as f32. Throws ShapeError unless they have one shape. */
function pairOf(name: string, { logits, targets }: Batch): [Tensor, Tensor] {
  if (sameShape(logits.shape, targets.shape)) return [logits, targets.astype("f32")];
  throw new ShapeError(
    `${name}: predictions and targets must have one shape; got ${formatShape(logits.shape)} and ${formatShape(targets.shape)}. Reshape one of them.`,
  );
}
