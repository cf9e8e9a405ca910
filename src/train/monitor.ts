/** What callbacks that watch a value of the history share. */
import { smallerIsBetter } from "../metrics/index.ts";
import { ConfigError, suggestion } from "../util/index.ts";
import { type EpochRecord, monitored, monitors } from "./events.ts";

/** Smaller is better for a loss and for errors by name ("rmse"), larger for anything else. */
export const modeOf = (monitor: string): "min" | "max" =>
  smallerIsBetter(monitor.split(".").at(-1) ?? "") ? "min" : "max";

/** The value of a record. Throws ConfigError when there is no such value, naming the nearest there is. */
export function readMonitor(op: string, record: EpochRecord, monitor: string): number {
  const value = monitored(record, monitor);
  if (value !== undefined) return value;
  const without =
    record.validation === null && monitor.startsWith("validation") ? " without validation data" : "";
  throw new ConfigError(`${op}: there is no "${monitor}"${without}.${suggestion(monitor, monitors(record))}`);
}
