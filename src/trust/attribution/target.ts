/** Which output is explained: one number for each row. */
import { type Tensor, takeAlongAxis, tensor } from "../../engine/tensor/index.ts";
import { type Module, predict } from "../../nn/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import { checkRows, checkWhole } from "../checks.ts";
import { outputsOf, valuesOf } from "../compiled.ts";

/**
 * The output to explain: "predicted", the largest of each row (default); a number, the same for all rows; or one for each row.
 * Of a model with one output, [n] or [n, 1], it is that one.
 */
export type Target = "predicted" | number | ArrayLike<number>;

/** What all attributions take. */
export interface AttributionOptions {
  readonly target?: Target;
  /** Rows at a time. Default 32. */
  readonly batch?: number;
}

export interface Attribution {
  /** In the shape of x; of `gradCam` without the channels. */
  readonly values: Tensor;
  /** The output explained, of each row. */
  readonly targets: Int32Array;
}

/** The number of outputs of a row. Throws ShapeError unless outputs are [n] or [n, k]. */
function outputsIn(op: string, shape: readonly number[]): number {
  if (shape.length === 1) return 1;
  if (shape.length === 2) return shape[1] as number;
  throw new ShapeError(
    `${op}: the model's outputs must be [n] or [n, outputs]; got ${formatShape(shape)}. Wrap it in a Module that picks them.`,
  );
}

/** The chosen output of each row: [n]. */
export function scoresOf(outputs: Tensor, targets: Tensor): Tensor {
  if (outputs.ndim === 1) return outputs;
  return takeAlongAxis(outputs, targets.unsqueeze(-1), -1).squeeze(-1);
}

/** The target of each row of x, by number. Throws ConfigError for one that is not there, ShapeError where they are not as many as rows. */
export async function resolveTargets(
  op: string,
  model: Module,
  x: Tensor,
  { target = "predicted", batch = 32 }: AttributionOptions,
): Promise<Int32Array> {
  checkWhole(op, "batch", batch, 1);
  const rows = x.shape[0] as number;
  // Never computed: it tells the shape.
  const { shape } = outputsOf(model, valuesOf(model), x.slice([0, 1]));
  const count = outputsIn(op, shape);
  if (target === "predicted") {
    if (shape.length === 1) return new Int32Array(rows);
    const outputs = await predict(model, x, { batch });
    return Int32Array.from((await outputs.argmax(-1).data()) as ArrayLike<number>);
  }
  if (typeof target === "string") {
    throw new ConfigError(`${op}: target must be "predicted" or an output's number; got "${target}".`);
  }
  if (typeof target !== "number") checkRows(op, "target", target.length, rows);
  return Int32Array.from({ length: rows }, (_, row) => {
    const own = typeof target === "number" ? target : (target[row] as number);
    if (Number.isInteger(own) && own >= 0 && own < count) return own;
    throw new ConfigError(
      `${op}: target must be an output of the model, 0 to ${count - 1}; got ${own}${typeof target === "number" ? "" : ` for row ${row}`}.`,
    );
  });
}

/** i32 [to - from] of the targets of these rows. */
export const targetRows = (targets: Int32Array, from: number, to: number): Tensor =>
  tensor(targets.slice(from, to));
