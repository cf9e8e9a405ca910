/** warn: says of an error that work goes on without what it spoilt. */

export const warn = (error: unknown): void =>
  process.emitWarning(error instanceof Error ? error.message : String(error), { type: "NablaWarning" });
