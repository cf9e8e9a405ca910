/** predictor: a model compiled for one input shape, from numbers to numbers at once. */
import {
  type HostFunction,
  hostFunction,
  type MatmulPrecision,
  type Tensor,
} from "../engine/tensor/index.ts";
import { ConfigError, type Shape } from "../util/index.ts";
import { apply } from "./apply.ts";
import { context } from "./context.ts";
import { type Module, namedParameters, type Tensors } from "./module.ts";
import type { Parameter } from "./parameter.ts";

export interface PredictorOptions {
  /** Shape of one input, without the axis of rows: `[784]`. */
  readonly inputShape: Shape;
  /** Rows in each call. Default 1. */
  readonly batch?: number;
  /** Where it runs. Default: `defaultDevice()`. */
  readonly device?: string;
  /** As in `jit`. Default "f32". */
  readonly matmulPrecision?: MatmulPrecision;
}

export interface Predictor {
  /** [batch, ...inputShape] */
  readonly inputShape: Shape;
  /** [batch, ...] */
  readonly outputShape: Shape;
  /**
   * The model's outputs for `batch` inputs, in row-major order, written to `out`. Without `out` the result is an array that belongs to
   * the predictor and is overwritten by the next call.
   *
   * Follows the model: after `model.load(...)` or another change of a parameter the next call uses the new values.
   * @throws ShapeError for an array of another length; DonatedError when a parameter's memory was donated or freed.
   */
  predict(input: Float32Array, out?: Float32Array): Float32Array;
  /** Frees the predictor's memory; `predict` throws afterwards. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Compiles `model` in inference mode (dropout lets everything pass, statistics stand still) for rows of one shape. For the lowest
 * latency: a call allocates nothing, makes no tensor and awaits nothing; its input is copied into memory of the plan and its output
 * out of it. The model's structure is what it is now: after layers were exchanged make another.
 * @throws ConfigError unless `batch` is a positive integer and every parameter has a value; DTypeError unless the output is f32;
 * UnsupportedError on a device that can only be read with a promise.
 * @example
 * const digits = predictor(model, { inputShape: [784] });
 * const logits = digits.predict(pixels); // Float32Array of 10
 */
export function predictor(model: Module, options: PredictorOptions): Predictor {
  const { inputShape, batch = 1, device, matmulPrecision } = options;
  if (!Number.isInteger(batch) || batch < 1) {
    throw new ConfigError(`predictor: batch must be a positive integer; got ${batch}.`);
  }
  const named = namedParameters(model);
  const parameters = [...named.values()];
  const paths = [...named.keys()];
  let values: readonly Tensor[] = parameters.map((parameter) => parameter.value);
  const tensors = (of: readonly Tensor[]): Tensors =>
    Object.fromEntries(paths.map((path, index) => [path, of[index] as Tensor]));
  const forward = (x: Tensor, own: Tensors): Tensor => apply(model, own, () => model.forward(x, context()));
  const compiled: HostFunction<Tensors> = hostFunction(forward, [batch, ...inputShape], tensors(values), {
    name: "predict",
    ...(device === undefined ? {} : { device }),
    ...(matmulPrecision === undefined ? {} : { matmulPrecision }),
  });
  let own: Float32Array | null = null;

  // Values that cannot be used must be refused by the next call too.
  const follow = (): void => {
    const next = parameters.map((parameter) => parameter.value);
    compiled.use(tensors(next));
    values = next;
  };
  const dispose = () => compiled.dispose();
  return {
    inputShape: compiled.inputShape,
    outputShape: compiled.outputShape,
    predict(input, out) {
      if (changed(parameters, values)) follow();
      own ??= new Float32Array(compiled.outputShape.reduce((product, dim) => product * dim, 1));
      const result = out ?? own;
      compiled.call(input, result);
      return result;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function changed(parameters: readonly Parameter[], values: readonly Tensor[]): boolean {
  for (let i = 0; i < parameters.length; i++) {
    if ((parameters[i] as Parameter).value !== values[i]) return true;
  }
  return false;
}
