/** Parameter: a tensor a module owns, with how it starts and whether it is trained. */
import type { Tensor } from "../engine/tensor/index.ts";
import { ConfigError, formatShape, type Shape, ShapeError, sameShape } from "../util/index.ts";
import { type Initializer, zeros } from "./initializers.ts";

export interface ParameterOptions {
  /** False for frozen weights: no gradient is taken, but it is saved with the model. Default true, false for a buffer. */
  readonly trainable?: boolean;
  /** State rather than a weight, as running statistics are: freezing and unfreezing leave it alone. Default false. */
  readonly buffer?: boolean;
}

/**
 * A named tensor of a module. It has no value until `model.init(seed)` or `model.load(...)` gives it one.
 * The same Parameter in two places of a model is one (tied) parameter, known by the first path.
 * @example this.weight = new Parameter([128, 10], glorotUniform);
 */
export class Parameter {
  readonly shape: Shape;
  /** What the next `init` goes by. */
  initializer: Initializer;
  /** Setting it to false freezes the parameter from the next `parameters()` on. */
  trainable: boolean;
  readonly isBuffer: boolean;
  /** Where it is in the model that was last initialised or applied, as in `layers/0/weight`. For messages and `ctx.put`. */
  path = "";
  private current: Tensor | null = null;

  constructor(shape: Shape, initializer: Initializer, options: ParameterOptions = {}) {
    if (!shape.every((dim) => Number.isInteger(dim) && dim >= 0)) {
      throw new ConfigError(`Parameter: shape must be non-negative integers; got ${formatShape(shape)}.`);
    }
    this.shape = [...shape];
    this.initializer = initializer;
    this.isBuffer = options.buffer ?? false;
    this.trainable = options.trainable ?? !this.isBuffer;
  }

  get initialized(): boolean {
    return this.current !== null;
  }

  /** Throws ConfigError when it has none yet. */
  get value(): Tensor {
    if (this.current === null) {
      throw new ConfigError(
        `${this.path || "Parameter"}: must have a value before it is used; got none. Call model.init(seed) or model.load(tensors) first.`,
      );
    }
    return this.current;
  }

  /** Throws ShapeError unless the shapes are equal. */
  set value(next: Tensor) {
    if (!sameShape(next.shape, this.shape)) {
      throw new ShapeError(
        `${this.path || "Parameter"}: value must be ${formatShape(this.shape)}; got ${next.dtype}${formatShape(next.shape)}.`,
      );
    }
    this.current = next;
  }

  /** Sets the value, or none, and returns what was there: for a binding that is taken back later. */
  swap(next: Tensor | null): Tensor | null {
    const previous = this.current;
    if (next === null) this.current = null;
    else this.value = next;
    return previous;
  }
}

/** State that is not trained, such as running statistics. Write it with `ctx.put`. */
export function buffer(shape: Shape, initializer: Initializer = zeros): Parameter {
  return new Parameter(shape, initializer, { buffer: true });
}
