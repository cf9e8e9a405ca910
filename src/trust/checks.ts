/** What arguments of this folder's functions must be, in one wording. */
import type { Tensor } from "../engine/tensor/index.ts";
import { ConfigError, DTypeError, formatShape, ShapeError } from "../util/index.ts";

/** Throws ConfigError unless the value is a whole number of at least `least`. */
export function checkWhole(op: string, name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new ConfigError(`${op}: ${name} must be a whole number of at least ${least}; got ${value}.`);
}

/** Throws ConfigError unless the value is finite and above 0. */
export function checkPositive(op: string, name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new ConfigError(`${op}: ${name} must be above 0; got ${value}.`);
}

/** Throws ConfigError unless the value is finite and 0 or above. */
export function checkNotNegative(op: string, name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new ConfigError(`${op}: ${name} must be 0 or above; got ${value}.`);
}

/** Throws ConfigError unless the value is finite. */
export function checkFinite(op: string, name: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new ConfigError(`${op}: ${name} must be a finite number; got ${value}.`);
}

/** Throws ConfigError unless the value is one of the names. */
export function checkOneOf<T extends string>(op: string, name: string, value: T, names: readonly T[]): T {
  if (names.includes(value)) return value;
  throw new ConfigError(
    `${op}: ${name} must be one of ${names.join(", ")}; got ${JSON.stringify(value) ?? String(value)}.`,
  );
}

/** Throws DTypeError unless x is f32, of which alone there are derivatives; ShapeError unless it has rows of something. */
export function checkInputs(op: string, x: Tensor): void {
  if (x.dtype !== "f32") {
    throw new DTypeError(
      `${op}: x must be f32, as only that has derivatives; got ${x.dtype}${formatShape(x.shape)}. For tokens explain the model after its embedding.`,
    );
  }
  if (x.ndim < 2 || x.size === 0) {
    throw new ShapeError(`${op}: x must be rows of inputs, [n, ...]; got ${formatShape(x.shape)}.`);
  }
}

/** Throws ShapeError unless there is one of `what` for each row. */
export function checkRows(op: string, what: string, got: number, rows: number): void {
  if (got === rows) return;
  throw new ShapeError(`${op}: there must be one of ${what} for each row; got ${got} for ${rows} rows.`);
}
