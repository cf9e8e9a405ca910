/** predict: a model's outputs for many rows, batch by batch in one native call. */
import {
  type Jitted,
  jit,
  type MatmulPrecision,
  scatterSet,
  type Tensor,
  take,
  tensor,
} from "../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError, sizeOf } from "../util/index.ts";
import { apply } from "./apply.ts";
import { context } from "./context.ts";
import { type Module, namedParameters, revisionOf, type Tensors } from "./module.ts";

export interface PredictOptions {
  /** Rows at a time: more fill the kernels, fewer need less memory for what lies between the layers. Default 1,024. */
  readonly batch?: number;
  /** Values in place of the model's own, by path. */
  readonly tensors?: Tensors;
  /** As in `jit`. Default "f32". */
  readonly matmulPrecision?: MatmulPrecision;
}

/** What a batch moves on: the outputs written so far, and the first row of the next batch. */
type State = readonly [outputs: Tensor, cursor: Tensor];
type Step<X> = Jitted<(state: State, x: X, tensors: Tensors, offsets: Tensor) => State>;
/** The inputs at some rows (i32 [batch]) of X, a tree of tensors: [batch, ...]. */
type Gather<X> = (x: X, rows: Tensor) => Tensor;

interface Steps {
  readonly revision: number;
  readonly ways: WeakMap<Gather<never>, Map<MatmulPrecision, unknown>>;
}

/** A model's steps, one for each precision and way of gathering, live as long as the model keeps its structure. */
const steps = new WeakMap<Module, Steps>();

function stepsOf<X>(model: Module, gather: Gather<X>): Map<MatmulPrecision, unknown> {
  const revision = revisionOf(model);
  let found = steps.get(model);
  if (found?.revision !== revision) {
    found = { revision, ways: new WeakMap() };
    steps.set(model, found);
  }
  const known = found.ways.get(gather) ?? new Map<MatmulPrecision, unknown>();
  found.ways.set(gather, known);
  return known;
}

function stepOf<X>(model: Module, gather: Gather<X>, matmulPrecision: MatmulPrecision): Step<X> {
  const known = stepsOf(model, gather);
  // Kept under the very function that fixes X.
  let step = known.get(matmulPrecision) as Step<X> | undefined;
  if (step === undefined) {
    step = jit(
      ([outputs, cursor]: State, x: X, tensors: Tensors, offsets: Tensor): State => {
        // Past the end a row is read as NaN and written nowhere: the last batch needs no program of its own.
        const rows = offsets.add(cursor);
        const y = forward(model, tensors, gather(x, rows));
        return [scatterSet(outputs, rows, y), cursor.add(offsets.size)];
      },
      { donate: [0], name: "predict", matmulPrecision },
    );
    known.set(matmulPrecision, step);
  }
  return step;
}

const forward = (model: Module, tensors: Tensors, x: Tensor): Tensor =>
  apply(model, tensors, () => model.forward(x, context()));

/**
 * The model's outputs [rows, ...] for inputs x [rows, ...], in inference mode. All batches run in one call off the event loop, with
 * nothing allocated between them. Each number of rows is compiled once; for single rows see `predictor`.
 * @throws ShapeError unless x has a first axis with rows in it; ConfigError unless `batch` is a positive integer.
 * @example const logits = await predict(model, test.x, { batch: 512 });
 */
export async function predict(model: Module, x: Tensor, options: PredictOptions = {}): Promise<Tensor> {
  const rows = x.shape[0] ?? 0;
  if (rows === 0) {
    throw new ShapeError(`predict: x must have a first axis with rows in it; got ${formatShape(x.shape)}.`);
  }
  return predictRows(model, { rows, x, gather: takeRows, device: x.device }, options);
}

const takeRows: Gather<Tensor> = (x, rows) => take(x, rows, 0);

/** Inputs in whatever form a device holds them. */
export interface RowSource<X> {
  /** How many there are, at least 1. */
  readonly rows: number;
  readonly x: X;
  /** Part of the compiled step, which is kept under it: pass the same function each time. */
  readonly gather: Gather<X>;
  readonly device: string;
}

/**
 * The same for inputs that are no tensor of numbers: `gather` makes each batch of them, as from bytes.
 * @throws ConfigError unless `batch` is a positive integer.
 * @example predictRows(model, { rows: 60000, x: bytes, gather: (x, rows) => take(x, rows, 0).astype("f32").div(255), device: "cpu" });
 */
export async function predictRows<X>(
  model: Module,
  { rows, x, gather, device }: RowSource<X>,
  options: PredictOptions = {},
): Promise<Tensor> {
  const asked = options.batch ?? 1024;
  if (!Number.isInteger(asked) || asked < 1) {
    throw new ConfigError(`predict: batch must be a positive integer; got ${asked}.`);
  }
  const batch = Math.min(asked, rows);
  const tensors = options.tensors ?? valuesOf(model);
  const offsets = tensor(
    Int32Array.from({ length: batch }, (_, row) => row),
    { device },
  );
  // Never computed: it tells shape and dtype of a batch's outputs.
  const { shape, dtype } = forward(model, tensors, gather(x, offsets));
  const whole = [rows, ...shape.slice(1)];
  const state: State = [
    tensor(new Float32Array(sizeOf(whole)), { shape: whole, dtype, device }),
    tensor(0, { dtype: "i32", device }),
  ];
  const step = stepOf(model, gather, options.matmulPrecision ?? "f32");
  const [outputs, cursor] = await step.repeat(Math.ceil(rows / batch), state, x, tensors, offsets);
  cursor.dispose();
  return outputs;
}

function valuesOf(model: Module): Tensors {
  return Object.fromEntries([...namedParameters(model)].map(([path, { value }]) => [path, value]));
}
