/** Functions of numbers on the host: compiled once, bound to memory of their own, called without tensors or promises. */
import { ConfigError, DTypeError, formatShape, type Shape, ShapeError, sizeOf } from "../../util/index.ts";
import { type BoundRun, formatAval, type MatmulPrecision } from "../ir/index.ts";
import { allocate, type Device, defaultDevice, getDevice, Storage } from "../runtime/index.ts";
import { precisionOf } from "./jit.ts";
import { readSignature } from "./signature.ts";
import { type Specialized, specialize } from "./specialize.ts";
import { fromStorage, type Tensor } from "./tensor.ts";

export interface HostFunctionOptions {
  /** Where it runs. Default: `defaultDevice()`. */
  readonly device?: string;
  /** For messages. */
  readonly name?: string;
  /** As in `jit`. Default "f32". */
  readonly matmulPrecision?: MatmulPrecision;
}

/** `fn` of `hostFunction`, compiled. */
export interface HostFunction<Rest> {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Computes `to` from `from`, in row-major order. Throws ShapeError for another length; DonatedError when a tensor of `rest` is gone. */
  call(from: Float32Array, to: Float32Array): void;
  /** Takes over other tensors in place of `rest`; compiles only when their shapes differ. */
  use(rest: Rest): void;
  /** Frees its memory; calling it afterwards throws DonatedError. */
  dispose(): void;
}

/**
 * Compiles `fn(x, rest)` for an f32 x of that shape, to be called with arrays of the host: a call copies its input into memory that
 * belongs to the function, runs the plan and copies the result out, synchronously and without garbage.
 *
 * `rest` is a tree of tensors held by reference; `use` exchanges it.
 * @throws ConfigError unless `fn` returns one tensor, and for a number in `rest`; DTypeError unless that is f32; UnsupportedError where `device` can only be read
 * with a promise.
 * @example
 * const f = hostFunction((x: Tensor, w: Tensor) => x.matmul(w), [1, 784], weight);
 * f.call(row, logits);
 */
export function hostFunction<Rest>(
  fn: (x: Tensor, rest: Rest) => Tensor,
  shape: Shape,
  rest: Rest,
  options: HostFunctionOptions = {},
): HostFunction<Rest> {
  const name = options.name ?? (fn.name || "hostFunction");
  const precision = precisionOf(name, options.matmulPrecision);
  const device = options.device === undefined ? defaultDevice() : getDevice(options.device);
  const input = memoryFor(device, shape);
  const x = fromStorage(input);
  const length = sizeOf(shape);
  let key = "";
  let special: Specialized | null = null;
  let output: Storage | null = null;
  let outputShape: Shape = [];
  let outputLength = 0;
  let run: BoundRun;

  const use = (next: Rest): void => {
    const signature = readSignature(name, [x, next], new Set());
    if (signature.call.numbers.length > 0) {
      throw new ConfigError(
        `${name}: what the function works with must be tensors; got a number. Use tensor(number).`,
      );
    }
    if (special === null || signature.key !== key) {
      special = specialize(name, fn as (...args: unknown[]) => unknown, signature, precision);
      key = signature.key;
      outputShape = resultShape(name, special);
      outputLength = sizeOf(outputShape);
      output?.free();
      output = memoryFor(device, outputShape);
    }
    run = special.program.bind(special.inputs(signature.call), output as Storage, name);
  };
  use(rest);

  return {
    inputShape: [...shape],
    get outputShape() {
      return outputShape;
    },
    call(from, to) {
      if (from.length !== length) throw wrongLength(name, "input", shape, length, from.length);
      if (to.length !== outputLength) throw wrongLength(name, "output", outputShape, outputLength, to.length);
      run(from, to);
    },
    use,
    dispose() {
      input.free();
      output?.free();
    },
  };
}

function memoryFor(device: Device, shape: Shape): Storage {
  const aval = { dtype: "f32", shape: [...shape] } as const;
  return new Storage(aval, allocate(device, aval));
}

function resultShape(name: string, { program, single }: Specialized): Shape {
  const [output] = program.plan.outputs;
  if (output === undefined || !single) {
    throw new ConfigError(`${name}: the function must return one tensor; got something else.`);
  }
  if (output.aval.dtype !== "f32") {
    throw new DTypeError(
      `${name}: the result must be f32; got ${formatAval(output.aval)}. Cast with .astype("f32").`,
    );
  }
  return output.aval.shape;
}

const wrongLength = (name: string, what: string, shape: Shape, wanted: number, got: number): ShapeError =>
  new ShapeError(
    `${name}: the ${what} must have the ${wanted} elements of ${formatShape(shape)}; got ${got}.`,
  );
