/** The kinds of error nabla throws. Text: `op: what must hold; got A and B. Hint.` */

/** Base of every error nabla throws on purpose: its message is meant for the user, without a stack trace. */
export class NablaError extends Error {
  override name = "NablaError";
}

/** Shapes do not fit an operation, a layer or a function's contract. */
export class ShapeError extends NablaError {
  override name = "ShapeError";
}

/** A dtype is not accepted by an operation. */
export class DTypeError extends NablaError {
  override name = "DTypeError";
}

/** A tensor was read after its memory had been given away (donated) or freed. */
export class DonatedError extends NablaError {
  override name = "DonatedError";
}

/** The operation exists but not for this backend, device or combination. */
export class UnsupportedError extends NablaError {
  override name = "UnsupportedError";
}

/** An option, an experiment or an argument is wrong. */
export class ConfigError extends NablaError {
  override name = "ConfigError";
}

/** Data (what is in a file, a label, a row) is not what it should be. */
export class DataError extends NablaError {
  override name = "DataError";
}

/** A file or folder cannot be read or written. `code` is the system's, as in ENOSPC. */
export class FileError extends NablaError {
  override name = "FileError";
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** A device has no room for an allocation; the message lists the largest storages. */
export class OutOfMemoryError extends NablaError {
  override name = "OutOfMemoryError";
}

/** A broken invariant inside nabla: a bug to report. */
export class InternalError extends NablaError {
  override name = "InternalError";
}
